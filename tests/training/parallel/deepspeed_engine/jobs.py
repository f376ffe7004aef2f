"""Whole runs of a Trainer under DeepSpeed, one process's part of them, and what is seen of the engine."""

import sys
from contextlib import nullcontext
from typing import Any

import torch
from tests.training.parallel.deepspeed_engine.ranks import pretend_float16
from tests.training.small_job import Line, Rows

from trainspec import TrainerCallback, TrainingArguments
from trainspec.training.parallel.deepspeed_engine import needs
from trainspec.training.trainer import Trainer

TRAINED, EVALUATED = 21, 8


def made(output: str, **changes: Any) -> Trainer:
    usual: dict[str, Any] = {
        "output_dir": output,
        "use_cpu": True,
        "report_to": "none",
        "num_train_epochs": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "eval_strategy": "epoch",
        "learning_rate": 0.05,
        "disable_tqdm": True,
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 2,
    }
    args = TrainingArguments(**{**usual, **changes})
    return Trainer(Line(), args, train_dataset=Rows(TRAINED), eval_dataset=Rows(EVALUATED))


def seen(trainer: Trainer) -> dict[str, Any]:
    trainer.train()
    strategy: Any = trainer.parts.strategy
    weights = {name: value.clone() for name, value in strategy.weights().items()}
    history = trainer.state.log_history
    found = {
        "weights": weights,
        "losses": [entry["loss"] for entry in history if "loss" in entry],
        "norms": [entry["grad_norm"] for entry in history if "grad_norm" in entry],
        "rates": [entry["learning_rate"] for entry in history if "learning_rate" in entry],
        "evaluated": [entry["eval_loss"] for entry in history if "eval_loss" in entry],
        "operations": trainer.state.total_flos,
    }
    engine = getattr(strategy, "_engine", None)
    if engine is not None:
        found |= {
            "stage": engine.zero_optimization_stage(),
            "clipping": engine.config["gradient_clipping"],
            "rows": engine.train_batch_size(),
            "steps": type(engine.basic_optimizer).__name__,
            "held": sum(
                value.numel()
                for entry in engine.basic_optimizer.state.values()
                for value in entry.values()
                if isinstance(value, torch.Tensor) and value.dim()
            ),
        }
    return found


def several(output: str, runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One after the other, in the same processes."""
    return [seen(made(output, **changes)) for changes in runs]


def made_in_parts(output: str, changes: dict[str, Any]) -> tuple[list[int], list[dict[str, Any]]]:
    """A model of model_init, trained twice: the elements that are here of its parameters when it is made."""
    here: list[int] = []

    def make() -> Line:
        model = Line()
        here.append(sum(value.numel() for value in model.parameters()))
        return model

    trainer = made(output, **changes)
    again = Trainer(model_init=make, args=trainer.args, train_dataset=Rows(TRAINED), eval_dataset=Rows(EVALUATED))
    return here, [seen(again), seen(again)]


def resumed(output: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A whole run with a checkpoint after each update, the best one loaded; then what comes after the first again."""
    saved = {"save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1}
    best = {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss"}
    whole = made(output, **changes, **saved)
    first = seen(whole)
    again = made(output, **changes, **saved, resume_from_checkpoint=f"{output}/checkpoint-1")
    second = seen(again)
    chosen = made(f"{output}-best", **changes, **saved, **best)
    chosen.train()
    # The evaluation of what is in the model now.
    now = chosen.evaluate()["eval_loss"]
    return {
        "first": first,
        "second": second,
        "best": min(entry["eval_loss"] for entry in chosen.state.log_history[:-1] if "eval_loss" in entry),
        "now": now,
    }


def imported(output: str, **changes: Any) -> bool:
    """Whether the library is there after a run."""
    seen(made(output, **changes))
    return "deepspeed" in sys.modules


class Overflowing(TrainerCallback):
    """Before one update, the gradients of one process are larger than float16 tells."""

    def __init__(self, update: int) -> None:
        self._update = update
        self.weights: list[list[float]] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        model.too_large = state.global_step == self._update - 1 and args.process_index == args.world_size - 1

    def on_optimizer_step(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        self.weights.append([entry for value in model.parameters() for entry in whole(value)])


def whole(value: Any) -> list[float]:
    """What was updated, in every process: a parameter that is shared out is gathered."""
    from trainspec.training.parallel.deepspeed_engine.weights import gathered

    with gathered([value]) if hasattr(value, "ds_id") else nullcontext():
        found: list[float] = value.detach().float().flatten().tolist()
        return found


class LargeLine(Line):
    too_large = False

    def forward(self, inputs: Any, labels: Any = None, number: Any = None) -> dict[str, Any]:
        found = super().forward(inputs, labels, number)
        if self.training and self.too_large:
            found["loss"] = found["loss"] * 300
        return found


def overflowed(output: str, stage: int) -> dict[str, Any]:
    """A run in float16 of whose updates the third overflows in the last process alone."""
    pretend_float16()
    needs._cpu_has_float16 = lambda: True
    callback = Overflowing(3)
    scaling = {"enabled": "auto", "initial_scale_power": 8, "hysteresis": 1}
    changes: dict[str, Any] = {
        "fp16": True,
        "deepspeed": {"zero_optimization": {"stage": stage}, "fp16": scaling},
        "eval_strategy": "no",
        "num_train_epochs": 8,
    }
    again = Trainer(LargeLine(), made(output, **changes).args, train_dataset=Rows(TRAINED), callbacks=[callback])
    again.train()
    history = [entry for entry in again.state.log_history if "loss_scale" in entry]
    return {
        "weights": callback.weights,
        "scales": [entry["loss_scale"] for entry in history],
        "norms": [entry["grad_norm"] for entry in history],
        "rates": [entry["learning_rate"] for entry in history],
        "losses": [entry["loss"] for entry in history],
        "updates": again.state.global_step,
    }
