"""DSP: DeepSpeed's configuration, in itself and against the settings that say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainspec.settings.rules.conditions import Predicate, has_key, read
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    differs,
    differs_from_pair,
    equals,
    given,
    is_null,
    is_set,
    key,
    negate,
    off,
    on,
    one_of,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.views.derived import warmup_updates

_STAGE = "deepspeed.zero_optimization.stage"
_OFFLOADS = ("cpu", "nvme")
_OFFLOADED = ("offload_param", "offload_optimizer")
_AUTO = "auto"


@dataclass(frozen=True)
class _Twin:
    """A key of DeepSpeed's, the settings that say the same, and when the two contradict each other."""

    key: str
    names: tuple[str, ...]
    contradict: Predicate

    def told(self, values: dict[str, Any]) -> str:
        theirs, ours = read(values, "deepspeed", *self.key.split(".")), [values[name] for name in self.names]
        if isinstance(theirs, bool):
            return f"{self.key} is {_show(theirs)} but {' or '.join(self.names)} is {_show(any(ours))}"
        return f"{self.key} is {_show(theirs)} but {', '.join(self.names)} is {_show(ours if ours[1:] else ours[0])}"


def _same(key: str, name: str, *unless: Predicate) -> _Twin:
    path = f"deepspeed.{key}"
    return _Twin(key, (name,), all_of(differs(path, name), negate(equals(path, _AUTO)), *unless))


def _same_pair(key: str, first: str, second: str) -> _Twin:
    path = f"deepspeed.{key}"
    return _Twin(key, (first, second), all_of(negate(equals(path, _AUTO)), differs_from_pair(path, first, second)))


def _same_switch(dtype: str) -> _Twin:
    section, names = f"deepspeed.{dtype}", (dtype, f"{dtype}_full_eval")
    ours, enabled = any_of(*map(on, names)), f"{section}.enabled"
    # False is DeepSpeed's default, which contradicts nothing as long as nobody says it.
    said_off = all_of(key(section, "enabled"), off(enabled))
    return _Twin(f"{dtype}.enabled", names, any_of(all_of(on(enabled), negate(ours)), all_of(said_off, ours)))


_NO_SHARE = negate(above("warmup_ratio", 0))
_WARMUP = "deepspeed.scheduler.params.warmup_num_steps"
_TWINS = (
    # auto_find_batch_size changes the size while training.
    _same("train_micro_batch_size_per_gpu", "per_device_train_batch_size", off("auto_find_batch_size")),
    _same("gradient_accumulation_steps", "gradient_accumulation_steps"),
    _same("gradient_clipping", "max_grad_norm"),
    _same("optimizer.params.lr", "learning_rate"),
    _same("optimizer.params.eps", "adam_epsilon"),
    _same("optimizer.params.weight_decay", "weight_decay"),
    _same("scheduler.params.warmup_max_lr", "learning_rate"),
    _same_pair("optimizer.params.betas", "adam_beta1", "adam_beta2"),
    _same_switch("fp16"),
    _same_switch("bf16"),
    # A share is compared by DSP109: only a run tells how many updates it is.
    _same("scheduler.params.warmup_num_steps", "warmup_steps", any_of(above("warmup_steps", 0), _NO_SHARE)),
    _same("scheduler.params.total_num_steps", "max_steps", above("max_steps", 0)),
)

_GONE = {
    "amp": "DeepSpeed removed Apex; use fp16, bf16 or torch_autocast",
    "bfloat16": "the key is bf16",
    "compression_training": "DeepSpeed removed its compression library",
    "curriculum_learning": "DeepSpeed moved it to data_efficiency.data_sampling.curriculum_learning",
    "eigenvalue": "DeepSpeed removed mixture of quantization",
    "elasticity": "DeepSpeed removed elastic training",
    "graph_harvesting": "DeepSpeed removed it",
    "nebula": "DeepSpeed removed it",
    "progressive_layer_drop": "DeepSpeed removed it",
    "quantize_training": "DeepSpeed removed mixture of quantization",
    "sparse_attention": "DeepSpeed removed it",
    "sparse_gradients": "DeepSpeed removed it; nn.Embedding(sparse=True) needs no key",
}
"""Keys that DeepSpeed knew once, and what to do instead."""


def _contradicting(settings: Any) -> list[_Twin]:
    values = {**settings.__dict__, "deepspeed": settings.deepspeed}
    return [twin for twin in _TWINS if twin.contradict.holds(values, settings.model_fields_set)]


def _contradictions(settings: Any) -> str:
    values = {**settings.__dict__, "deepspeed": settings.deepspeed}
    return f"deepspeed contradicts settings: {'; '.join(twin.told(values) for twin in _contradicting(settings))}"


def _both_places(settings: Any) -> tuple[str, ...]:
    """DeepSpeed's key and the settings, of each pair that contradicts: a person looks at where both are said."""
    pairs = [(f"deepspeed.{twin.key}", *twin.names) for twin in _contradicting(settings)]
    return tuple(dict.fromkeys(("deepspeed", *(name for pair in pairs for name in pair))))


def _show(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _batch_does_not_divide(settings: Any) -> str | None:
    total = getattr(settings.deepspeed, "train_batch_size", None)
    per_rank = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
    if total in (None, _AUTO) or settings.auto_find_batch_size or total % per_rank == 0:
        return None
    return (
        f"train_batch_size of deepspeed ({total}) is no multiple of per_device_train_batch_size x "
        f"gradient_accumulation_steps ({per_rank})"
    )


def _warmups_differ(settings: Any) -> str | None:
    theirs = read({"deepspeed": settings.deepspeed}, *_WARMUP.split("."))
    share, total = settings.warmup_ratio, settings.max_steps
    ours = warmup_updates(0, share, total) if total > 0 else None
    said = f"warmup_num_steps of deepspeed is {theirs} but warmup_ratio is {share}"
    return None if theirs in (_AUTO, ours) else said


def _nvme_without_path(part: str) -> Predicate:
    place = f"deepspeed.zero_optimization.{part}"
    return all_of(equals(f"{place}.device", "nvme"), is_null(f"{place}.nvme_path"))


def _without_path(settings: Any) -> str:
    values = {"deepspeed": settings.deepspeed}
    part = next(part for part in _OFFLOADED if _nvme_without_path(part).holds(values, frozenset()))
    return f"{part} of deepspeed needs nvme_path for device nvme"


def _removed_keys(settings: Any) -> str:
    found = [f"{name} ({advice})" for name, advice in _GONE.items() if has_key(settings.deepspeed, name)]
    return f"deepspeed has keys that DeepSpeed removed: {', '.join(found)}"


RULES: tuple[Rule, ...] = (
    Rule(
        code="DSP101",
        name="deepspeed-contradicts-settings",
        message="deepspeed contradicts settings that say the same",
        reason="each is said in two places, and only one can hold",
        fix='write "auto" in the DeepSpeed configuration, which takes the setting\'s value',
        when=any_of(*(twin.contradict for twin in _TWINS)),
        tell=_contradictions,
        shown=(
            "deepspeed",
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "max_grad_norm",
            "learning_rate",
            "adam_epsilon",
            "weight_decay",
            "adam_beta1",
            "adam_beta2",
            "fp16",
            "bf16",
            "fp16_full_eval",
            "bf16_full_eval",
            "warmup_steps",
            "max_steps",
        ),
        concerned=_both_places,
    ),
    Rule(
        code="DSP109",
        name="deepspeed-warmup-against-share",
        message="warmup_num_steps of deepspeed and warmup_ratio are two lengths of the warmup",
        reason="a count of updates and a share of them agree by chance at most",
        fix='write warmup_num_steps: "auto", which takes the share',
        when=all_of(is_set(_WARMUP), above("warmup_ratio", 0), negate(above("warmup_steps", 0))),
        check=_warmups_differ,
        also=("max_steps",),
    ),
    Rule(
        code="DSP102",
        name="deepspeed-batch-does-not-divide",
        message="train_batch_size of deepspeed is no multiple of what one rank contributes",
        reason="it is per_device_train_batch_size x gradient_accumulation_steps x the number of ranks",
        fix='set train_batch_size: "auto"',
        when=given("deepspeed"),
        check=_batch_does_not_divide,
        also=("deepspeed.train_batch_size", "per_device_train_batch_size", "gradient_accumulation_steps"),
    ),
    Rule(
        code="DSP103",
        name="deepspeed-two-precisions",
        message="fp16 and bf16 of deepspeed exclude each other",
        reason="the engine computes in one number format",
        fix='set "enabled": "auto" in both, and bf16 or fp16',
        when=all_of(given("deepspeed"), on("deepspeed.fp16.enabled"), on("deepspeed.bf16.enabled")),
    ),
    Rule(
        code="DSP104",
        name="parameter-offload-below-stage-3",
        message="offload_param of deepspeed needs stage 3",
        reason="below stage 3 every rank keeps all parameters on its device",
        fix="set stage: 3, or drop offload_param",
        when=all_of(
            given("deepspeed"),
            one_of("deepspeed.zero_optimization.offload_param.device", *_OFFLOADS),
            negate(one_of(_STAGE, 3, "auto")),
        ),
    ),
    Rule(
        code="DSP105",
        name="optimizer-offload-at-stage-0",
        message="offload_optimizer of deepspeed needs stage 1, 2 or 3",
        reason="at stage 0 ZeRO is off, and nothing is offloaded",
        fix="set stage: 2, or drop offload_optimizer",
        when=all_of(one_of("deepspeed.zero_optimization.offload_optimizer.device", *_OFFLOADS), equals(_STAGE, 0)),
    ),
    Rule(
        code="DSP106",
        name="nvme-without-path",
        message="nvme offload of deepspeed needs nvme_path",
        reason="there is no default folder for it",
        fix="set nvme_path to a folder on a fast disk",
        when=any_of(*map(_nvme_without_path, _OFFLOADED)),
        tell=_without_path,
        shown=("deepspeed",),
    ),
    Rule(
        code="DSP107",
        name="batch-search-at-stage-3",
        message="auto_find_batch_size cannot work with stage 3 of deepspeed",
        reason="partitioned parameters cannot be set up again after running out of memory",
        fix="set stage: 2, or drop auto_find_batch_size",
        when=all_of(on("auto_find_batch_size"), equals(_STAGE, 3)),
    ),
    Rule(
        code="DSP108",
        name="removed-from-deepspeed",
        message="deepspeed has keys that DeepSpeed removed",
        reason="DeepSpeed refuses to start with them, since their effect would silently be missing",
        fix="drop them",
        when=any_of(*(key("deepspeed", name) for name in _GONE)),
        tell=_removed_keys,
    ),
)
