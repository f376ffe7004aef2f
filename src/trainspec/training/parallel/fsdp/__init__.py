"""FSDP2: parameters, gradients and optimizer state shared out over processes, by torch's `fully_shard`.

Nothing is imported here: torch's own modules for it take a second, and most runs have no use for them.
"""
