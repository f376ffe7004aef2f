"""DeepSpeed's own JSON: the whole of it is `deepspeed` here, and what it says outright are settings beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainspec.migration.foreign.said import Said, is_said, truth

_MARKS = frozenset(
    {"zero_optimization", "train_micro_batch_size_per_gpu", "train_batch_size", "zero_allow_untested_optimizer"}
)
_BESIDE = frozenset(
    {
        *("optimizer", "scheduler", "fp16", "bf16", "gradient_clipping", "gradient_accumulation_steps"),
        *("steps_per_print", "wall_clock_breakdown", "activation_checkpointing", "zero_optimization"),
    }
)
# Key of DeepSpeed -> setting.
_TOP = {
    "train_micro_batch_size_per_gpu": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_clipping": "max_grad_norm",
}
_OPTIMIZER = {"lr": "learning_rate", "weight_decay": "weight_decay", "eps": "adam_epsilon"}


def is_deepspeed(values: Mapping[str, Any]) -> bool:
    """Whether a file has keys that only DeepSpeed's configuration has."""
    return bool(_MARKS & values.keys()) and len((_MARKS | _BESIDE) & values.keys()) >= 2


def from_deepspeed(values: Mapping[str, Any], said: Said) -> None:
    """What a DeepSpeed file means here; "auto" takes the setting's value, and so says none."""
    for key, name in _TOP.items():
        if _is_number(values.get(key)):
            said.set(name, values[key], key)
    for key in ("fp16", "bf16"):
        section = values.get(key)
        if isinstance(section, Mapping) and truth(section.get("enabled")) is True and section["enabled"] != "auto":
            said.set(key, True, key)
    optimizer = _params(values.get("optimizer"))
    for key, name in _OPTIMIZER.items():
        if _is_number(optimizer.get(key)):
            said.set(name, optimizer[key], "optimizer")
    betas = optimizer.get("betas")
    if isinstance(betas, list) and len(betas) == 2 and all(map(_is_number, betas)):
        said.set("adam_beta1", betas[0], "optimizer")
        said.set("adam_beta2", betas[1], "optimizer")
    scheduler = _params(values.get("scheduler"))
    if _is_number(scheduler.get("warmup_num_steps")):
        said.set("warmup_steps", scheduler["warmup_num_steps"], "scheduler")
    if _is_number(scheduler.get("total_num_steps")):
        said.set("max_steps", scheduler["total_num_steps"], "scheduler")
    if _is_number(scheduler.get("warmup_max_lr")) and "learning_rate" not in said.values:
        said.set("learning_rate", scheduler["warmup_max_lr"], "scheduler")
    said.set("deepspeed", dict(values))


def _params(section: Any) -> Mapping[str, Any]:
    params = section.get("params") if isinstance(section, Mapping) else None
    return params if isinstance(params, Mapping) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and is_said(value)
