"""What a person wants to know when a run is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainspec.text.numbers import readable
from trainspec.text.redaction import redact_whole_url
from trainspec.training.checkpoint.load import folder_name, list_checkpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.state import TrainerState

_FILES = {
    "model.safetensors": "model",
    "pytorch_model.bin": "model",
    "predictions.jsonl": "predictions",
    "metrics.jsonl": "metrics",
    "loss.png": "loss curves",
}
_SPEED = ("_runtime", "_per_second")


@dataclass
class Outcome:
    """The metrics of each phase that ran."""

    train: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    # Whether the model holds the weights of the best checkpoint.
    holds_best: bool = False


def render_summary(args: TrainingArguments, state: TrainerState, outcome: Outcome, output: Store) -> str:
    rows: list[tuple[str, str]] = []
    if outcome.train:
        rows += _training(args, state, outcome)
    rows += [("evaluation", _numbers(outcome.evaluation, "eval_"))] if outcome.evaluation else []
    rows += [("test", _numbers(outcome.test, "test_"))] if outcome.test else []
    rows += _places(output)
    width = max((len(name) for name, _ in rows), default=0)
    title = f"run {redact_whole_url(args.run_name or '')}"
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows)])


def _training(args: TrainingArguments, state: TrainerState, outcome: Outcome) -> list[tuple[str, str]]:
    metrics = outcome.train
    rows = [
        ("updates", f"{state.global_step:,} in {_epochs(state.epoch)}"),
        ("train loss", readable(metrics["train_loss"])),
        (
            "runtime",
            f"{metrics['train_runtime']:,.1f} s, {metrics['train_samples_per_second']:,.0f} samples/s",
        ),
    ]
    if state.best_metric is not None:
        there = "its weights are the model" if outcome.holds_best else "not loaded: the last weights are the model"
        kept = f" ({there})" if args.load_best_model_at_end else ""
        at = f"at update {state.best_global_step:,}"
        # A run that goes on need not be told by what metric the one before chose.
        metric = args.metric_for_best_model or "metric"
        rows.append(("best", f"{metric} {readable(state.best_metric)} {at}{kept}"))
    return rows


def _numbers(metrics: Mapping[str, float], prefix: str) -> str:
    shown = {name: value for name, value in metrics.items() if name != "epoch" and not name.endswith(_SPEED)}
    return "  ".join(f"{name.removeprefix(prefix)} {readable(value)}" for name, value in shown.items())


def _epochs(count: float) -> str:
    """To the hundredth: 30 updates in 0.19 epochs."""
    rounded = round(count, 2) or count
    return f"{rounded:,.15g} epoch{'s' * (rounded != 1)}" if rounded >= 0.01 else "less than 0.01 epochs"


def _places(output: Store) -> list[tuple[str, str]]:
    rows = [(what, output.child_url(name)) for name, what in _FILES.items() if output.exists(name)]
    # What another run left half written, or somebody damaged, is none to go on from.
    steps = [found.step for found in list_checkpoints(output)]
    if steps:
        more = f" and {len(steps) - 1} before it" if len(steps) > 1 else ""
        rows.append(("checkpoint", output.child_url(folder_name(steps[-1])) + more))
    return rows
