"""FSDP2: parameters, gradients and optimizer state shared out over processes, by torch's `fully_shard`."""

from trainspec.training.parallel.fsdp.fully_sharded import FullySharded
from trainspec.training.parallel.fsdp.ways import Way, way_of

__all__ = ["FullySharded", "Way", "way_of"]
