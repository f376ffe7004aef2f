"""PRE: number formats."""

from __future__ import annotations

from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import all_of, any_of, equals, negate, off, on
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import HalfPrecisionBackend

_APEX = equals("half_precision_backend", HalfPrecisionBackend.APEX)

RULES: tuple[Rule, ...] = (
    Rule(
        code="PRE101",
        name="bf16-with-fp16",
        message="bf16 and fp16 exclude each other",
        reason="autocast computes in one number format",
        fix="keep bf16 on Ampere or newer, fp16 on older GPUs",
        when=all_of(on("bf16"), on("fp16")),
    ),
    Rule(
        code="PRE102",
        name="bf16-with-fp16-evaluation",
        message="bf16_full_eval and fp16_full_eval exclude each other",
        reason="the weights have one number format while evaluating",
        fix="keep one of them",
        when=all_of(on("bf16_full_eval"), on("fp16_full_eval")),
    ),
    Rule(
        code="PRE103",
        name="apex-with-bf16",
        message="half_precision_backend apex cannot compute in bf16",
        reason="Apex knows float16 only",
        fix="set half_precision_backend: auto",
        when=all_of(on("bf16"), _APEX),
    ),
    Rule(
        code="PRE105",
        name="apex-on-cpu",
        message="half_precision_backend apex cannot run under use_cpu",
        reason="Apex is CUDA code",
        fix="set half_precision_backend: auto, or drop use_cpu",
        when=all_of(on("use_cpu"), on("fp16"), _APEX),
    ),
    without_effect(
        "PRE301",
        "backend-without-half-precision",
        "half_precision_backend",
        all_of(negate(equals("half_precision_backend", HalfPrecisionBackend.AUTO)), off("bf16"), off("fp16")),
        cause="without bf16 or fp16",
        because="there is no half precision for it to provide",
        fix="set bf16 or fp16, or leave half_precision_backend out",
    ),
    without_effect(
        "PRE302",
        "bf16-evaluation-without-evaluation",
        "bf16_full_eval",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave bf16_full_eval out",
    ),
    without_effect(
        "PRE303",
        "fp16-evaluation-without-evaluation",
        "fp16_full_eval",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave fp16_full_eval out",
    ),
    without_effect(
        "PRE304",
        "tf32-on-cpu",
        "tf32",
        on("use_cpu"),
        cause="under use_cpu",
        because="TF32 is a number format of NVIDIA's tensor cores",
        fix="drop tf32 or use_cpu",
    ),
    without_effect(
        "PRE305",
        "opt-level-without-fp16",
        "fp16_opt_level",
        off("fp16"),
        cause="without fp16",
        because="the levels say how float16 is used",
        fix="set fp16: true, or leave fp16_opt_level out",
    ),
    Rule(
        code="PRE401",
        name="evaluation-in-the-other-half-precision",
        message="bf16 with fp16_full_eval, or fp16 with bf16_full_eval, evaluates in another half precision",
        reason="metrics would be those of a number format that the model was not trained in",
        fix="use bf16 with bf16_full_eval, or fp16 with fp16_full_eval",
        when=any_of(
            all_of(on("bf16"), on("fp16_full_eval"), off("bf16_full_eval")),
            all_of(on("fp16"), on("bf16_full_eval"), off("fp16_full_eval")),
        ),
        severity="warning",
    ),
)
