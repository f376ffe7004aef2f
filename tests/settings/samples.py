"""A valid value of every setting, read from the model's own examples, and what must be set beside it."""

from __future__ import annotations

import json
from typing import Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.values.kinds import Kind

FIELDS = tuple(TrainingArguments.model_fields)
KINDS = TrainingArguments.field_kinds()

# Where the example alone would break a rule, or names a file.
_OTHER = {
    "hub_token": "hf_sample",
    "deepspeed": {"zero_optimization": {"stage": 2}},
    "optim_args": {"rank": 64, "scale": 0.5},
}
_LOW_RANK = {"optim": "galore_adamw", "optim_target_modules": "all-linear"}
_BEST = {"load_best_model_at_end": True, "eval_strategy": "steps"}
BESIDE: dict[str, dict[str, Any]] = {
    "dataloader_prefetch_factor": {"dataloader_num_workers": 2},
    "dataloader_persistent_workers": {"dataloader_num_workers": 2},
    "fp16_opt_level": {"fp16": True},
    "load_best_model_at_end": {"eval_strategy": "steps"},
    "optim_target_modules": {"optim": "galore_adamw"},
    "optim_args": _LOW_RANK,
    "lr_scheduler_kwargs": {"lr_scheduler_type": "cosine"},
    "fsdp_config": {"fsdp": ["full_shard", "auto_wrap"]},
    "eval_steps": {"eval_strategy": "steps"},
    "eval_delay": {"eval_strategy": "steps"},
    "eval_on_start": {"eval_strategy": "steps"},
    "gradient_checkpointing_kwargs": {"gradient_checkpointing": True},
    "liger_kernel_config": {"use_liger_kernel": True},
    "length_column_name": {"group_by_length": True},
    "greater_is_better": {
        "metric_for_best_model": "accuracy",
        "load_best_model_at_end": True,
        "eval_strategy": "steps",
    },
    "metric_for_best_model": {"load_best_model_at_end": True, "eval_strategy": "steps"},
}


def sample(name: str) -> Any:
    """A valid value of the setting, as a document writes it; of a switch, the one that is not its default."""
    if name in _OTHER:
        return _OTHER[name]
    info = TrainingArguments.model_fields[name]
    if isinstance(info.default, bool) and info.examples != [False]:
        return not info.default
    return info.examples[0]


def as_text(value: Any) -> str:
    """The value as a source that can only hold text writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value)
    return json.dumps(value) if isinstance(value, dict) else str(value)


def as_toml(value: Any) -> str:
    """The value as TOML writes it on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def fields_of(wanted: str) -> list[str]:
    """The settings that take a kind of value and nothing that reads alike: switch, integer, number, choice, list."""
    return [name for name in FIELDS if _is(KINDS[name], wanted)]


def _is(kind: Kind, wanted: str) -> bool:
    if wanted == "switch":
        return kind.boolean and not (kind.text or kind.choices or kind.items)
    if wanted == "integer":
        return kind.integer and not kind.number
    if wanted == "number":
        return kind.number
    if wanted == "choice":
        return bool(kind.choices) and kind.items is None
    return kind.items is not None
