"""What scripts written for transformers reach inside of a Trainer: methods they override, attributes they read."""
