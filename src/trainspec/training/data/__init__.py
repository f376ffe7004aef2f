"""From data sets to batches on their way to a device."""

from trainspec.training.data.collator import collate
from trainspec.training.data.columns import Collator, ColumnFilter, accepted_names
from trainspec.training.data.loaders import (
    batches,
    data_seed,
    eval_loader,
    is_iterable,
    row_count,
    train_loader,
)
from trainspec.training.data.sampler import EpochSampler

__all__ = [
    "Collator",
    "ColumnFilter",
    "EpochSampler",
    "accepted_names",
    "batches",
    "collate",
    "data_seed",
    "eval_loader",
    "is_iterable",
    "row_count",
    "train_loader",
]
