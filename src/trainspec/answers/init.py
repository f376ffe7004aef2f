"""A file of settings to begin with: the schema's line, then the settings that most runs begin with, each explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

SCHEMA = "trainspec.schema.json"
"""The schema that is laid beside the file: no address, so that it works without a network and for whoever gets both."""

# Heading -> settings with the values to begin with; the descriptions are those of the settings themselves.
BEGINNING: dict[str, dict[str, object]] = {
    "Where": {"output_dir": "runs/first"},
    "How long, and in what steps": {
        "num_train_epochs": 3.0,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
    },
    "Optimizer and schedule": {
        "learning_rate": 5e-5,
        "weight_decay": 0.0,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.0,
    },
    "Evaluation, checkpoints, logs": {
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": 500,
        "save_total_limit": 2,
        "logging_steps": 50,
        "report_to": "none",
    },
    "Precision and seed": {"bf16": False, "seed": 42},
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """The text of the file, in YAML, the settings that it says, and the text of the schema laid beside it."""

    text: str
    settings: dict[str, object]
    schema: str

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "settings": self.settings, "schema": self.schema}


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a dotenv file with every variable, commented out."""

    text: str

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text}


def template(model: type[BaseSettings]) -> Template:
    """The dotenv file of a settings class, or of an app of pydantic-settings with one inside."""
    from trainspec.settings.base import Settings

    if issubclass(model, Settings):
        from trainspec.export import env_template

        return Template(env_template.render(model))
    from trainspec.export.apps import template as of_app

    return Template(of_app.render(model))


def beginning() -> Beginning:
    """The file, the same for everybody."""
    from trainspec.export.json_schema import render

    settings = {name: value for under in BEGINNING.values() for name, value in under.items()}
    return Beginning("\n".join(_lines()) + "\n", settings, render())


def _lines() -> Iterator[str]:
    from trainspec.migration.values import as_yaml
    from trainspec.settings.arguments import TrainingArguments

    fields = TrainingArguments.__pydantic_fields__
    yield f"# yaml-language-server: $schema={SCHEMA}"
    yield "#"
    yield "# The settings of a training run. What is left out has its default: trainspec explain lists all settings."
    for heading, settings in BEGINNING.items():
        yield from ("", f"# --- {heading}")
        for name, value in settings.items():
            yield ""
            yield from textwrap.wrap(fields[name].description or name, 100, initial_indent="# ", subsequent_indent="# ")
            yield f"{name}: {as_yaml(value)}"
