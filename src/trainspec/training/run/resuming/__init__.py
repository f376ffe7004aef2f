"""A run that is cut in two: its last update saved, and what goes on from there."""
