"""A README.md for a trained model: where it comes from, how it was trained, how good it is.

The front matter is the hub's metadata. Nothing of this machine is told: no secret, path or address. A card that a
person wrote, or took over by removing its marker, is never written again.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import TYPE_CHECKING, Any

import yaml

from trainspec.settings.groups.checkpoint import CheckpointSettings
from trainspec.settings.groups.debug import DebugSettings
from trainspec.settings.groups.device import DeviceSettings
from trainspec.settings.groups.distributed import DistributedSettings
from trainspec.settings.groups.hub import HubSettings
from trainspec.settings.groups.logging import LoggingSettings
from trainspec.settings.groups.output import OutputSettings
from trainspec.settings.groups.tracking import TrackingSettings
from trainspec.settings.views.dumping import dump
from trainspec.text.numbers import readable
from trainspec.text.redaction import show_value
from trainspec.training.errors import MetricError
from trainspec.training.evaluation.plain import flat_numbers, plain
from trainspec.training.trackers.names import number_of

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store

logger = logging.getLogger(__name__)

NAME = "README.md"
MARKER = "<!-- Written by trainspec at each push; without this line it is yours and stays as it is. -->"

_ALWAYS = (
    "learning_rate",
    "per_device_train_batch_size",
    "per_device_eval_batch_size",
    "gradient_accumulation_steps",
    "seed",
    "optim",
    "lr_scheduler_type",
    "num_train_epochs",
)
# These say where and how a run was watched, not what made the model what it is.
_CIRCUMSTANCES = frozenset(
    name
    for group in (
        OutputSettings,
        HubSettings,
        LoggingSettings,
        TrackingSettings,
        CheckpointSettings,
        DeviceSettings,
        DebugSettings,
        DistributedSettings,
    )
    for name in inspect.get_annotations(group)
) | {"resume_from_checkpoint", "do_train", "do_eval", "do_predict"}
_PACKAGES = ("trainspec", "torch", "transformers", "peft", "datasets", "tokenizers")
# A metric with more numbers is left out: a card is for people.
_MOST = 20
_SPEED = ("_runtime", "_per_second", "_compilation_time")

Texts = str | Sequence[str] | None


@dataclass(frozen=True)
class CardFacts:
    """What a card tells. `history` holds log entries with their step and epoch; texts may be one or several."""

    args: TrainingArguments
    model_name: str
    history: Sequence[Mapping[str, Any]] = ()
    library_name: str = "trainspec"
    architecture: str = ""
    language: Texts = None
    license: str | None = None
    tags: Texts = None
    finetuned_from: str | None = None
    tasks: Texts = None
    dataset_tags: Texts = None
    dataset: Texts = None
    dataset_args: Texts = None
    versions: Mapping[str, str] = field(default_factory=dict)


def model_card(facts: CardFacts) -> str:
    """The whole README.md."""
    parts = [
        "---\n" + yaml.safe_dump(_metadata(facts), sort_keys=False, allow_unicode=True) + "---",
        MARKER,
        f"# {facts.model_name}",
        _introduction(facts),
        "## Training",
        _hyperparameters(facts.args),
        _results_table(facts.history),
        "### Versions",
        "\n".join(f"- {name} {number}" for name, number in facts.versions.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_model_card(trainer: Any, output: Store, **described: Any) -> bool:
    """Write the card of a Trainer's model into its output folder; whether it was written.

    `described` are the fields of CardFacts from `language` on, and `model_name`. Raises StorageError, and TypeError
    for a field that there is not.
    """
    if output.exists(NAME) and MARKER.encode() not in output.read_bytes(NAME):
        logger.info("%s was not written by trainspec and stays as it is", output.child_url(NAME))
        return False
    output.write_bytes(NAME, model_card(facts_of(trainer, **described)).encode())
    return True


def facts_of(trainer: Any, **described: Any) -> CardFacts:
    """What a Trainer knows for its card: of `args`, `model` and `state`; `described` goes over it."""
    model, args = trainer.model, trainer.args
    known = {
        "model_name": args.hub_model_id or args.output_dir.rstrip("/").rsplit("/", 1)[-1],
        "architecture": type(_base(model)).__name__,
        "library_name": _library(model),
        "finetuned_from": _origin(model),
        "versions": _versions(),
    }
    said = {name: value for name, value in described.items() if value is not None}
    tags = [*_texts(said.pop("tags", None)), *_texts(getattr(model, "model_tags", None))]
    return CardFacts(args=args, history=trainer.state.log_history, **{**known, **said}, tags=tags)


def _base(model: Any) -> Any:
    base = getattr(model, "get_base_model", None)
    return base() if callable(base) else model


def _library(model: Any) -> str:
    kinds = {"peft": "PeftModel", "transformers": "PreTrainedModel"}
    loaded = {name: getattr(sys.modules.get(name), kind, None) for name, kind in kinds.items() if name in sys.modules}
    return next((name for name, kind in loaded.items() if kind and isinstance(model, kind)), "trainspec")


def _origin(model: Any) -> str | None:
    """The hub's name of the model that training started from: not a folder of this machine."""
    name = getattr(getattr(_base(model), "config", None), "_name_or_path", None)
    parts = name.split("/") if isinstance(name, str) else []
    return name if len(parts) in (1, 2) and all(parts) and not parts[0].startswith((".", "~")) else None


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        if name in sys.modules:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
    return found


def _texts(value: Texts) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


# Metadata


def _metadata(facts: CardFacts) -> dict[str, Any]:
    said: dict[str, Any] = {
        "library_name": facts.library_name,
        "language": _texts(facts.language),
        "license": facts.license,
        "base_model": facts.finetuned_from,
        "tags": list(dict.fromkeys(["trainspec", *_texts(facts.tags)])),
        "datasets": _texts(facts.dataset_tags),
        "model-index": [{"name": facts.model_name, "results": _index(facts)}],
    }
    return {name: value for name, value in said.items() if value}


def _index(facts: CardFacts) -> list[dict[str, Any]]:
    metrics = [
        {"name": name.removeprefix("eval_"), "type": name.removeprefix("eval_"), "value": value}
        for name, value in _last_metrics(facts.history).items()
    ]
    if not metrics:
        return []
    tag, name, configuration = (
        next(iter(_texts(v)), None) for v in (facts.dataset_tags, facts.dataset, facts.dataset_args)
    )
    dataset = {"name": name or tag or "evaluation data", "type": tag or "unknown"}
    if configuration:
        dataset["args"] = configuration
    tasks = _texts(facts.tasks) or ["other"]
    return [{"task": {"type": task, "name": task}, "dataset": dataset, "metrics": metrics} for task in tasks]


def _last_metrics(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return next((found for entry in reversed(history) if (found := _metrics(entry))), {})


def _metrics(entry: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an evaluation, those of a list or a mapping by their places; none of another entry."""
    # Whoever wrote the entry into the history: a card holds what it can of it.
    judging = {name: value for name, value in entry.items() if _is_metric(name)}
    found: dict[str, float] = {}
    for name, value in judging.items():
        with suppress(MetricError):
            numbers = dict(islice(flat_numbers(name, plain(value, name)), _MOST + 1))
            found |= numbers if len(numbers) <= _MOST else {}
    return {name: value for name, value in found.items() if not isinstance(value, bool)}


def _is_metric(name: str) -> bool:
    return name.startswith("eval_") and not name.endswith(_SPEED) and "_mem_" not in name


# Text


def _introduction(facts: CardFacts) -> str:
    made = f"A {facts.architecture} " if facts.architecture else "A model "
    start = f", starting from {facts.finetuned_from}" if facts.finetuned_from else ""
    data = _texts(facts.dataset) or _texts(facts.dataset_tags)
    on = f" on {', '.join(data)}" if data else ""
    metrics = _last_metrics(facts.history)
    lines = [f"{made}trained with trainspec{on}{start}."]
    if metrics:
        lines.append("At its last evaluation:\n")
        lines += [f"- {name.removeprefix('eval_')}: {_number(value)}" for name, value in metrics.items()]
    return "\n".join(lines)


def _hyperparameters(args: TrainingArguments) -> str:
    said = [name for name in dump(args, derived=False, secrets=False) if name not in _CIRCUMSTANCES]
    if "max_steps" in said:
        said = [name for name in said if name != "num_train_epochs"]
    always = [name for name in _ALWAYS if name != "num_train_epochs" or args.max_steps <= 0]
    names = list(dict.fromkeys([*always, *said]))
    return "\n".join(f"- {name}: {show_value(name, getattr(args, name))}" for name in names)


def _results_table(history: Sequence[Mapping[str, Any]]) -> str:
    rows: list[dict[str, Any]] = []
    loss = None
    for entry in history:
        known = {name: number_of(entry.get(name)) for name in ("step", "epoch", "loss")}
        loss = loss if known["loss"] is None else known["loss"]
        found = _metrics(entry)
        row = {"step": known["step"], "epoch": known["epoch"], "training loss": loss, **found}
        # Scripts evaluate once more at their end: the same model has the same numbers.
        if found and row not in rows[-1:]:
            rows.append(row)
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [_row(name.removeprefix("eval_") for name in columns), _row("---" for _ in columns)]
    lines += [_row(_number(row.get(name)) for name in columns) for row in rows]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: Any) -> str:
    if value is None:
        return ""
    return readable(value)
