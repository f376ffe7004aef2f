"""Promise: a run on a loader of the user's own, in whatever way that draws its order, goes on inside of an epoch with
the rows that are left, bit for bit; where that cannot be, a warning says so."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, Sampler

from trainspec.training.callbacks import TrainerCallback
from trainspec.training.trainer import Trainer

ROWS, SIZE = 24, 4


class Drawn(Sampler[int]):
    """All rows in an order that `draw` makes, at once."""

    def __init__(self, draw: Callable[[], list[int]]) -> None:
        self.draw = draw

    def __len__(self) -> int:
        return ROWS

    def __iter__(self) -> Iterator[int]:
        return iter(self.draw())


def _python() -> list[int]:
    return random.sample(range(ROWS), ROWS)


class OneByOne(Drawn):
    """Draws each row when it is asked for, while the model draws for its dropout."""

    def __iter__(self) -> Iterator[int]:
        left = list(range(ROWS))
        while left:
            yield left.pop(int(torch.randint(len(left), ())))


class Held(Drawn):
    """Draws from a generator of its own."""

    def __init__(self, generator: Any) -> None:
        self.own = generator

    def __iter__(self) -> Iterator[int]:
        order = list(range(ROWS))
        self.own.shuffle(order)
        return iter(order)


class HeldOfTorch(Held):
    """From one of torch's, which it calls as it likes."""

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(ROWS, generator=self.own).tolist())


class Counting(Drawn):
    """Counts its epochs itself, and knows nothing of those of another run."""

    def __init__(self) -> None:
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(random.Random(self.epoch).sample(range(ROWS), ROWS))


class Told(Counting):
    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class Batches:
    """A batch sampler that is nobody's subclass."""

    def __len__(self) -> int:
        return ROWS // SIZE

    def __iter__(self) -> Iterator[list[int]]:
        order = numpy.random.permutation(ROWS).tolist()
        return (order[start : start + SIZE] for start in range(0, ROWS, SIZE))


class Stream(IterableDataset[Any]):
    """Rows through a buffer that is drawn from."""

    def __iter__(self) -> Iterator[Any]:
        rows, waiting = Rows(ROWS, torch.float64), []
        for number in range(ROWS):
            waiting.append(rows[number])
            if len(waiting) > 6:
                yield waiting.pop(random.randrange(len(waiting)))
        random.shuffle(waiting)
        yield from waiting


class Anything:
    """No loader of torch's at all."""

    def __len__(self) -> int:
        return ROWS // SIZE

    def __iter__(self) -> Iterator[Any]:
        rows = Rows(ROWS, torch.float64)
        for batch in torch.randperm(ROWS).view(-1, SIZE).tolist():
            found = [rows[number] for number in batch]
            yield {name: torch.stack([row[name] for row in found]) for name in found[0]}


def _loader(sampler: Any = None, **more: Any) -> DataLoader[Any]:
    return DataLoader(Rows(ROWS, torch.float64), SIZE, sampler=sampler, **more)


def _by_batches(**more: Any) -> DataLoader[Any]:
    return DataLoader(Rows(ROWS, torch.float64), batch_sampler=Batches(), **more)


WORKERS = {"num_workers": 2}
REPEATED: dict[str, Callable[[], Any]] = {
    "python": lambda: _loader(Drawn(_python)),
    "numpy": lambda: _loader(Drawn(lambda: numpy.random.permutation(ROWS).tolist())),
    "torch": lambda: _loader(Drawn(lambda: torch.randperm(ROWS).tolist())),
    "one by one": lambda: _loader(OneByOne(_python)),
    "own of python": lambda: _loader(Held(random.Random(5))),
    "own of numpy": lambda: _loader(Held(numpy.random.default_rng(5))),
    "old of numpy": lambda: _loader(Held(numpy.random.RandomState(5))),
    "own of torch": lambda: _loader(HeldOfTorch(torch.Generator().manual_seed(5))),
    "told its epoch": lambda: _loader(Told()),
    "torch's own": lambda: _loader(RandomSampler(range(ROWS))),
    "batches": _by_batches,
    "workers": lambda: _loader(Drawn(_python), **WORKERS),
    "workers that stay": lambda: _loader(OneByOne(_python), persistent_workers=True, **WORKERS),
    "batches for workers": lambda: _by_batches(**WORKERS),
    "stream": lambda: DataLoader(Stream(), SIZE),
    "stream by workers": lambda: DataLoader(Stream(), SIZE, num_workers=1),
    "no loader of torch's": Anything,
}


class Stop(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            control.should_save = control.should_training_stop = True


def _run(make_trainer: Make, loader: Callable[[], Any], **changes: Any) -> Trainer:
    class Own(Trainer):
        def get_train_dataloader(self) -> Any:
            return loader()

    known = {"model": Line(torch.float64, dropout=0.3), "kind": Own, "max_steps": 18, "save_strategy": "steps"}
    return make_trainer(**known, save_steps=100, **changes)


@pytest.mark.parametrize("cut", [2, 9])
@pytest.mark.parametrize("loader", REPEATED.values(), ids=REPEATED)
def test_the_run_goes_on_with_the_rows_that_are_left(
    make_trainer: Make, tmp_path: Path, loader: Callable[[], Any], cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = _run(make_trainer, loader, output_dir=str(tmp_path / "whole"))
    whole.train()
    first = _run(make_trainer, loader, callbacks=[Stop(cut)])
    first.train()
    # Another process has other generators.
    random.seed(99), numpy.random.seed(99), torch.manual_seed(99)
    resumed = _run(make_trainer, loader)
    resumed.train(resume_from_checkpoint=True)
    assert first.model.seen + resumed.model.seen == whole.model.seen
    for epoch in range(3):
        seen = [row for batch in whole.model.seen[6 * epoch : 6 * epoch + 6] for row in batch]
        assert sorted(seen) == list(range(ROWS))
    assert torch.equal(resumed.model.layer.weight, whole.model.layer.weight)
    assert "another order" not in caplog.text


IMPOSSIBLE: dict[str, Callable[[], Any]] = {
    "unseeded, of numpy": lambda: _loader(Held(numpy.random.default_rng())),
    "unseeded, of python": lambda: _loader(Held(random.Random())),
    "the system's": lambda: _loader(Drawn(lambda: random.SystemRandom().sample(range(ROWS), ROWS))),
    "its own count of epochs": lambda: _loader(Counting()),
}


@pytest.mark.parametrize("loader", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_order_that_cannot_be_drawn_again_is_told_of(
    make_trainer: Make, loader: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    _run(make_trainer, loader, callbacks=[Stop(9)]).train()
    assert "another order" not in caplog.text
    _run(make_trainer, loader).train(resume_from_checkpoint=True)
    assert caplog.text.count("comes in another order") == 1 and "rows of epoch 1" in caplog.text


@pytest.mark.parametrize("numbers", [True, False])
def test_a_stream_that_changed_is_told_of(make_trainer: Make, caplog: pytest.LogCaptureFixture, numbers: bool) -> None:
    """By its whole numbers, where it has any: floating ones may be changed at random."""
    shift = 0.0

    class Changing(Stream):
        def __iter__(self) -> Iterator[Any]:
            for row in super().__iter__():
                kept = row["number"] + (int(shift) if row["number"] > 3 else 0)
                yield {**row, "inputs": row["inputs"] + shift, "number": kept if numbers else kept.double()}

    def loader() -> Any:
        return DataLoader(Changing(), SIZE)

    _run(make_trainer, loader, callbacks=[Stop(9)]).train()
    shift = 1.0
    _run(make_trainer, loader).train(resume_from_checkpoint=True)
    assert "comes in another order" in caplog.text


def test_at_the_end_of_an_epoch_there_is_nothing_to_tell(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    def loader() -> Any:
        return _loader(Counting())

    _run(make_trainer, loader, callbacks=[Stop(6)]).train()
    _run(make_trainer, loader).train(resume_from_checkpoint=True, ignore_keys_for_eval=None)
    assert caplog.text.count("another order") == 0


def test_another_batch_size_is_the_same_order(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    first = _run(make_trainer, lambda: _loader(Drawn(_python)), callbacks=[Stop(9)])
    first.train()
    resumed = _run(make_trainer, lambda: DataLoader(Rows(ROWS, torch.float64), 5, sampler=Drawn(_python)))
    resumed.train(resume_from_checkpoint=True)
    rows = [row for batch in first.model.seen[6:] + resumed.model.seen for row in batch]
    assert sorted(rows[:ROWS]) == list(range(ROWS))
    assert "another order" not in caplog.text


def test_what_a_script_draws_is_not_disturbed(make_trainer: Make) -> None:
    """The sampler's draws come between nothing: the same run with an order that draws nothing drops out the same."""

    def trained(sampler: Any) -> Any:
        trainer = _run(make_trainer, lambda: _loader(sampler), callbacks=[Stop(1)])
        trainer.train()
        return random.random(), numpy.random.random(), float(torch.rand(()))

    assert trained(OneByOne(_python)) == trained(Drawn(lambda: list(range(ROWS))))
