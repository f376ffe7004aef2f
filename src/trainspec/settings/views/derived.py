"""What follows from what the user said: pure functions of settings and numbers.

The document is never rewritten. These values are read through the same attribute names (`args.eval_steps`), and
each derivation says from which settings it follows, for provenance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import (
    DebugOption,
    FSDPOption,
    IntervalStrategy,
    SamplingStrategy,
    SaveStrategy,
    SchedulerType,
    UnevenInputs,
)

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def exact(number: float) -> Fraction:
    """The decimal that a person wrote, not its binary neighbour: 0.1 is exactly one tenth."""
    return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(number)


def counted(interval: int | float) -> int | float:
    """An interval as a count where it is one: a class of a user's may keep it as a float, 500.0."""
    return interval if isinstance(interval, int) or interval % 1 else int(interval)


def interval_updates(interval: int | float, total_updates: int) -> int:
    """An interval in updates: a count as it is, a fraction in (0, 1) of `total_updates` rounded up."""
    interval = counted(interval)
    if isinstance(interval, int):
        return interval
    return max(1, math.ceil(exact(interval) * total_updates))


def warmup_updates(warmup_steps: int, warmup_ratio: float | None, total_updates: int) -> int:
    """Updates spent warming up: `warmup_steps` when above 0, else that share of all updates rounded up.

    Subclasses of other libraries have None as the default of `warmup_ratio`, as transformers 5.x has.
    """
    return warmup_steps if warmup_steps > 0 else math.ceil(exact(warmup_ratio or 0) * total_updates)


def repository_name(output_dir: str) -> str:
    """What a repository is called that has no other name: the last part of the folder."""
    return output_dir.rstrip("/").rsplit("/", 1)[-1]


def words(text: str) -> list[str]:
    """The words of an option text, which people separate by blanks or commas."""
    return text.replace(",", " ").split()


@dataclass(frozen=True)
class Derivation:
    """How one setting's value follows: from the stored value and the settings that `follows_from` names."""

    compute: Callable[[TrainingArguments, Any], Any]
    follows_from: tuple[str, ...]
    also_open: tuple[Any, ...] = ()
    """Values that leave it open, as null and false do."""


_HOW_SHARDED = frozenset(FSDPOption) - {FSDPOption.OFFLOAD, FSDPOption.AUTO_WRAP}


def _fsdp(args: TrainingArguments, said: Any) -> list[FSDPOption]:
    if not said:
        return []
    named = [] if said is True else [FSDPOption(item) for item in (words(said) if isinstance(said, str) else said)]
    details = args.fsdp_config
    added = [] if details is None or isinstance(details, str) else details.options()
    if said is True and details is not None and not isinstance(details, str) and details.says_what_is_wrapped():
        # The true of transformers 5.x wraps; so do layers that are named.
        added = [*added, FSDPOption.AUTO_WRAP]
    # A way to shard that fsdp itself names holds.
    names_one = not _HOW_SHARDED.isdisjoint(named)
    named += [one for one in added if one not in named and not (names_one and one in _HOW_SHARDED)]
    return [FSDPOption.FULL_SHARD, *named] if said is True and _HOW_SHARDED.isdisjoint(named) else named


def _debug(args: TrainingArguments, said: Any) -> list[DebugOption]:
    return [DebugOption(item) for item in (words(said) if isinstance(said, str) else said)]


def _report_to(args: TrainingArguments, said: Any) -> list[str]:
    names = [said] if isinstance(said, str) else said
    return [] if names == ["none"] else list(names)


def _metric(args: TrainingArguments, said: str | None) -> str | None:
    needed = (
        args.load_best_model_at_end
        or args.save_strategy == SaveStrategy.BEST
        or args.lr_scheduler_type == SchedulerType.REDUCE_ON_PLATEAU
    )
    return "loss" if said is None and needed else said


def _greater_is_better(args: TrainingArguments, said: bool | None) -> bool | None:
    metric = args.metric_for_best_model
    return not metric.endswith("loss") if said is None and metric is not None else said


def _do_eval(args: TrainingArguments, said: bool | None) -> bool:
    return bool(said) or args.eval_strategy != IntervalStrategy.NO


def _compile(args: TrainingArguments, said: bool) -> bool:
    if "torch_compile" in args.model_fields_set:
        return said
    stored = args.__dict__
    return any(stored[name] is not None for name in ("torch_compile_backend", "torch_compile_mode", "torchdynamo"))


def _compile_backend(args: TrainingArguments, said: str | None) -> str | None:
    chosen = said if said is not None else args.torchdynamo
    return "inductor" if chosen is None and args.torch_compile else chosen


def _hub_model_id(args: TrainingArguments, said: str | None) -> str | None:
    if said is not None or not args.push_to_hub:
        return said
    return repository_name(args.output_dir)


def _group_by_length(args: TrainingArguments, said: bool) -> bool:
    return said or args.train_sampling_strategy == SamplingStrategy.GROUP_BY_LENGTH


def _sampling(args: TrainingArguments, said: SamplingStrategy | None) -> SamplingStrategy:
    if said is not None:
        return said
    return SamplingStrategy.GROUP_BY_LENGTH if args.__dict__["group_by_length"] else SamplingStrategy.RANDOM


def _uneven(args: TrainingArguments, said: UnevenInputs | None) -> UnevenInputs:
    if said is not None:
        return said
    config = args.accelerator_config
    return UnevenInputs.JOIN if getattr(config, "even_batches", True) is False else UnevenInputs.PAD


def _scheduler_arguments(args: TrainingArguments, said: dict[str, Any] | None) -> dict[str, Any]:
    return dict(said or {})


def _eval_steps(args: TrainingArguments, said: int | float | None) -> int | float:
    return said or args.logging_steps


def _or_from(other: str) -> Derivation:
    def compute(args: TrainingArguments, said: Any) -> Any:
        return getattr(args, other) if said is None else said

    return Derivation(compute, (other,))


DERIVATIONS: dict[str, Derivation] = {
    "run_name": _or_from("output_dir"),
    "eval_steps": Derivation(_eval_steps, ("logging_steps",), also_open=(0,)),
    "data_seed": _or_from("seed"),
    "do_eval": Derivation(_do_eval, ("eval_strategy",)),
    "metric_for_best_model": Derivation(_metric, ("load_best_model_at_end", "save_strategy", "lr_scheduler_type")),
    "greater_is_better": Derivation(_greater_is_better, ("metric_for_best_model",)),
    "torch_compile": Derivation(_compile, ("torch_compile_backend", "torch_compile_mode", "torchdynamo")),
    "torch_compile_backend": Derivation(_compile_backend, ("torch_compile", "torchdynamo")),
    "hub_model_id": Derivation(_hub_model_id, ("push_to_hub", "output_dir")),
    "group_by_length": Derivation(_group_by_length, ("train_sampling_strategy",)),
    "train_sampling_strategy": Derivation(_sampling, ("group_by_length",)),
    "uneven_inputs": Derivation(_uneven, ("accelerator_config",)),
    "lr_scheduler_kwargs": Derivation(_scheduler_arguments, ()),
    "fsdp": Derivation(_fsdp, ("fsdp_config",)),
    "debug": Derivation(_debug, ()),
    "report_to": Derivation(_report_to, ()),
}
