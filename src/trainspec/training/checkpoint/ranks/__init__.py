"""What each of several processes writes of a checkpoint, and reads of it again."""
