"""From data sets to batches on their way to a device."""

from trainspec.training.data.collator import (
    DataCollatorWithPadding,
    collate,
    collator_for,
    default_data_collator,
)
from trainspec.training.data.columns import Collator, ColumnFilter, accepted_names
from trainspec.training.data.draws import undisturbed
from trainspec.training.data.lengths import RowLengthError
from trainspec.training.data.loaders import (
    KeptLoaders,
    data_seed,
    eval_loader,
    eval_sampler,
    train_loader,
    train_sampler,
)
from trainspec.training.data.position import DataPosition, DataPositionError, mismatch, position_of_format_1
from trainspec.training.data.rows import column_names, first_row, is_iterable, is_table, row_count
from trainspec.training.data.sampler import EpochSampler, GroupedEpochSampler, LengthGroupedSampler
from trainspec.training.data.sharing.share import uneven_rows
from trainspec.training.data.sharing.sharing import Sharing, SharingError, own_batch_size, sharing_of
from trainspec.training.data.sharing.walks import Walk
from trainspec.training.data.streaming.place import OtherDataError, Place
from trainspec.training.data.walking import batches_at, batches_in_epoch, epoch_lengths, position_in

__all__ = [
    "Collator",
    "ColumnFilter",
    "DataCollatorWithPadding",
    "DataPosition",
    "DataPositionError",
    "EpochSampler",
    "GroupedEpochSampler",
    "KeptLoaders",
    "LengthGroupedSampler",
    "OtherDataError",
    "Place",
    "RowLengthError",
    "Sharing",
    "SharingError",
    "Walk",
    "accepted_names",
    "batches_at",
    "batches_in_epoch",
    "collate",
    "collator_for",
    "column_names",
    "data_seed",
    "default_data_collator",
    "epoch_lengths",
    "eval_loader",
    "eval_sampler",
    "first_row",
    "is_iterable",
    "is_table",
    "mismatch",
    "own_batch_size",
    "position_in",
    "position_of_format_1",
    "row_count",
    "sharing_of",
    "train_loader",
    "train_sampler",
    "undisturbed",
    "uneven_rows",
]
