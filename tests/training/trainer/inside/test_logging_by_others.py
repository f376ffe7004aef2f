"""Overrides of `_maybe_log_save_evaluate` and the parts of it: logs, evaluations and checkpoints of their own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Make, entries

from trainspec import Trainer, TrainerCallback
from trainspec.storage import open_store
from trainspec.training.checkpoint import list_checkpoints, open_checkpoint


class Copied(Trainer):
    """As transformers 4.57 does it, with a loss of two parts beside it, as multi-task trainers log theirs."""

    def _maybe_log_save_evaluate(
        self, tr_loss: Any, grad_norm: Any, model: Any, trial: Any, epoch: Any, ignore_keys_for_eval: Any,
        start_time: Any, learning_rate: Any = None,
    ) -> None:  # fmt: skip
        if self.control.should_log and self.state.global_step > self._globalstep_last_logged:
            logs: dict[str, float] = {}
            total = self._nested_gather(tr_loss).mean().item()
            tr_loss -= tr_loss
            logs["loss"] = total / (self.state.global_step - self._globalstep_last_logged)
            if grad_norm is not None:
                logs["grad_norm"] = grad_norm.item() if isinstance(grad_norm, torch.Tensor) else grad_norm
            logs["learning_rate"] = self._get_learning_rate() if learning_rate is None else learning_rate
            logs["extra"] = 1.0
            self._total_loss_scalar += total
            self._globalstep_last_logged = self.state.global_step
            self.store_flos()
            self.log(logs, start_time)
        if self.control.should_evaluate:
            metrics = self._evaluate(trial, ignore_keys_for_eval)
            is_new_best_metric = self._determine_best_metric(metrics=metrics, trial=trial)
            if self.args.save_strategy == "best":
                self.control.should_save = is_new_best_metric
        if self.control.should_save:
            self._save_checkpoint(model, trial)
            self.control = self.callback_handler.on_save(self.args, self.state, self.control)


class Older(Trainer):
    """Before a start time was told."""

    def _maybe_log_save_evaluate(  # type: ignore[override]
        self, tr_loss: Any, grad_norm: Any, model: Any, trial: Any, epoch: Any, ignore_keys_for_eval: Any
    ) -> None:
        super()._maybe_log_save_evaluate(tr_loss, grad_norm, model, trial, epoch, ignore_keys_for_eval)


SETTINGS: dict[str, Any] = {
    "max_steps": 5,
    "logging_steps": 2,
    "eval_strategy": "steps",
    "eval_steps": 2,
    "learning_rate": 0.1,
    "save_strategy": "steps",
    "save_steps": 2,
    "load_best_model_at_end": True,
}
TIMES = ("runtime", "_per_", "extra", "train_steps")


def numbers(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if not any(part in key for part in TIMES)}


@pytest.mark.parametrize("kind", [Copied, Older])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"save_strategy": "best", "metric_for_best_model": "loss", "save_steps": None},
        {"eval_strategy": "epoch", "save_strategy": "epoch", "eval_steps": None, "save_steps": None},
    ],
    ids=["steps", "best", "epoch"],
)
def test_numbers_and_checkpoints_are_those_of_a_plain_run(
    make_trainer: Make, kind: type[Trainer], changes: dict[str, Any]
) -> None:
    found = []
    for each in (Trainer, kind):
        settings = {name: value for name, value in {**SETTINGS, **changes}.items() if value is not None}
        trainer = make_trainer(kind=each, **settings, overwrite_output_dir=True)
        output = trainer.train()
        steps = [checkpoint.step for checkpoint in list_checkpoints(open_store(trainer.args.output_dir))]
        best = trainer.state.best_metric, trainer.state.best_global_step
        found.append(([numbers(entry) for entry in trainer.state.log_history], steps, best, output.training_loss))
    (plain, steps, best, loss), (own, own_steps, own_best, own_loss) = found
    assert (own_steps, own_best) == (steps, best) and len(own) == len(plain)
    assert own_loss == pytest.approx(loss)
    for one, other in zip(own, plain, strict=True):
        assert one == pytest.approx(other)


def test_a_resumed_run_logs_the_mean_since_the_last_entry(make_trainer: Make) -> None:
    plain = make_trainer(max_steps=4, logging_steps=2, save_strategy="steps", save_steps=3)
    plain.train()
    resumed = make_trainer(kind=Copied, max_steps=4, logging_steps=2)
    resumed.train(resume_from_checkpoint=f"{plain.args.output_dir}/checkpoint-3")
    assert entries(resumed, "loss")[-1]["loss"] == pytest.approx(entries(plain, "loss")[-1]["loss"])
    assert entries(resumed, "train_loss")[-1]["train_loss"] == pytest.approx(
        entries(plain, "train_loss")[-1]["train_loss"]
    )


def test_a_checkpoint_of_both_overrides_is_whole(make_trainer: Make) -> None:
    class Both(Copied):
        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            super()._save_checkpoint(model, trial)
            folder = Path(self._get_output_dir(trial), f"checkpoint-{self.state.global_step}")
            (folder / "head.bin").write_bytes(b"head")

    class Sees(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(open_checkpoint(f"{args.output_dir}/checkpoint-{state.global_step}").has("head.bin"))

    seen: list[bool] = []
    make_trainer(kind=Both, callbacks=[Sees()], **SETTINGS).train()
    assert seen == [True, True, True]


def test_what_is_the_best_is_said_by_the_override(make_trainer: Make) -> None:
    class Third(Trainer):
        def _determine_best_metric(self, metrics: dict[str, float], trial: Any = None) -> bool:
            self.state.best_metric = metrics["eval_loss"]
            if self.state.global_step == 3:
                self.state.best_global_step = 3
            return self.state.global_step == 3

    trainer = make_trainer(
        kind=Third, max_steps=5, eval_strategy="steps", eval_steps=1, save_strategy="best", metric_for_best_model="loss"
    )
    trainer.train()
    assert [checkpoint.step for checkpoint in list_checkpoints(open_store(trainer.args.output_dir))] == [3]


def test_an_evaluation_of_ones_own_is_told_to_the_schedule(make_trainer: Make) -> None:
    class Worse(Trainer):
        def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
            asked.append(skip_scheduler)
            return super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)

    asked: list[bool] = []
    make_trainer(kind=Worse, max_steps=2, eval_strategy="steps", eval_steps=1, eval_on_start=True).train()
    assert asked == [True, False, False]


def test_a_rate_of_ones_own_is_what_is_logged(make_trainer: Make) -> None:
    class Tells(Trainer):
        def _get_learning_rate(self) -> float:
            return 100 * super()._get_learning_rate()

    trainer = make_trainer(kind=Tells, max_steps=1, logging_steps=1, lr_scheduler_type="constant")
    trainer.train()
    assert entries(trainer, "loss")[0]["learning_rate"] == pytest.approx(1.0)
