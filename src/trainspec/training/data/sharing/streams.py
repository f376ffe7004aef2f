"""Streams of rows that can be cut into a part for each process."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.training.data.rows import Streamed
from trainspec.training.model.signatures import takes

if TYPE_CHECKING:
    from trainspec.training.data.sharing.sharing import Sharing

logger = logging.getLogger(__name__)


def part_of(stream: Any, sharing: Sharing) -> Any:
    """The part of this process; None where the stream cannot be cut, or not into so many parts.

    What can be cut has `shard(num_shards=..., index=...)`, as data sets of Hugging Face have, and may say by
    `num_shards` how many parts there can be. Where workers read a part, the stream itself deals it out among them.
    """
    rows = stream.rows if isinstance(stream, Streamed) else stream
    shard, most = getattr(rows, "shard", None), getattr(rows, "num_shards", None)
    if not callable(shard) or not (takes(shard, "num_shards") and takes(shard, "index")):
        return None
    if isinstance(most, int) and most < sharing.size:
        logger.info(
            "the training data has %d shards, fewer than the %d processes that read it: rank 0 reads for all",
            most,
            sharing.size,
        )
        return None
    part = _by_node(rows, sharing) or shard(num_shards=sharing.size, index=sharing.rank)
    return Streamed(part) if isinstance(stream, Streamed) else part


def _by_node(rows: Any, sharing: Sharing) -> Any:
    """A stream of Hugging Face, which in every epoch shuffles its shards before it shares them out."""
    library: Any = sys.modules.get("datasets")
    if library is None or not isinstance(rows, library.IterableDataset):
        return None
    split: Any = import_module("datasets.distributed").split_dataset_by_node

    if rows.num_shards % sharing.size and not takes(split, "strategy"):
        return None
    ways = {"strategy": "shards"} if takes(split, "strategy") else {}
    return split(rows, rank=sharing.rank, world_size=sharing.size, **ways)
