"""Judging a document and building settings from the environment, inside a process."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

from pydantic import BaseModel, ConfigDict, create_model
from pydantic_settings import BaseSettings, SettingsConfigDict

from benchmarks.timing import Row, best_call_seconds, microseconds
from trainspec import TrainingArguments

DOCUMENT: dict[str, Any] = {
    "output_dir": "out",
    "learning_rate": 3e-4,
    "per_device_train_batch_size": 16,
    "gradient_accumulation_steps": 2,
    "num_train_epochs": 5,
    "weight_decay": 0.01,
    "warmup_ratio": 0.03,
    "lr_scheduler_type": "cosine",
    "bf16": True,
    "eval_strategy": "steps",
    "eval_steps": 100,
    "save_strategy": "steps",
    "save_steps": 200,
    "save_total_limit": 3,
    "load_best_model_at_end": True,
    "metric_for_best_model": "accuracy",
    "logging_steps": 10,
    "seed": 7,
    "dataloader_num_workers": 2,
    "report_to": "none",
}


def _fields() -> dict[str, Any]:
    return {name: (info.annotation, info) for name, info in TrainingArguments.model_fields.items()}


def document_row() -> Row:
    """`from_dict` with all rules against a plain BaseModel of the same fields without any."""
    plain: type[BaseModel] = create_model("Plain", __config__=ConfigDict(extra="forbid"), **_fields())
    calls = (lambda: TrainingArguments.from_dict(DOCUMENT), lambda: plain.model_validate(DOCUMENT))
    ours, theirs = best_call_seconds(calls, repeats=5000)
    what = f"`from_dict`, {len(DOCUMENT)} keys, {len(TrainingArguments.rules())} rules"
    return Row(what, microseconds(ours), f"plain BaseModel, no rules: {microseconds(theirs)}", ours / theirs, 2)


def environment_rows() -> list[Row]:
    """Settings from TRAINSPEC_* variables in process, after the first, against a stock BaseSettings of its size."""
    config = SettingsConfigDict(env_prefix="TRAINSPEC_", extra="ignore")
    # Without our strictness, since stock sources leave text to pydantic's own lenient parsing.
    fields: dict[str, Any] = {
        name: (info.annotation, info.get_default(call_default_factory=True))
        for name, info in TrainingArguments.model_fields.items()
    }
    stock: type[BaseSettings] = create_model("Stock", __base__=BaseSettings, **fields)
    stock.model_config.update(config)
    variables = {"TRAINSPEC_LEARNING_RATE": "3e-4", "TRAINSPEC_BF16": "true", "TRAINSPEC_OUTPUT_DIR": "x"}
    with mock.patch.dict(os.environ, variables):
        ours, theirs = best_call_seconds((TrainingArguments, stock), repeats=200)
    return [
        Row("settings from the environment", f"{ours * 1e3:.3f} ms", "a fixed bound", ours * 1e3, 0.1, unit="ms"),
        Row(
            "the same against pydantic-settings",
            f"{ours * 1e3:.3f} ms",
            f"stock BaseSettings: {theirs * 1e3:.1f} ms",
            theirs / ours,
            10,
            at_least=True,
        ),
    ]


def embedded_row() -> Row:
    """An app with settings inside and 20 variables, against the same app with a plain model of the same types."""
    config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")
    # Without our strictness, for the reason above.
    fields: dict[str, Any] = {
        name: (info.annotation, info.get_default(call_default_factory=True))
        for name, info in TrainingArguments.model_fields.items()
    }
    plain: type[BaseModel] = create_model("Plain", __config__=ConfigDict(extra="forbid"), **fields)
    apps: list[type[BaseSettings]] = [
        create_model("App", __base__=BaseSettings, train=(inner, ...)) for inner in (TrainingArguments, plain)
    ]
    for app in apps:
        app.model_config.update(config)
    variables = {
        f"APP_TRAIN__{name.upper()}": str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in DOCUMENT.items()
    }
    with mock.patch.dict(os.environ, variables):
        ours, theirs = best_call_seconds(apps, repeats=50)
    what = f"settings inside an app, {len(variables)} variables"
    yardstick = f"plain nested BaseModel: {theirs * 1e3:.1f} ms"
    return Row(what, f"{ours * 1e3:.1f} ms", yardstick, ours / theirs, 1.5)
