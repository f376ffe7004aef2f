"""The Trainer's attributes are those of its run: read there, written there, kept nowhere else."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, weights

from trainspec import TrainerCallback, TrainerControl, TrainerState
from trainspec.storage import open_store
from trainspec.training.trainer.attributes import OfRun, TrainerAttributes

NAMES = sorted(name for name, value in vars(TrainerAttributes).items() if isinstance(value, OfRun))


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_is_that_of_the_run(make_trainer: Make, name: str) -> None:
    trainer = make_trainer()
    owned = {"lr_scheduler": "schedule"}.get(name, name)
    assert getattr(trainer, name) is getattr(trainer.parts, owned)
    other: Any = object()
    setattr(trainer, name, other)
    assert getattr(trainer.parts, owned) is other and name not in vars(trainer)


def test_the_names_people_know_are_among_them() -> None:
    assert {"state", "control", "optimizer", "lr_scheduler", "model_wrapped", "is_in_train"} <= set(NAMES)


def test_what_a_run_makes_can_be_read_from_the_trainer(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=2)
    assert trainer.optimizer is None and trainer.lr_scheduler is None
    trainer.train()
    assert trainer.optimizer is trainer.parts.optimizer is not None
    assert isinstance(trainer.state, TrainerState) and trainer.state.global_step == 2


def test_before_a_run_nothing_steps(make_trainer: Make) -> None:
    with pytest.raises(RuntimeError, match="no optimizer yet"):
        make_trainer().parts.stepping()


def test_a_model_that_is_assigned_is_the_one_that_trains(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=3)
    first, second = trainer.model, Line()
    before = {name: value.clone() for name, value in first.state_dict().items()}
    trainer.model = second
    trainer.train()
    assert trainer.model is trainer.model_wrapped is second
    assert all(torch.equal(value, before[name]) for name, value in first.state_dict().items())
    assert not all(torch.equal(value, before[name]) for name, value in weights(trainer).items())


def test_a_model_that_is_assigned_is_the_one_evaluated(make_trainer: Make) -> None:
    trainer = make_trainer()
    before = trainer.evaluate()["eval_loss"]
    model = Line()
    with torch.no_grad():
        for value in model.parameters():
            value.fill_(3.0)
    trainer.model = model
    assert trainer.evaluate()["eval_loss"] != pytest.approx(before)


def test_a_control_that_a_callback_answers_with_holds(make_trainer: Make) -> None:
    class Stops(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> TrainerControl:
            return TrainerControl(should_training_stop=state.global_step == 2)

    trainer = make_trainer(max_steps=5, callbacks=[Stops()])
    trainer.train()
    assert trainer.state.global_step == 2 and trainer.control is trainer.parts.control


def test_the_output_is_the_store_that_the_settings_name_now(make_trainer: Make, tmp_path: Any) -> None:
    trainer = make_trainer()
    assert trainer.output.url == open_store(trainer.args.output_dir).url and trainer.output is trainer.output
    trainer.args = trainer.args.replace(output_dir=str(tmp_path / "other"))
    assert trainer.output.url == str(tmp_path / "other")
