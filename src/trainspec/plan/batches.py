"""Rows into micro-batches, micro-batches into updates."""

from __future__ import annotations

from dataclasses import dataclass


class PlanError(ValueError):
    """Valid settings that, with this data set, describe no run; the message says what to change."""


@dataclass(frozen=True)
class Batches:
    """How one epoch is cut up. For a data set without length the counts of an epoch are None.

    `global_rows` and `update_rows` are rows over all devices: in a micro-batch, and in a full update.
    `dropped_rows` are left out of each epoch by drop_last.
    """

    global_rows: int
    update_rows: int
    micro_batches: int | None
    updates: int | None
    dropped_rows: int


def global_batch_rows(per_device_batch_size: int, world_size: int) -> int:
    """Rows of one micro-batch over all devices."""
    return per_device_batch_size * world_size


def micro_batches_per_epoch(rows: int, per_device_batch_size: int, world_size: int, drop_last: bool) -> int:
    """Micro-batches each device sees in an epoch; a last one that is not full counts unless dropped."""
    full, left = divmod(rows, global_batch_rows(per_device_batch_size, world_size))
    return full + (left > 0 and not drop_last)


def updates_per_epoch(micro_batches: int, accumulation_steps: int) -> int:
    """Updates in an epoch; a last accumulation window that is not full is an update too."""
    return -(-micro_batches // accumulation_steps)


def dropped_rows_per_epoch(rows: int, per_device_batch_size: int, world_size: int, drop_last: bool) -> int:
    """Rows that an epoch leaves out because they do not fill a micro-batch on every device."""
    return rows % global_batch_rows(per_device_batch_size, world_size) if drop_last else 0


def cut_epoch(
    rows: int | None,
    *,
    per_device_batch_size: int,
    accumulation_steps: int = 1,
    world_size: int = 1,
    drop_last: bool = False,
) -> Batches:
    """One epoch over `rows` rows, None for one without length, on `world_size` devices.

    Raises ValueError for numbers of no data set or machine.
    """
    if world_size < 1:
        raise ValueError(f"world_size must be 1 or more, not {world_size}")
    if rows is not None and rows < 0:
        raise ValueError(f"a data set has 0 rows or more, not {rows}")
    global_rows = global_batch_rows(per_device_batch_size, world_size)
    update_rows = global_rows * accumulation_steps
    if rows is None:
        return Batches(global_rows, update_rows, None, None, 0)
    micro_batches = micro_batches_per_epoch(rows, per_device_batch_size, world_size, drop_last)
    dropped = dropped_rows_per_epoch(rows, per_device_batch_size, world_size, drop_last)
    return Batches(
        global_rows, update_rows, micro_batches, updates_per_epoch(micro_batches, accumulation_steps), dropped
    )


def check_rows(rows: int | None, batches: Batches, drop_last: bool) -> None:
    """Raise PlanError when there is nothing to train on."""
    if rows == 0:
        raise PlanError("the training data set has no rows")
    if batches.updates == 0 and drop_last:
        raise PlanError(
            f"dataloader_drop_last drops every row: {rows:,} do not fill a batch of {batches.global_rows:,}; "
            "lower per_device_train_batch_size or set dataloader_drop_last: false"
        )
