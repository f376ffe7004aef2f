"""Which rows, or batches, of an epoch a process reads, where several train one model."""
