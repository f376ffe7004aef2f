"""Evaluation and prediction: the pass over the rows, metrics, and which evaluation was the best."""
