"""What a run will do, in numbers: batches, updates, events, learning rates. The trainer goes by it too."""
