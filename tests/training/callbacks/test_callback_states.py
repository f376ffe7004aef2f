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


@pytest.mark.parametrize("restored, count", [(True, 10 + 6 + 6), (False, 6)])
def test_restore_callback_states_from_checkpoint(make_trainer: Make, tmp_path: Any, restored: bool, count: int) -> None:
    run = {"save_strategy": "epoch", "num_train_epochs": 2}
    first = make_trainer(callbacks=[Counter(10), StopAt(6)], **run)
    first.train()
    second = Counter()
    asked = {"restore_callback_states_from_checkpoint": True} if restored else {}
    trainer = make_trainer(callbacks=[second], resume_from_checkpoint="latest", **run, **asked)
    trainer.train()
    assert trainer.state.global_step == 12
    assert second.count == count
    assert second in trainer.callback_handler.callbacks


def test_states_of_two_callbacks_of_one_class_are_kept_apart(make_trainer: Make) -> None:
    first = make_trainer(callbacks=[Counter(10), Counter(20)], save_strategy="epoch")
    first.train()
    again = [Counter(), Counter()]
    trainer = make_trainer(
        callbacks=again, restore_callback_states_from_checkpoint=True, resume_from_checkpoint="latest"
    )
    trainer.train()
    assert [callback.count for callback in again] == [16, 26]
