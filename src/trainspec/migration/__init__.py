"""Settings from one way of writing them to another: old names rewritten in place, other forms read and written."""
