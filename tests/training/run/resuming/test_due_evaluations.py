"""Promise: an evaluation that is due at the step of a checkpoint, but not in it, is made once by who goes on there."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.run.test_resume import _same_run
from tests.training.small_job import Line, Make, Rows
from torch.utils.data import IterableDataset

from trainspec.storage import open_store
from trainspec.training.callbacks import EarlyStoppingCallback, TrainerCallback
from trainspec.training.checkpoint import newest_valid
from trainspec.training.state import TrainerState, parse_state
from trainspec.training.trainer import Trainer

# Three updates each epoch.
ROWS = 12
RUN: dict[str, Any] = {
    "num_train_epochs": 2,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_strategy": "steps",
    "save_steps": 2,
    "metric_for_best_model": "loss",
}
BY_EPOCH = {"eval_strategy": "epoch", "eval_steps": None}
ALL_BY_EPOCH: dict[str, Any] = {
    **BY_EPOCH,
    "save_strategy": "epoch",
    "save_steps": None,
    "logging_strategy": "epoch",
    "logging_steps": None,
}
ON_SIGNALS = {"enable_jit_checkpoint": True}


class PulledPlug(BaseException):
    pass


def pull() -> None:
    raise PulledPlug


class At(TrainerCallback):
    """Does something at one moment of one update, once."""

    def __init__(self, event: str, step: int, deed: Callable[[], None] = pull) -> None:
        self.step, self.deed = step, deed
        setattr(self, event, self.act)

    def act(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.step = -1
            self.deed()


class SavesFirst(Trainer):
    """Of those that act in an order of their own."""

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        wanted, self.control.should_evaluate = self.control.should_evaluate, False
        super()._maybe_log_save_evaluate(*args, **kwargs)
        if wanted:
            self._determine_best_metric(self._evaluate(None, None), None)


class Streamed(IterableDataset[Any]):
    """Rows in their order, of which nobody knows how many there are."""

    def __init__(self, count: int) -> None:
        self.rows = [Rows(count)[index] for index in range(count)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


def job(make_trainer: Make, out: Path, *callbacks: Any, rows: Callable[[int], Any] = Rows, **changes: Any) -> Trainer:
    settings = {name: value for name, value in {**RUN, **changes}.items() if value is not None}
    return make_trainer(
        model=Line(dropout=0.3), train_dataset=rows(ROWS), output_dir=str(out), callbacks=list(callbacks), **settings
    )


def document(trainer: Trainer, folder: Path) -> dict[str, Any]:
    """trainer_state.json, as the command writes it at the end, without times and folders."""
    trainer.state.save_to_json(folder / "state.json")
    found = parse_state((folder / "state.json").read_bytes())
    timed = ("runtime", "per_second")
    found["log_history"] = [{k: v for k, v in e.items() if not k.endswith(timed)} for e in found["log_history"]]
    best = found.pop("best_model_checkpoint")
    return {**found, "best": None if best is None else Path(best).name}


def evaluated(trainer: Trainer) -> list[int]:
    return [entry["step"] for entry in trainer.state.log_history if "eval_loss" in entry]


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def _steps(count: int) -> dict[str, Any]:
    return {"max_steps": count, "num_train_epochs": None}


# Of the newest checkpoint the update; what ends the run; its settings.
CASES: dict[str, tuple[int, tuple[Any, ...], dict[str, Any]]] = {
    "a signal in the last update": (6, ("on_step_begin", 5, terminate), ON_SIGNALS),
    "and what is due ends the epoch": (6, ("on_step_begin", 5, terminate), {**ON_SIGNALS, **ALL_BY_EPOCH}),
    "in the middle of the run": (3, ("on_step_begin", 2, terminate), {**ON_SIGNALS, **ALL_BY_EPOCH}),
    "at the end of the run": (6, ("on_prediction_step", 6), BY_EPOCH),
    "the end is inside of an epoch": (4, ("on_prediction_step", 4), {**BY_EPOCH, **_steps(4)}),
    "data without a length": (6, ("on_prediction_step", 6), {**BY_EPOCH, **_steps(6), "rows": Streamed}),
    "somebody saves first": (4, ("on_prediction_step", 4), {"kind": SavesFirst}),
    "and last": (6, ("on_evaluate", 6), {"kind": SavesFirst}),
    "after its numbers are logged": (6, ("on_evaluate", 6), {}),
}


@pytest.mark.parametrize("step, end, changes", CASES.values(), ids=CASES)
def test_it_is_made_once_and_all_ends_as_undisturbed(
    make_trainer: Make, tmp_path: Path, step: int, end: tuple[Any, ...], changes: dict[str, Any]
) -> None:
    whole, out = job(make_trainer, tmp_path / "whole", **changes), tmp_path / "cut"
    whole.train()
    with pytest.raises((PulledPlug, SystemExit)):
        job(make_trainer, out, At(*end), **changes).train()
    left = newest_valid(open_store(out))
    assert left is not None and left.step == step, "the moment was another than the case says"
    resumed = job(make_trainer, out, **changes)
    resumed.train(resume_from_checkpoint=True)
    assert evaluated(resumed) == evaluated(whole) == sorted({*evaluated(whole)})
    _same_run(whole, resumed)
    assert document(resumed, out) == document(whole, tmp_path / "whole")


def test_a_checkpoint_that_somebody_saves_inside_of_an_evaluation_is_of_before_it(
    make_trainer: Make, tmp_path: Path
) -> None:
    whole, out = job(make_trainer, tmp_path / "whole", save_steps=100), tmp_path / "cut"
    whole.train()
    saves = At("on_evaluate", 4, lambda: first._save_checkpoint(first.model, None))
    first = job(make_trainer, out, saves, At("on_step_begin", 4), save_steps=100)
    # No time is left for a save, as if the machine were gone.
    first.parts.output = lambda args: pull() if first.state.global_step > 4 else open_store(args.output_dir)
    with pytest.raises(PulledPlug):
        first.train()
    assert evaluated(first) == [2, 4]
    resumed = job(make_trainer, out, save_steps=100)
    resumed.train(resume_from_checkpoint=str(out / "checkpoint-4"))
    assert evaluated(resumed) == evaluated(whole)
    _same_run(whole, resumed)


def test_what_it_asks_for_ends_the_run_as_it_would_have(make_trainer: Make, tmp_path: Path) -> None:
    settings, out = {"learning_rate": 0.0, "num_train_epochs": 5, **BY_EPOCH, "save_steps": 3}, tmp_path / "cut"
    whole = job(make_trainer, tmp_path / "whole", EarlyStoppingCallback(1), **settings)
    whole.train()
    with pytest.raises(PulledPlug):
        job(make_trainer, out, EarlyStoppingCallback(1), At("on_prediction_step", 6), **settings).train()
    resumed = job(make_trainer, out, EarlyStoppingCallback(1), **settings)
    resumed.train(resume_from_checkpoint=True)
    assert whole.state.global_step == resumed.state.global_step == 6
    _same_run(whole, resumed)


def test_a_run_that_is_made_longer_evaluates_where_the_longer_one_would_have(
    make_trainer: Make, tmp_path: Path
) -> None:
    longer = {**BY_EPOCH, **_steps(7), "lr_scheduler_type": "constant"}
    whole = job(make_trainer, tmp_path / "whole", **longer)
    whole.train()
    with pytest.raises(PulledPlug):
        job(make_trainer, tmp_path / "cut", At("on_prediction_step", 4), **{**longer, "max_steps": 4}).train()
    resumed = job(make_trainer, tmp_path / "cut", **longer)
    resumed.train(resume_from_checkpoint=True)
    assert evaluated(resumed) == evaluated(whole) == [3, 6, 7]
    assert all(torch.equal(one, other) for one, other in zip(_weights(whole), _weights(resumed), strict=True))


def _weights(trainer: Trainer) -> list[torch.Tensor]:
    return list(trainer.model.parameters())


def test_switches_of_a_moment_are_no_part_of_the_state(make_trainer: Make, tmp_path: Path) -> None:
    trainer = job(make_trainer, tmp_path / "out")
    trainer.train()
    saved = TrainerState.load_from_json(tmp_path / "out" / "checkpoint-6" / "trainer_state.json")
    kept = saved.stateful_callbacks["TrainerControl"]
    assert {*kept["args"].values()} == {False} and len(kept["args"]) == 5
