"""DSP: DeepSpeed's configuration, in itself and against the settings that say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.settings.rules.predicates import all_of, equals, given, negate, on, one_of
from trainspec.settings.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAGE = "deepspeed.zero_optimization.stage"
_OFFLOADS = ("cpu", "nvme")
_SAME = (
    ("train_micro_batch_size_per_gpu", "per_device_train_batch_size"),
    ("gradient_accumulation_steps", "gradient_accumulation_steps"),
    ("gradient_clipping", "max_grad_norm"),
    ("optimizer.params.lr", "learning_rate"),
    ("optimizer.params.eps", "adam_epsilon"),
    ("optimizer.params.weight_decay", "weight_decay"),
    ("scheduler.params.warmup_max_lr", "learning_rate"),
)
"""Keys of DeepSpeed's and the settings that say the same."""

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


def _given(settings: Any, key: str) -> Any:
    """What the DeepSpeed configuration says at a dotted key, None where it says nothing or auto."""
    section = settings.deepspeed
    for name in key.split("."):
        if name not in getattr(section, "model_fields_set", ()):
            return None
        section = getattr(section, name)
    return None if section == "auto" else section


def _expected(settings: Any) -> Iterator[tuple[str, str, Any]]:
    """(key of DeepSpeed's, setting of ours, the setting's value) for all that both say."""
    for key, name in _SAME:
        # auto_find_batch_size changes the size while training.
        if not (settings.auto_find_batch_size and name == "per_device_train_batch_size"):
            yield key, name, getattr(settings, name)
    yield "optimizer.params.betas", "adam_beta1, adam_beta2", [settings.adam_beta1, settings.adam_beta2]
    yield "fp16.enabled", "fp16 or fp16_full_eval", settings.fp16 or settings.fp16_full_eval
    yield "bf16.enabled", "bf16 or bf16_full_eval", settings.bf16 or settings.bf16_full_eval
    if settings.warmup_steps > 0:
        yield "scheduler.params.warmup_num_steps", "warmup_steps", settings.warmup_steps
    if settings.max_steps > 0:
        yield "scheduler.params.total_num_steps", "max_steps", settings.max_steps


def _contradictions(settings: Any) -> str | None:
    found = [
        f"{key} is {_show(theirs)} but {name} is {_show(ours)}"
        for key, name, ours in _expected(settings)
        if (theirs := _given(settings, key)) is not None and theirs != ours
    ]
    return f"deepspeed contradicts settings: {'; '.join(found)}" if found else None


def _show(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _batch_does_not_divide(settings: Any) -> str | None:
    total = _given(settings, "train_batch_size")
    per_rank = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
    if total is None or settings.auto_find_batch_size or total % per_rank == 0:
        return None
    return (
        f"train_batch_size of deepspeed ({total}) is no multiple of per_device_train_batch_size x "
        f"gradient_accumulation_steps ({per_rank})"
    )


def _nvme_without_path(settings: Any) -> str | None:
    zero = getattr(settings.deepspeed, "zero_optimization", None)
    for name in ("offload_param", "offload_optimizer"):
        part = getattr(zero, name, None)
        if part is not None and part.device == "nvme" and part.nvme_path is None:
            return f"{name} of deepspeed needs nvme_path for device nvme"
    return None


def _removed_keys(settings: Any) -> str | None:
    said = getattr(settings.deepspeed, "model_fields_set", ())
    found = [f"{name} ({advice})" for name, advice in _GONE.items() if name in said]
    return f"deepspeed has keys that DeepSpeed removed: {', '.join(found)}" if found else None


RULES: tuple[Rule, ...] = (
    Rule(
        code="DSP101",
        name="deepspeed-contradicts-settings",
        message="deepspeed contradicts settings that say the same",
        reason="each is said in two places, and only one can hold",
        fix='write "auto" in the DeepSpeed configuration, which takes the setting\'s value',
        when=given("deepspeed"),
        check=_contradictions,
        also=(
            *dict.fromkeys(name for _, name in _SAME),
            "adam_beta1",
            "adam_beta2",
            "fp16",
            "bf16",
            "fp16_full_eval",
            "bf16_full_eval",
            "warmup_steps",
            "max_steps",
        ),
    ),
    Rule(
        code="DSP102",
        name="deepspeed-batch-does-not-divide",
        message="train_batch_size of deepspeed is no multiple of what one rank contributes",
        reason="it is per_device_train_batch_size x gradient_accumulation_steps x the number of ranks",
        fix='set train_batch_size: "auto"',
        when=given("deepspeed"),
        check=_batch_does_not_divide,
        also=("per_device_train_batch_size", "gradient_accumulation_steps"),
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
        when=given("deepspeed"),
        check=_nvme_without_path,
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
        when=given("deepspeed"),
        check=_removed_keys,
    ),
)
