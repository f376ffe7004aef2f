"""The Trainer's attributes are those of its run: read there, written there, kept nowhere else."""

from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_job import Line, Make, weights

from trainspec import Trainer, TrainerCallback, TrainerControl, TrainerState
from trainspec.storage import open_store
from trainspec.training.errors import TrainingError
from trainspec.training.trainer.attributes import OfRun, TrainerAttributes

NAMES = sorted(name for name, value in vars(TrainerAttributes).items() if isinstance(value, OfRun))


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_is_that_of_the_run(make_trainer: Make, name: str) -> None:
    trainer = make_trainer()
    owned = {"lr_scheduler": "schedule", "optimizer": "optimizer", "model": "model"}.get(name, name)
    assert getattr(trainer, name) is getattr(trainer.parts, owned)
    other: Any = object()
    setattr(trainer, name, other)
    assert getattr(trainer.parts, owned) is other and name not in vars(trainer)


def test_the_names_people_know_are_among_them() -> None:
    assert {"state", "control", "optimizer", "lr_scheduler", "model", "model_wrapped", "is_in_train"} <= set(NAMES)


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


def test_names_that_are_not_known_are_left_to_subclasses(make_trainer: Make) -> None:
    class Own(Trainer):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.state = "before"
            self.model: Any = "before"
            super().__init__(*args, **kwargs)
            self.losses, self.memory, self.precision, self.strategy, self.device = [], {}, 0, "mine", "cpu"
            self.trackers, self.output = (), {}

    trainer: Any = make_trainer(kind=Own, max_steps=2, save_strategy="steps", save_steps=1)
    trainer.train()
    assert trainer.state.global_step == 2 and trainer.losses == [] and trainer.output == {}
    del trainer.optimizer
    assert trainer.optimizer is None


def test_an_optimizer_that_takes_over_in_training_makes_the_updates(make_trainer: Make) -> None:
    class Swaps(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.optimizer = torch.optim.SGD(trainer.model.parameters(), lr=0.0)

    trainer = make_trainer(max_steps=2, callbacks=[Swaps()])
    before = weights(trainer)
    trainer.train()
    for name, value in weights(trainer).items():
        assert torch.equal(value, before[name])


def test_a_model_is_not_replaced_while_it_trains(make_trainer: Make) -> None:
    class Swaps(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            trainer.model = Line()

    trainer = make_trainer(max_steps=2, callbacks=[Swaps()])
    with pytest.raises(TrainingError, match="cannot be replaced while it trains"):
        trainer.train()


def test_settings_that_are_changed_before_train_hold(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=1)
    trainer.args = trainer.args.replace(fp16=True)
    trainer.train()
    assert trainer.parts.precision.scaler is not None
    trainer.args.fp16 = False
    trainer.train()
    assert trainer.parts.precision.scaler is None


def test_a_loss_function_that_is_assigned_is_the_one_that_counts(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=1, logging_steps=1)
    trainer.compute_loss_func = lambda outputs, labels: outputs["logits"].sum() * 0.0 + 7.0
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == 7.0


def test_a_model_that_is_assigned_is_the_one_saved(make_trainer: Make, tmp_path: Any) -> None:
    trainer = make_trainer()
    trainer.model = Line()
    with torch.no_grad():
        trainer.model.layer.weight.fill_(5.0)
    trainer.save_model()
    saved = load_file(f"{trainer.args.output_dir}/model.safetensors")
    assert torch.equal(saved["layer.weight"], trainer.model.layer.weight)


def test_an_override_of_both_makers_is_called(make_trainer: Make) -> None:
    class Own(Trainer):
        def create_optimizer_and_scheduler(self, num_training_steps: int) -> None:
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.37)
            self.lr_scheduler = torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)

    trainer = make_trainer(kind=Own, max_steps=1)
    trainer.train()
    assert trainer.get_learning_rates() == [0.37]


def test_an_override_that_keeps_what_it_makes_need_not_return_it(make_trainer: Make) -> None:
    class Own(Trainer):
        def create_optimizer(self) -> Any:
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.37)

    trainer = make_trainer(kind=Own, max_steps=1, lr_scheduler_type="constant")
    trainer.train()
    assert trainer.get_learning_rates() == [0.37]
