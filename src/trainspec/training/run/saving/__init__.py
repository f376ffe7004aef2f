"""Saving checkpoints: what is taken of a run, how it gets to the output folder, and what becomes of it there."""
