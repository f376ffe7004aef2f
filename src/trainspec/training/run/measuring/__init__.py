"""What a run measures of itself: its memory and its tokens."""
