"""Contact between processes: what it takes to come into it, and what is said when it is lost."""
