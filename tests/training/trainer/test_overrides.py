"""Overriding a public method of the Trainer has effect, also with the signature of an older release."""

import inspect
from typing import Any

from tests.training.small_job import Make
from torch import Tensor

from trainspec import Trainer


class Overrides(Trainer):
    """Older signatures, and marks of each method that ran."""

    ran: set[str]

    def training_step(self, model: Any, inputs: Any) -> Tensor:  # type: ignore[override]
        self.ran.add("training_step")
        return super().training_step(model, inputs)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False) -> Any:  # type: ignore[override]
        self.ran.add("compute_loss")
        return super().compute_loss(model, inputs, return_outputs)

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool) -> Any:  # type: ignore[override]
        self.ran.add("prediction_step")
        return super().prediction_step(model, inputs, prediction_loss_only)

    def evaluation_loop(self, dataloader: Any, description: str, prediction_loss_only: Any = None) -> Any:  # type: ignore[override]
        self.ran.add("evaluation_loop")
        return super().evaluation_loop(dataloader, description, prediction_loss_only)

    def evaluate(self, eval_dataset: Any = None) -> dict[str, float]:  # type: ignore[override]
        self.ran.add("evaluate")
        return {**super().evaluate(eval_dataset), "eval_best": float(self.state.global_step)}

    def log(self, logs: dict[str, float]) -> None:  # type: ignore[override]
        self.ran.add("log")
        super().log({**logs, "mark": 1.0})

    def get_train_dataloader(self) -> Any:
        self.ran.add("get_train_dataloader")
        return super().get_train_dataloader()

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        self.ran.add("get_eval_dataloader")
        return super().get_eval_dataloader(eval_dataset)

    def create_optimizer(self) -> Any:
        self.ran.add("create_optimizer")
        return super().create_optimizer()

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        self.ran.add("create_scheduler")
        return super().create_scheduler(num_training_steps, optimizer)


def test_overriding_any_public_method_has_effect_also_with_older_signatures(make_trainer: Make) -> None:
    Overrides.ran = set()
    trainer = make_trainer(
        kind=Overrides,
        eval_strategy="epoch",
        save_strategy="best",
        metric_for_best_model="best",
        greater_is_better=False,
        num_train_epochs=2,
    )
    trainer.train()
    overridden = {name for name, value in vars(Overrides).items() if inspect.isfunction(value)}
    assert Overrides.ran == overridden
    assert all(entry["mark"] == 1.0 for entry in trainer.state.log_history)
    assert trainer.state.best_metric == 6, "the best metric comes from what evaluate returns"
