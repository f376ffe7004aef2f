"""What callbacks keep of themselves goes into checkpoints and comes back where the settings say so."""

from typing import Any

import pytest
from tests.training.small_job import Make

from trainspec.training.callbacks import ExportableState, TrainerCallback


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.global_step == self.step


class Counter(TrainerCallback, ExportableState):
    """Counts updates; `start` is what it was made with."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.count = start

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.count += 1

    def state(self) -> dict[str, Any]:
        return {"args": {"start": self.start}, "attributes": {"count": self.count}}


class Other(Counter):
    pass


@pytest.mark.parametrize("as_made, start", [(True, 10), (False, 0)])
def test_restore_callback_states_from_checkpoint(make_trainer: Make, tmp_path: Any, as_made: bool, start: int) -> None:
    run = {"save_strategy": "epoch", "num_train_epochs": 2}
    first = make_trainer(callbacks=[Counter(10), StopAt(6)], **run)
    first.train()
    second = Counter()
    asked = {"restore_callback_states_from_checkpoint": True} if as_made else {}
    trainer = make_trainer(callbacks=[second], resume_from_checkpoint="latest", **run, **asked)
    trainer.train()
    assert trainer.state.global_step == 12
    assert (second.start, second.count) == (start, 10 + 6 + 6)
    assert second in trainer.callback_handler.callbacks


def test_states_of_two_callbacks_of_one_class_are_kept_apart(make_trainer: Make) -> None:
    first = make_trainer(callbacks=[Counter(10), Counter(20)], save_strategy="epoch")
    first.train()
    again = [Counter(), Counter()]
    trainer = make_trainer(callbacks=again, resume_from_checkpoint="latest")
    trainer.train()
    assert [callback.count for callback in again] == [16, 26]


def test_states_that_nobody_claims_are_told_in_one_warning(
    make_trainer: Make, caplog: pytest.LogCaptureFixture
) -> None:
    make_trainer(callbacks=[Counter(), Other()], save_strategy="epoch").train()
    make_trainer(resume_from_checkpoint="latest", num_train_epochs=2).train()
    told = [record.getMessage() for record in caplog.records if "states of callbacks" in record.getMessage()]
    assert len(told) == 1
    assert "Counter, Other;" in told[0] and "TrainerControl" not in told[0]


def test_nothing_is_said_where_each_state_is_claimed(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    make_trainer(callbacks=[Counter()], save_strategy="epoch").train()
    make_trainer(callbacks=[Counter()], resume_from_checkpoint="latest", num_train_epochs=2).train()
    make_trainer(output_dir="unused").preflight()
    assert not [record for record in caplog.records if "state" in record.getMessage()]


@pytest.mark.parametrize("as_made", [True, False])
def test_a_state_that_no_longer_fits_is_told_and_the_callback_starts_anew(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, as_made: bool
) -> None:
    class Kept(Counter):
        def state(self) -> dict[str, Any]:
            return {"args": {"other": 1}, "attributes": {"count": 5}} if as_made else {"attributes": [1]}

    Kept.__name__ = "Counter"
    make_trainer(callbacks=[Kept()], save_strategy="epoch").train()
    counter = Counter()
    make_trainer(
        callbacks=[counter],
        resume_from_checkpoint="latest",
        num_train_epochs=2,
        restore_callback_states_from_checkpoint=as_made,
    ).train()
    assert counter.count == 6
    assert "Counter does not fit" in caplog.text


class Duck(TrainerCallback):
    """Keeps a state as transformers' callbacks do, which have a base class of their own."""

    def __init__(self) -> None:
        self.count = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.count += 1

    def state(self) -> dict[str, Any]:
        return {"args": {}, "attributes": {"count": self.count}}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Any:
        raise AssertionError("the callback that is there is kept")


def test_a_state_kept_as_transformers_does_goes_on(make_trainer: Make) -> None:
    make_trainer(callbacks=[Duck()], save_strategy="epoch").train()
    again = Duck()
    make_trainer(callbacks=[again], resume_from_checkpoint="latest", num_train_epochs=2).train()
    assert again.count == 12
