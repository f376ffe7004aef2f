"""OPT: the optimizer. (OPT2xx is about the keys of optim_args.)"""

from __future__ import annotations

from typing import Any

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import (
    above,
    all_of,
    any_of,
    equals,
    given,
    is_set,
    key,
    negate,
    on,
    one_of,
    said,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import OptimizerNames as O
from trainspec.settings.values.choices import SchedulerType

LAYERWISE = tuple(name for name in O if name.endswith("_layerwise"))
LOW_RANK = tuple(name for name in O if name.startswith(("galore_", "apollo_")))
SCHEDULE_FREE = tuple(name for name in O if name.startswith("schedule_free_"))
FUSED_BACKWARD = (O.LOMO, O.ADALOMO)
WITHOUT_BETAS = (
    O.ADAFACTOR,
    O.GALORE_ADAFACTOR,
    O.GALORE_ADAFACTOR_LAYERWISE,
    O.SGD,
    O.SCHEDULE_FREE_SGD,
    O.ADAGRAD,
    O.RMSPROP,
    O.RMSPROP_BNB,
    O.RMSPROP_8BIT,
    O.RMSPROP_32BIT,
    O.LOMO,
    O.ADALOMO,
)
WITHOUT_EPSILON = (*WITHOUT_BETAS, O.LION, O.LION_8BIT, O.PAGED_LION, O.PAGED_LION_8BIT)

_SHARDED = any_of(given("fsdp"), given("deepspeed"), is_set("parallelism_config"))
_DEEPSPEED_OPTIMIZES = key("deepspeed", "optimizer")
_OWN_ARGUMENTS = "this optimizer does not belong to the Adam family; its own arguments go into optim_args"


def _argument(name: str) -> str:
    return f"optim_args.{name}"


def _idle_arguments(settings: Any) -> str | None:
    from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS

    said, idle = settings.optim_args, OPTIMIZER_ARGUMENTS[settings.optim].idle
    found = {name: idle[name] for name in idle if isinstance(said, dict) and said.get(name) is not None}
    if not found:
        return None
    told = "; ".join(f"{name} ({why})" for name, why in found.items())
    return f"optim_args has arguments without effect under optim {settings.optim}: {told}"


RULES: tuple[Rule, ...] = (
    Rule(
        code="OPT101",
        name="low-rank-without-modules",
        message="a low-rank optim needs optim_target_modules",
        reason="it projects the gradients of chosen Linear modules, without which it would be a plain one",
        fix="set optim_target_modules: all-linear, or names of modules",
        when=all_of(one_of("optim", *LOW_RANK), negate(given("optim_target_modules"))),
    ),
    Rule(
        code="OPT102",
        name="modules-without-low-rank",
        message="optim_target_modules needs a low-rank optim",
        reason="only GaLore and APOLLO act on chosen modules",
        fix="set optim to a galore_ or apollo_ name, or leave optim_target_modules out",
        when=all_of(said("optim_target_modules"), negate(one_of("optim", *LOW_RANK))),
    ),
    Rule(
        code="OPT103",
        name="layerwise-with-accumulation",
        message="a layerwise optim cannot work with gradient_accumulation_steps above 1",
        reason="it updates each layer in the backward pass, when the other micro-batches are still to come",
        fix="set gradient_accumulation_steps: 1 and a larger batch, or drop _layerwise",
        when=all_of(one_of("optim", *LAYERWISE), above("gradient_accumulation_steps", 1)),
    ),
    Rule(
        code="OPT105",
        name="lomo-with-accumulation",
        message="optim lomo and adalomo cannot work with gradient_accumulation_steps above 1",
        reason="they update the weights during the backward pass, so that no gradient is ever kept",
        fix="set gradient_accumulation_steps: 1 and a larger batch, or choose another optim",
        when=all_of(one_of("optim", *FUSED_BACKWARD), above("gradient_accumulation_steps", 1)),
    ),
    Rule(
        code="OPT106",
        name="layerwise-across-processes",
        message="a layerwise optim cannot work with fsdp, deepspeed or parallelism_config",
        reason="it updates each layer before the processes have put their gradients together",
        fix="drop _layerwise, or train on one device",
        when=all_of(one_of("optim", *LAYERWISE), _SHARDED),
    ),
    Rule(
        code="OPT107",
        name="nesterov-without-momentum",
        message="nesterov in optim_args needs momentum, and no dampening",
        reason="Nesterov's method is a kind of momentum",
        fix="set optim_args: {momentum: 0.9, nesterov: true}",
        when=all_of(
            equals("optim", O.SGD),
            on(_argument("nesterov")),
            any_of(negate(given(_argument("momentum"))), given(_argument("dampening"))),
        ),
        shown=("optim", "optim_args"),
    ),
    Rule(
        code="OPT108",
        name="foreach-with-fused",
        message="foreach and fused in optim_args exclude each other",
        reason="they are two implementations of the same step",
        fix="keep one of them, or neither: the faster is chosen",
        when=all_of(on(_argument("foreach")), on(_argument("fused"))),
        shown=("optim_args",),
    ),
    Rule(
        code="OPT109",
        name="warmup-init-without-relative-step",
        message="warmup_init in optim_args needs relative_step",
        reason="it shapes the learning rate that relative_step computes",
        fix="set optim_args: {relative_step: true, warmup_init: true}",
        when=all_of(equals("optim", O.ADAFACTOR), on(_argument("warmup_init")), negate(on(_argument("relative_step")))),
        shown=("optim", "optim_args"),
    ),
    without_effect(
        "OPT301",
        "beta1-without-adam",
        "adam_beta1",
        one_of("optim", *WITHOUT_BETAS),
        cause="under this optim",
        because=_OWN_ARGUMENTS,
        fix="leave adam_beta1 out, or choose an Adam",
    ),
    without_effect(
        "OPT302",
        "beta2-without-adam",
        "adam_beta2",
        one_of("optim", *WITHOUT_BETAS),
        cause="under this optim",
        because=_OWN_ARGUMENTS,
        fix="leave adam_beta2 out, or choose an Adam",
    ),
    without_effect(
        "OPT303",
        "epsilon-without-adam",
        "adam_epsilon",
        one_of("optim", *WITHOUT_EPSILON),
        cause="under this optim",
        because=_OWN_ARGUMENTS,
        fix="leave adam_epsilon out, or choose an Adam",
    ),
    without_effect(
        "OPT304",
        "clipping-under-lomo",
        "max_grad_norm",
        all_of(above("max_grad_norm", 0), one_of("optim", *FUSED_BACKWARD)),
        cause="under optim lomo or adalomo",
        because="they clip during the backward pass, by a rule of their own",
        fix="set optim_args: {clip_grad_norm: 1.0} instead",
    ),
    without_effect(
        "OPT305",
        "optim-under-deepspeed",
        "optim",
        _DEEPSPEED_OPTIMIZES,
        cause="while deepspeed has an optimizer",
        because="DeepSpeed builds the optimizer of its own configuration",
        fix="drop optimizer from deepspeed, or leave optim out",
    ),
    without_effect(
        "OPT306",
        "optim-args-under-deepspeed",
        "optim_args",
        _DEEPSPEED_OPTIMIZES,
        cause="while deepspeed has an optimizer",
        because="DeepSpeed builds the optimizer of its own configuration",
        fix="write them as params of that optimizer, or leave optim_args out",
    ),
    without_effect(
        "OPT307",
        "learning-rate-under-relative-step",
        "learning_rate",
        all_of(equals("optim", O.ADAFACTOR), on(_argument("relative_step"))),
        cause="under relative_step of optim_args",
        because="Adafactor then computes the learning rate from the number of the update",
        fix="drop relative_step, or leave learning_rate out",
        shown=("learning_rate", "optim", "optim_args"),
    ),
    without_effect(
        "OPT308",
        "layerwise-with-clipping",
        "max_grad_norm",
        all_of(above("max_grad_norm", 0), one_of("optim", *LAYERWISE)),
        cause="under a layerwise optim",
        because="the norm of all gradients is known only once the layers are updated already",
        fix="leave max_grad_norm out (or set it to 0), or drop _layerwise",
    ),
    Rule(
        code="OPT309",
        name="idle-arguments",
        message="optim_args has arguments without effect under this optim",
        reason="the optimizer's class knows them, and what they say is decided elsewhere",
        fix="leave them out",
        when=given("optim_args"),
        check=_idle_arguments,
        also=("optim",),
        severity="warning",
    ),
    Rule(
        code="OPT401",
        name="schedule-free-with-schedule",
        message="a schedule_free optim expects lr_scheduler_type constant or constant_with_warmup",
        reason="its averaging takes the place of a decaying learning rate, and a decay on top does harm",
        fix="set lr_scheduler_type: constant",
        when=all_of(
            one_of("optim", *SCHEDULE_FREE),
            negate(one_of("lr_scheduler_type", SchedulerType.CONSTANT, SchedulerType.CONSTANT_WITH_WARMUP)),
        ),
        severity="warning",
    ),
    Rule(
        code="OPT402",
        name="apex-adamw",
        message="optim adamw_apex_fused builds adamw_torch_fused",
        reason="torch's fused AdamW has superseded Apex's",
        fix="set optim: adamw_torch_fused",
        when=equals("optim", O.ADAMW_APEX_FUSED),
        severity="warning",
    ),
)
