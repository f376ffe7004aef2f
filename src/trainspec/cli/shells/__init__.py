"""Completion scripts: what can be typed, said once in `words.py`, written for each shell in its own file."""
