"""Loaders that somebody else made: resumed with other batches, every row of each epoch is still seen once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.training.run.test_other_batch_size import Numbered, Remembers, collate, seen_until, trainer_for
from torch.utils.data import DataLoader, IterableDataset

from trainspec import Trainer
from trainspec.training.checkpoint import open_checkpoint


class Plain(Trainer):
    def get_train_dataloader(self) -> Any:
        size = self.args.per_device_train_batch_size
        return DataLoader(self.train_dataset, batch_size=size, shuffle=True, collate_fn=collate)


class Opaque(Trainer):
    """A thing with a length, and nothing else that one could ask."""

    def get_train_dataloader(self) -> Any:
        rows, size = self.train_dataset, self.args.per_device_train_batch_size
        return [collate(rows[start : start + size]) for start in range(0, len(rows), size)]


class Stream(IterableDataset[Any]):
    def __init__(self, rows: Numbered) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


class Streaming(Trainer):
    def __init__(self, *args: Any, **known: Any) -> None:
        super().__init__(*args, **{**known, "train_dataset": Stream(known["train_dataset"])})


class OwnSize(Trainer):
    """Our order, in batches of another size than the settings say."""

    def get_train_dataloader(self) -> Any:
        sampler = super().get_train_dataloader().sampler
        size = self.args.per_device_train_batch_size + 1
        return DataLoader(self.train_dataset, sampler=sampler, batch_size=size, collate_fn=collate)


@pytest.mark.parametrize("kind", [Plain, Opaque, Streaming, OwnSize])
@pytest.mark.parametrize("before, after", [((3, 1), (2, 1)), ((3, 1), (5, 1)), ((3, 1), (3, 2)), ((1, 2), (3, 1))])
@pytest.mark.parametrize("stop", [2, 5])
def test_every_row_of_each_epoch_is_seen_once(
    tmp_path: Path, kind: Any, before: tuple[int, int], after: tuple[int, int], stop: int
) -> None:
    first = trainer_for(tmp_path, 11, *before, kind=kind)
    first.train()
    second = trainer_for(tmp_path, 11, *after, kind=kind, resume_from_checkpoint=f"{tmp_path}/checkpoint-{stop}")
    second.train()
    model: Any = second.model
    seen = [*seen_until(first, stop), *(number for batch in model.seen for number in batch)]
    assert Counter(seen) == dict.fromkeys(range(11), 2)
    assert second.state.epoch == 2 and second.state.max_steps == second.state.global_step


def test_our_order_in_other_batches_is_counted_as_it_is_cut(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path, 11, 3, kind=OwnSize)
    trainer.train()
    model: Any = trainer.model
    assert Counter(number for batch in model.seen for number in batch) == dict.fromkeys(range(11), 2)
    assert trainer.state.global_step == trainer.state.max_steps == 6


def test_a_run_that_breaks_off_twice_ends_as_one_that_broke_off_once(tmp_path: Path) -> None:
    grouped = {"group_by_length": True, "num_train_epochs": 3, "lr_scheduler_type": "linear"}
    trainer_for(tmp_path, 11, 3, **grouped).train()
    runs = [
        trainer_for(tmp_path, 11, 2, resume_from_checkpoint=f"{tmp_path}/checkpoint-{step}", **grouped)
        for step in (1, 9)
    ]
    for trainer in runs:
        trainer.train()
    once, twice = (trainer.model for trainer in runs)
    assert isinstance(once, Remembers) and isinstance(twice, Remembers)
    assert once.seen[-len(twice.seen) :] == twice.seen
    assert once.weight.item() == twice.weight.item()
    data = open_checkpoint(f"{tmp_path}/checkpoint-9").manifest.data
    assert data is not None and (data["epoch"], data["grouping"]) == (1, 2)
