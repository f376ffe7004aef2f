"""Data loaders as the settings describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler, SequentialSampler

from trainspec.settings.values.choices import SamplingStrategy
from trainspec.training.data.columns import ColumnFilter
from trainspec.training.data.draws import mixed_seed
from trainspec.training.data.lengths import measure
from trainspec.training.data.rows import Streamed, is_iterable
from trainspec.training.data.sampler import EpochSampler, GroupedEpochSampler, InOrderSampler
from trainspec.training.data.sharing.sharing import Sharing
from trainspec.training.data.sharing.streams import part_of
from trainspec.training.data.workers import SeededBatches

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.data.columns import Collator

# Draws for training and for evaluation have nothing in common.
_TRAINING, _EVALUATION = 0, 1
# In place of a sampler: the one that the settings ask for.
OURS: Any = object()


def train_loader(
    dataset: Any,
    args: TrainingArguments,
    collator: Collator,
    device: torch.device,
    *,
    batch_size: int | None = None,
    model_input_name: str | None = None,
    sharing: Sharing | None = None,
    sampler: Any = OURS,
) -> DataLoader[Any]:
    """Rows in a new order each epoch, or as they come where they have no numbers.

    `batch_size` (rows of one process) stands in for the settings', `model_input_name` is what length grouping measures,
    `sharing` tells which part of the rows this process reads; `sampler` is somebody else's order, None for that of the
    rows. Raises RowLengthError where lengths are asked for and rows have none.
    """
    size, sharing = args.train_batch_size if batch_size is None else batch_size, sharing or Sharing()
    if sampler is OURS:
        sampler = train_sampler(dataset, args, batch_size=size, model_input_name=model_input_name, sharing=sharing)
    key = (data_seed(args), _TRAINING, sharing.rank)
    is_cut = sharing.size > 1 and not sharing.dispatches and is_iterable(dataset)
    part = part_of(dataset, sharing) if is_cut else None
    rows = dataset if part is None else part
    loader = _loader(rows, args, collator, device, size, sampler, key, drop_last=args.dataloader_drop_last)
    if part is not None:
        vars(loader)["num_replicas"] = sharing.size
    return loader


def train_sampler(
    dataset: Any,
    args: TrainingArguments,
    *,
    batch_size: int,
    model_input_name: str | None = None,
    grouped: bool | None = None,
    sharing: Sharing | None = None,
) -> EpochSampler | None:
    """The order of the training rows; None where they come one after the other. `grouped` stands in for the settings'
    group_by_length. `batch_size`: rows of one process, which reads its part of every step alone.
    """
    sharing = sharing or Sharing()
    step = batch_size * sharing.size
    sampler = _order_of(dataset, args, step=step, model_input_name=model_input_name, grouped=grouped)
    if sampler is not None and not sharing.dispatches:
        ways = {"drop_last": args.dataloader_drop_last, "drop_uneven": sharing.drops}
        sampler.share_with(sharing.rank, sharing.size, batch_size, **ways)
    return sampler


def _order_of(
    dataset: Any, args: TrainingArguments, *, step: int, model_input_name: str | None, grouped: bool | None
) -> EpochSampler | None:
    if is_iterable(dataset):
        return None
    if grouped is None and args.train_sampling_strategy == SamplingStrategy.SEQUENTIAL:
        return InOrderSampler(len(dataset), data_seed(args))
    if not (args.group_by_length if grouped is None else grouped):
        return EpochSampler(len(dataset), data_seed(args))
    lengths = measure(dataset, args.length_column_name, model_input_name)
    return GroupedEpochSampler(lengths, step * args.gradient_accumulation_steps, data_seed(args))


def eval_loader(
    dataset: Any,
    args: TrainingArguments,
    collator: Collator,
    device: torch.device,
    *,
    batch_size: int | None = None,
    sampler: Any = OURS,
) -> DataLoader[Any]:
    """All rows in their own order: none is dropped, since every one counts in a metric.

    `batch_size` and `sampler` as in `train_loader`.
    """
    size = args.eval_batch_size if batch_size is None else batch_size
    if sampler is OURS:
        sampler = eval_sampler(dataset)
    key = (data_seed(args), _EVALUATION, 0)
    return _loader(dataset, args, collator, device, size, sampler, key, drop_last=False)


def eval_sampler(dataset: Any) -> Sampler[int] | None:
    """The order of rows to evaluate on; None where they come one after the other."""
    return None if is_iterable(dataset) else SequentialSampler(dataset)


def data_seed(args: TrainingArguments) -> int:
    return args.seed if args.data_seed is None else args.data_seed


def _loader(
    dataset: Any,
    args: TrainingArguments,
    collator: Collator,
    device: torch.device,
    batch_size: int,
    sampler: Sampler[int] | None,
    key: tuple[int, ...],
    *,
    drop_last: bool,
) -> DataLoader[Any]:
    workers = args.dataloader_num_workers
    loader: DataLoader[Any] = DataLoader(
        _prepared(dataset, collator),
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=collator,
        drop_last=drop_last,
        num_workers=workers,
        pin_memory=args.dataloader_pin_memory and device.type not in ("cpu", "mps"),
        persistent_workers=args.dataloader_persistent_workers and workers > 0,
        multiprocessing_context=args.dataloader_multiprocessing_context if workers else None,
        in_order=args.dataloader_in_order,
        prefetch_factor=args.dataloader_prefetch_factor if workers else None,
        # Workers' first seeds are drawn from here: never from the generator that the model uses.
        generator=torch.Generator().manual_seed(mixed_seed(*key)),
    )
    shares = getattr(sampler, "shared_by", (0, 1))[1]
    # What a worker draws for a stream of its own follows from what it drew before.
    if (workers and not isinstance(loader.dataset, IterableDataset)) or shares > 1:
        # Given to the constructor, it would take the place of batch_size and sampler, which people read.
        vars(loader)["batch_sampler"] = SeededBatches(cast("Sampler[Any]", loader.sampler), batch_size, drop_last, key)
    return loader


def _prepared(dataset: Any, collator: Collator) -> Any:
    if isinstance(collator, ColumnFilter):
        dataset = collator.narrowed(dataset)
    # A loader asks for rows by number, unless the data set is one of torch's.
    return Streamed(dataset) if is_iterable(dataset) and not isinstance(dataset, IterableDataset) else dataset


class KeptLoaders:
    """Evaluation loaders whose worker processes serve one evaluation after the other.

    Keeps a loader for each data set where its workers are to stay, and makes a new one each time elsewhere.

    Of data sets that are not the Trainer's own the last one is kept alone, or each that a script makes for one
    evaluation would hold its workers and its rows for good.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, Any]] = {}

    def get(self, dataset: Any, make: Callable[[], Any], own: Iterable[Any] = ()) -> Any:
        """The loader of that very data set: what `make` returns, or returned the last time."""
        if id(dataset) in self._kept:
            return self._kept[id(dataset)][1]
        loader = make()
        if getattr(loader, "persistent_workers", False):
            staying = set(map(id, own))
            # Together with the data set, whose id nobody else can have as long as it is held.
            self._kept = {key: entry for key, entry in self._kept.items() if key in staying}
            self._kept[id(dataset)] = dataset, loader
        return loader

    def clear(self) -> None:
        """Let the workers go."""
        self._kept.clear()
