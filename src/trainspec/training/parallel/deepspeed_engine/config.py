"""DeepSpeed's configuration as the engine gets it: what was said, with "auto" and what is unsaid filled from settings.

Rules have refused a key that says anything else than the setting of the same meaning, so what is filled in here can
contradict nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.steps import warmup_updates

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.settings.arguments import TrainingArguments

AUTO = "auto"
Config = dict[str, Any]

# Of what the model's hidden size decides, as transformers has it; without one, and where nothing is said, DeepSpeed's
# own values hold.
_BY_WIDTH: dict[str, Callable[[int], int]] = {
    "reduce_bucket_size": lambda width: width * width,
    "stage3_prefetch_bucket_size": lambda width: int(0.9 * width * width),
    "stage3_param_persistence_threshold": lambda width: 10 * width,
}
_DTYPES = ("bf16", "fp16")


@dataclass(frozen=True)
class Facts:
    """What settings alone do not tell: `width` is the model's hidden size, `updates` those of the whole run."""

    world_size: int = 1
    width: int | None = None
    updates: int | None = None


def stage_of(args: TrainingArguments) -> int:
    """The ZeRO stage; auto is 2, or 3 where parameters are to be offloaded."""
    zero = getattr(args.deepspeed, "zero_optimization", None)
    if zero is None:
        return 0
    if zero.stage != AUTO:
        return int(zero.stage)
    return 3 if is_offloaded(args, "offload_param") else 2


def is_offloaded(args: TrainingArguments, section: str = "offload_optimizer") -> bool:
    zero = getattr(args.deepspeed, "zero_optimization", None)
    offload = getattr(zero, section, None)
    return getattr(offload, "device", None) in ("cpu", "nvme")


def makes_optimizer(args: TrainingArguments) -> bool:
    """Whether the optimizer is one of DeepSpeed's, by its configuration."""
    return getattr(args.deepspeed, "optimizer", None) is not None


def makes_schedule(args: TrainingArguments) -> bool:
    return getattr(getattr(args.deepspeed, "scheduler", None), "type", None) is not None


def autocasts(args: TrainingArguments) -> str | None:
    """The number format of torch.autocast inside of the engine; None where weights are of the format themselves."""
    section = getattr(args.deepspeed, "torch_autocast", None)
    if section is None or not section.enabled:
        return None
    return "float16" if section.dtype in ("fp16", "float16", "torch.float16", "half") else "bfloat16"


def written(args: TrainingArguments, facts: Facts) -> Config:
    """The whole configuration, as plain JSON without a null or an "auto" of ours."""
    said = args.deepspeed
    config: Config = said.model_dump(exclude_unset=True) if said is not None and hasattr(said, "model_dump") else {}
    _fill_batches(config, args, facts.world_size)
    config["gradient_clipping"] = float(args.max_grad_norm or 0.0)
    _fill_formats(config, args)
    _fill_zero(config, args, facts.width)
    if makes_optimizer(args):
        _fill_optimizer(config["optimizer"], args)
    else:
        # It knows its own and torch's Adam; what the settings name beside them, its rules have let through.
        config.setdefault("zero_allow_untested_optimizer", True)
        if is_offloaded(args):
            config.setdefault("zero_force_ds_cpu_optimizer", False)
    if makes_schedule(args):
        _fill_schedule(config["scheduler"], args, facts.updates)
    else:
        config.pop("scheduler", None)
    if config.get("steps_per_print") in (None, AUTO):
        # What a step came to is told by our log.
        config.pop("steps_per_print", None)
    return _without_nulls(_without_auto(config))


def _fill_batches(config: Config, args: TrainingArguments, world_size: int) -> None:
    micro, steps = args.per_device_train_batch_size, args.gradient_accumulation_steps
    config["train_micro_batch_size_per_gpu"] = micro
    config["gradient_accumulation_steps"] = steps
    config["train_batch_size"] = micro * steps * world_size


def _fill_formats(config: Config, args: TrainingArguments) -> None:
    if autocasts(args) is not None:
        for dtype in _DTYPES:
            config.pop(dtype, None)
        return
    for dtype in _DTYPES:
        section = config.get(dtype) or {}
        if section.get("enabled", AUTO) == AUTO:
            section["enabled"] = bool(getattr(args, dtype))
        config[dtype] = section


def _fill_zero(config: Config, args: TrainingArguments, width: int | None) -> None:
    zero = config.get("zero_optimization")
    if zero is None:
        return
    zero["stage"] = stage_of(args)
    for name, of_width in _BY_WIDTH.items():
        if zero.get(name) == AUTO and width is not None:
            zero[name] = of_width(width)


def _fill_optimizer(optimizer: Config, args: TrainingArguments) -> None:
    ours = {
        "lr": args.learning_rate,
        "betas": [args.adam_beta1, args.adam_beta2],
        "eps": args.adam_epsilon,
        "weight_decay": args.weight_decay,
    }
    params = optimizer.get("params") or {}
    optimizer["params"] = {name: ours.get(name) if value == AUTO else value for name, value in params.items()}
    optimizer["params"].setdefault("lr", args.learning_rate)


def _fill_schedule(schedule: Config, args: TrainingArguments, updates: int | None) -> None:
    ours = {
        "warmup_min_lr": 0.0,
        "warmup_max_lr": args.learning_rate,
        # It takes no 0, and makes 2 of 1.
        "warmup_num_steps": max(1, warmup_updates(args.warmup_steps, args.warmup_ratio, updates or 0)),
        "total_num_steps": updates,
    }
    params = schedule.get("params") or {}
    schedule["params"] = {name: ours.get(name) if value == AUTO else value for name, value in params.items()}


# Where "auto" is a word of DeepSpeed's own.
_ITS_OWN_AUTO = ("keep_in_fp32_modules", "select_strategy", "select_interval", "update_interval", "stages")


def _without_auto(section: Config) -> Config:
    return {
        name: _without_auto(value) if isinstance(value, dict) else value
        for name, value in section.items()
        if value != AUTO or name in _ITS_OWN_AUTO
    }


def _without_nulls(section: Config) -> Config:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in section.items()
        if value is not None
    }
