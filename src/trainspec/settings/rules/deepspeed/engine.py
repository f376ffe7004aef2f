"""DSP: what a DeepSpeed engine cannot do here, and what it does in its own way. (Up to DSP109: configuration.py.)"""

from __future__ import annotations

from typing import Any

from trainspec.settings.rules.conditions import Predicate, read
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    equals,
    given,
    is_set,
    key,
    negate,
    off,
    on,
    one_of,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import ApexOptLevel, OptimizerNames

_STAGE = "deepspeed.zero_optimization.stage"
_ZERO = one_of(_STAGE, 1, 2, 3, "auto")
_OWN_OPTIMIZER = key("deepspeed", "optimizer")

# Of a slice of flat parameters each element is stepped by itself; these do it so, and were seen to.
ELEMENT_BY_ELEMENT = (
    OptimizerNames.ADAMW_TORCH,
    OptimizerNames.ADAMW_TORCH_FUSED,
    OptimizerNames.ADAMW_APEX_FUSED,
    OptimizerNames.SGD,
    OptimizerNames.RMSPROP,
    OptimizerNames.PAGED_ADAMW,
    OptimizerNames.LION,
    OptimizerNames.PAGED_LION,
    OptimizerNames.ADEMAMIX,
    OptimizerNames.PAGED_ADEMAMIX,
    OptimizerNames.RMSPROP_BNB,
    OptimizerNames.RMSPROP_32BIT,
)
# Their weights are not those of the model, or change where an engine does not look.
_NEVER = (
    OptimizerNames.LOMO,
    OptimizerNames.ADALOMO,
    OptimizerNames.SCHEDULE_FREE_ADAMW,
    OptimizerNames.SCHEDULE_FREE_SGD,
    OptimizerNames.SCHEDULE_FREE_RADAM,
)

_NOT_DRIVEN: dict[str, Predicate] = {
    "pipeline": is_set("deepspeed.pipeline"),
    "tensor_parallel": given("deepspeed.tensor_parallel"),
    "expert_parallel": given("deepspeed.expert_parallel"),
    "sequence_parallel_size": above("deepspeed.sequence_parallel_size", 1),
    "data_efficiency": given("deepspeed.data_efficiency"),
    "hybrid_engine": on("deepspeed.hybrid_engine.enabled"),
    "autotuning": on("deepspeed.autotuning.enabled"),
    "compile.deepcompile": on("deepspeed.compile.deepcompile"),
    "zero_optimization.zenflow": is_set("deepspeed.zero_optimization.zenflow"),
    "managed_gradient_accumulation: false": off("deepspeed.managed_gradient_accumulation"),
}


def not_driven(settings: Any) -> str | None:
    """What of a DeepSpeed configuration preflight refuses, as a sentence."""
    values = {**settings.__dict__, "deepspeed": settings.deepspeed}
    found = [name for name, asks in _NOT_DRIVEN.items() if asks.holds(values, settings.model_fields_set)]
    return f"deepspeed asks for what is not driven here: {', '.join(found)}" if found else None


def _shapes_optimizer(settings: Any) -> str:
    stage = read({"deepspeed": settings.deepspeed}, *_STAGE.split("."))
    where = f"ZeRO stage {stage}" if stage not in (None, 0) else "half precision of deepspeed"
    return f"optim {settings.optim} cannot step under {where}"


# Of DeepSpeed's names, case aside, those that its ZeRO lets through; of Adagrad it makes another one, without groups.
_TESTED = ("adam", "adamw", "onebitadam", "zerooneadam", "lion", "muon")


def _untested_optimizer(settings: Any) -> str | None:
    chosen = read({"deepspeed": settings.deepspeed}, "deepspeed", "optimizer", "type")
    name = str(chosen).lower()
    if chosen is None or name in _TESTED:
        return None
    if name == "adagrad":
        return "Adagrad of deepspeed cannot step under ZeRO"
    if settings.deepspeed.zero_allow_untested_optimizer:
        return None
    return f"optimizer {chosen} of deepspeed needs zero_allow_untested_optimizer"


def _in_another(dtype: str) -> Predicate:
    return all_of(on(f"{dtype}_full_eval"), negate(on(dtype)), negate(on(f"deepspeed.{dtype}.enabled")))


RULES: tuple[Rule, ...] = (
    Rule(
        code="DSP402",
        name="full-eval-in-another-format",
        message="bf16_full_eval and fp16_full_eval under deepspeed need bf16 or fp16 as well",
        reason="the engine's weights are of one format, in training and in evaluation",
        fix="set bf16: true (or fp16: true) beside it, or leave the full evaluation out",
        when=all_of(given("deepspeed"), any_of(_in_another("bf16"), _in_another("fp16"))),
        severity="warning",
    ),
    Rule(
        code="DSP403",
        name="compiled-under-deepspeed",
        message="torch_compile cannot work with deepspeed",
        reason="the engine hangs hooks on a model's layers, and compiled code does not call them",
        fix="drop torch_compile, or deepspeed",
        when=all_of(given("deepspeed"), on("torch_compile")),
        severity="warning",
    ),
    Rule(
        code="DSP404",
        name="apex-level-under-deepspeed",
        message="fp16_opt_level says nothing to deepspeed",
        reason="under fp16 its engine always has half weights and float32 masters, as level O2",
        fix="leave fp16_opt_level out; for float16 autocast, train without deepspeed",
        when=all_of(
            given("deepspeed"),
            on("fp16"),
            one_of("fp16_opt_level", ApexOptLevel.O0, ApexOptLevel.O3),
        ),
        severity="warning",
    ),
    Rule(
        code="DSP401",
        name="not-driven-under-deepspeed",
        message="deepspeed asks for what is not driven here",
        reason="preflight refuses it: the training loop deals out rows, counts micro-batches and calls the layers "
        "itself, and each of these wants to do a part of that",
        fix="drop it from the DeepSpeed configuration",
        when=any_of(*_NOT_DRIVEN.values()),
        tell=lambda settings: not_driven(settings) or "",
        shown=("deepspeed",),
        severity="warning",
    ),
    Rule(
        code="DSP405",
        name="optimizer-of-shapes-under-zero",
        message="optim cannot step slices of flat parameters",
        reason="ZeRO lays parameters end to end and cuts them into slices; an optimizer that looks at a whole matrix, "
        "or at a tensor's norm, would compute something else without an error",
        fix="set optim: adamw_torch, another that steps element by element, or stage: 0",
        when=all_of(
            given("deepspeed"),
            negate(_OWN_OPTIMIZER),
            any_of(_ZERO, all_of(any_of(on("bf16"), on("fp16")), equals("optim", OptimizerNames.ADAGRAD))),
            negate(one_of("optim", *ELEMENT_BY_ELEMENT)),
        ),
        tell=_shapes_optimizer,
        shown=("deepspeed", "optim"),
        severity="warning",
    ),
    Rule(
        code="DSP406",
        name="optimizer-beside-engine",
        message="LOMO and schedule-free optimizers cannot work with deepspeed",
        reason="they change weights outside of the optimizer's step, and the engine holds the weights",
        fix="set optim: adamw_torch, or drop deepspeed",
        when=all_of(given("deepspeed"), one_of("optim", *_NEVER)),
        severity="warning",
    ),
    Rule(
        code="DSP407",
        name="forced-cpu-optimizer",
        message="zero_force_ds_cpu_optimizer of deepspeed needs an optimizer in its configuration",
        reason="an offloaded optimizer must then be DeepSpeed's own for the CPU, and optim names another",
        fix='set "optimizer": {"type": "AdamW", "params": {"lr": "auto"}}, or drop zero_force_ds_cpu_optimizer',
        when=all_of(
            given("deepspeed"),
            negate(_OWN_OPTIMIZER),
            one_of("deepspeed.zero_optimization.offload_optimizer.device", "cpu", "nvme"),
            key("deepspeed", "zero_force_ds_cpu_optimizer"),
            on("deepspeed.zero_force_ds_cpu_optimizer"),
        ),
        severity="warning",
    ),
    Rule(
        code="DSP408",
        name="float16-autocast-under-deepspeed",
        message="torch_autocast of deepspeed in float16 cannot be clipped rightly",
        reason="the engine clips gradients while they are multiplied by the loss scale still",
        fix="use bf16: true with dtype: bfloat16, or fp16: true without torch_autocast",
        when=all_of(
            on("deepspeed.torch_autocast.enabled"),
            one_of("deepspeed.torch_autocast.dtype", "fp16", "float16", "torch.float16", "half"),
        ),
        severity="warning",
    ),
    Rule(
        code="DSP409",
        name="untested-optimizer-under-zero",
        message="the optimizer of deepspeed is not one that its ZeRO was tested with",
        reason="ZeRO lays parameters end to end and cuts them into slices, which an optimizer that looks at whole "
        "tensors steps wrongly",
        fix="use type: AdamW, or set zero_allow_untested_optimizer: true if it steps element by element",
        when=all_of(is_set("deepspeed.optimizer"), _ZERO),
        check=_untested_optimizer,
        also=("deepspeed.zero_allow_untested_optimizer",),
        severity="warning",
    ),
)
