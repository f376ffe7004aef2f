"""Data loaders as the settings describe them, and walking through them from any batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, IterableDataset, SequentialSampler

from trainspec.training.data.sampler import EpochSampler, mixed_seed

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.data.columns import Collator


def row_count(dataset: Any) -> int | None:
    """Rows of a data set; None where it does not know."""
    try:
        return len(dataset) if isinstance(dataset, Sized) else None
    except TypeError:
        return None


def is_iterable(dataset: Any) -> bool:
    return isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__")


def train_loader(dataset: Any, args: TrainingArguments, collator: Collator, device: torch.device) -> DataLoader[Any]:
    sampler = None if is_iterable(dataset) else EpochSampler(len(dataset), data_seed(args))
    return _loader(dataset, args, collator, device, args.train_batch_size, sampler, drop_last=args.dataloader_drop_last)


def eval_loader(dataset: Any, args: TrainingArguments, collator: Collator, device: torch.device) -> DataLoader[Any]:
    sampler = None if is_iterable(dataset) else SequentialSampler(dataset)
    return _loader(dataset, args, collator, device, args.eval_batch_size, sampler, drop_last=False)


def data_seed(args: TrainingArguments) -> int:
    return args.seed if args.data_seed is None else args.data_seed


def _loader(
    dataset: Any,
    args: TrainingArguments,
    collator: Collator,
    device: torch.device,
    batch_size: int,
    sampler: EpochSampler | SequentialSampler | None,
    *,
    drop_last: bool,
) -> DataLoader[Any]:
    workers = args.dataloader_num_workers
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=collator,
        drop_last=drop_last,
        num_workers=workers,
        pin_memory=args.dataloader_pin_memory and device.type != "cpu",
        persistent_workers=args.dataloader_persistent_workers and workers > 0,
        prefetch_factor=args.dataloader_prefetch_factor if workers else None,
        # Workers' seeds are drawn from here: never from the generator that the model uses.
        generator=torch.Generator().manual_seed(mixed_seed(data_seed(args), 0)),
    )


def batches(loader: DataLoader[Any], epoch: int, start: int, seed: int) -> Iterator[Any]:
    """The batches of one epoch from number `start` on; those before it are not even loaded where we own the order."""
    if isinstance(loader.generator, torch.Generator):
        loader.generator.manual_seed(mixed_seed(seed, epoch))
    set_epoch = getattr(loader.dataset, "set_epoch", None)
    if callable(set_epoch):
        set_epoch(epoch)
    sampler = loader.sampler
    if isinstance(sampler, EpochSampler):
        sampler.move_to(epoch, start * (loader.batch_size or 1))
        return iter(loader)
    iterator = iter(loader)
    # Passed over now, not at the first use: what loading them draws is drawn before random states are restored.
    deque(islice(iterator, start), maxlen=0)
    return iterator
