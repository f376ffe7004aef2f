"""What somebody else's code does in a run in place of ours: steps of the loop, windows, files of a checkpoint."""
