"""The loss of a batch, of a window of batches, and of all rows of an evaluation."""
