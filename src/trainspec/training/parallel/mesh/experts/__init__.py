"""Experts shared out over the processes of a group, all of which have the same tokens."""
