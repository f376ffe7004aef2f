"""Promise: a run that is stopped early ends after the same epochs, cut in two or not, and nobody has to ask for it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make
from torch import Tensor

from trainspec.training.callbacks import EarlyStoppingCallback, ExportableState, TrainerCallback

LOSSES = [5.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
RUN = {
    "num_train_epochs": 8,
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "metric_for_best_model": "loss",
    "per_device_eval_batch_size": 10,
}


class Scripted(Line):
    """Its evaluation loss is that of the epoch."""

    def __init__(self, first_epoch: int = 1) -> None:
        super().__init__()
        self.left = LOSSES[first_epoch - 1 :]

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        returned = super().forward(inputs, labels, number)
        return returned if self.training else {**returned, "loss": torch.tensor(self.left.pop(0))}


class Cut(TrainerCallback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.epoch == self.epoch


class Mine(EarlyStoppingCallback):
    """A subclass with something of its own to remember."""

    def __init__(self, early_stopping_patience: int = 1) -> None:
        super().__init__(early_stopping_patience)
        self.heard: list[float] = []

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        self.heard.append(metrics["eval_loss"])
        super().on_evaluate(args, state, control, metrics=metrics, **kwargs)

    def state(self) -> dict[str, Any]:
        kept = super().state()
        return {"args": {}, "attributes": {**kept["attributes"], "heard": self.heard}}


class Own(TrainerCallback, ExportableState):
    """Somebody's own: two evaluations above 1.5 in a row are enough."""

    def __init__(self) -> None:
        self.bad = 0

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        self.bad = self.bad + 1 if metrics["eval_loss"] > 1.5 else 0
        control.should_training_stop |= self.bad == 3

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"bad": self.bad}}


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("make", [lambda: EarlyStoppingCallback(4), lambda: Mine(4)], ids=["ours", "subclass"])
def test_a_run_that_was_cut_ends_where_the_whole_one_does(make_trainer: Make, cut: int, make: Any) -> None:
    make_trainer(model=Scripted(), callbacks=[make(), Cut(cut)], **RUN).train()
    callback = make()
    resumed = make_trainer(model=Scripted(cut + 1), callbacks=[callback], **RUN)
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.epoch == 6
    assert callback.early_stopping_patience_counter == 4
    if isinstance(callback, Mine):
        assert callback.heard == LOSSES[:6]


def test_the_same_for_a_callback_of_ones_own(make_trainer: Make) -> None:
    make_trainer(model=Scripted(), callbacks=[Own(), Cut(3)], **RUN).train()
    resumed = make_trainer(model=Scripted(4), callbacks=[Own()], **RUN)
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.epoch == 5


@pytest.mark.parametrize("restored", [True, False])
def test_a_run_that_had_stopped_has_nothing_left_to_train(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, restored: bool
) -> None:
    make_trainer(model=Scripted(), callbacks=[EarlyStoppingCallback(4)], **RUN).train()
    again = make_trainer(
        model=Scripted(7),
        callbacks=[EarlyStoppingCallback(4)],
        restore_callback_states_from_checkpoint=restored,
        resume_from_checkpoint="latest",
        load_best_model_at_end=True,
        **RUN,
    )
    again.train()
    assert (again.state.epoch, again.state.global_step, again.model.seen) == (6, 36, [])
    assert "ended early after update 36" in caplog.text


@pytest.mark.parametrize("restored, epochs", [(False, 8), (True, 6)])
def test_a_larger_patience_lets_it_go_on(make_trainer: Make, restored: bool, epochs: int) -> None:
    make_trainer(model=Scripted(), callbacks=[EarlyStoppingCallback(4)], **RUN).train()
    again = make_trainer(
        model=Scripted(7),
        callbacks=[EarlyStoppingCallback(6)],
        restore_callback_states_from_checkpoint=restored,
        resume_from_checkpoint="latest",
        **RUN,
    )
    again.train()
    # Asked to make callbacks as they were, the run has the patience that it had.
    assert again.state.epoch == epochs


def test_a_fresh_run_with_the_same_callback_counts_from_the_beginning(make_trainer: Make, tmp_path: Path) -> None:
    callback = EarlyStoppingCallback(4)
    make_trainer(model=Scripted(), callbacks=[callback], **RUN).train()
    again = make_trainer(model=Scripted(), callbacks=[callback], output_dir=str(tmp_path / "again"), **RUN)
    again.train()
    assert again.state.epoch == 6
