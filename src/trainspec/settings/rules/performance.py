"""PRF: compilation, recomputation and kernels."""

from __future__ import annotations

from typing import Any

from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import all_of, any_of, differs, equals, negate, off, on, one_of, said
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import TorchCompileMode
from trainspec.text.redaction import show_value

# These compile without the inductor, to which alone the modes belong.
_MODELESS = one_of("torch_compile_backend", "eager", "aot_eager", "aot_eager_decomp_partition", "cudagraphs")


# Those of torch and of the packages that add some; people register others of their own.
_BACKENDS = (
    "inductor",
    "eager",
    "aot_eager",
    "aot_eager_decomp_partition",
    "cudagraphs",
    "openxla",
    "tvm",
    "onnxrt",
    "ipex",
    "tensorrt",
    "torch_tensorrt",
    "openvino",
    "neuron",
    "nvprims_nvfuser",
    "nvfuser",
    "ofi",
    "fx2trt",
    "ts",
    "aot_ts",
    "aot_ts_nvfuser",
    "aot_ts_cudagraphs",
)


def _almost_a_backend(settings: Any) -> str | None:
    for name in ("torch_compile_backend", "torchdynamo"):
        said = settings.__dict__[name]
        if said is not None and said not in _BACKENDS and (meant := _meant(said)) is not None:
            return f"{name} {show_value(name, said)} is not among the backends of torch: did you mean {meant}?"
    return None


def _meant(said: str) -> str | None:
    """The backend that a name is a slip of; one that is merely alike may be somebody's own."""
    from difflib import get_close_matches

    close = get_close_matches(said.lower(), _BACKENDS, n=1, cutoff=0.8)
    return close[0] if close else None


def _switched_off(settings: Any) -> bool:
    """Whether compilation was explicitly switched off; left out, a backend or mode switches it on."""
    return "torch_compile" in settings.model_fields_set and not settings.torch_compile


def _two_backends(settings: Any) -> str:
    old, new = settings.torchdynamo, settings.__dict__["torch_compile_backend"]
    return f"torchdynamo ({old}) and torch_compile_backend ({new}) name different backends"


RULES: tuple[Rule, ...] = (
    Rule(
        code="PRF101",
        name="liger-on-cpu",
        message="use_liger_kernel cannot work under use_cpu",
        reason="Liger's kernels are Triton code for accelerators",
        fix="drop use_liger_kernel or use_cpu",
        when=all_of(on("use_liger_kernel"), on("use_cpu")),
    ),
    Rule(
        code="PRF102",
        name="two-cross-entropies",
        message="cross_entropy and fused_linear_cross_entropy of liger_kernel_config exclude each other",
        reason="the fused kernel computes the cross-entropy too",
        fix="set one of them to false",
        when=all_of(on("liger_kernel_config.cross_entropy"), on("liger_kernel_config.fused_linear_cross_entropy")),
    ),
    Rule(
        code="PRF103",
        name="two-compile-backends",
        message="torchdynamo and torch_compile_backend name different backends",
        reason="torchdynamo is the old name of torch_compile_backend",
        fix="drop torchdynamo",
        when=all_of(
            said("torchdynamo"), said("torch_compile_backend"), differs("torchdynamo", "torch_compile_backend")
        ),
        tell=_two_backends,
    ),
    without_effect(
        "PRF301",
        "compile-backend-without-compilation",
        "torch_compile_backend",
        None,
        cause="while torch_compile is false",
        because="it would switch compilation on, but torch_compile is explicitly off",
        fix="set torch_compile: true (or leave it out), or drop torch_compile_backend",
        check=_switched_off,
        also=("torch_compile",),
    ),
    without_effect(
        "PRF302",
        "compile-mode-without-compilation",
        "torch_compile_mode",
        None,
        cause="while torch_compile is false",
        because="it would switch compilation on, but torch_compile is explicitly off",
        fix="set torch_compile: true (or leave it out), or drop torch_compile_mode",
        check=_switched_off,
        also=("torch_compile",),
    ),
    without_effect(
        "PRF303",
        "compile-mode-under-other-backend",
        "torch_compile_mode",
        all_of(negate(equals("torch_compile_mode", TorchCompileMode.DEFAULT)), _MODELESS),
        cause="under this torch_compile_backend",
        because="the modes are the inductor's",
        fix="set torch_compile_backend: inductor, or drop torch_compile_mode",
    ),
    without_effect(
        "PRF304",
        "recomputation-details-without-recomputation",
        "gradient_checkpointing_kwargs",
        off("gradient_checkpointing"),
        cause="without gradient_checkpointing",
        because="nothing is recomputed",
        fix="set gradient_checkpointing: true, or leave gradient_checkpointing_kwargs out",
    ),
    without_effect(
        "PRF309",
        "cache-under-recomputation",
        "use_cache",
        all_of(on("use_cache"), on("gradient_checkpointing")),
        cause="as true, under gradient_checkpointing",
        because="what is recomputed keeps no keys and values",
        fix="leave use_cache out",
    ),
    without_effect(
        "PRF305",
        "liger-details-without-liger",
        "liger_kernel_config",
        off("use_liger_kernel"),
        cause="without use_liger_kernel",
        because="no Liger kernel is used",
        fix="set use_liger_kernel: true, or leave liger_kernel_config out",
    ),
    without_effect(
        "PRF306",
        "empty-cache-on-cpu",
        "torch_empty_cache_steps",
        on("use_cpu"),
        cause="under use_cpu",
        because="only accelerators have a cache to empty",
        fix="drop torch_empty_cache_steps or use_cpu",
    ),
    without_effect(
        "PRF307",
        "tracing-without-evaluation",
        "jit_mode_eval",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave jit_mode_eval out",
    ),
    without_effect(
        "PRF308",
        "dynamo-without-compilation",
        "torchdynamo",
        None,
        cause="while torch_compile is false",
        because="it would switch compilation on, but torch_compile is explicitly off",
        fix="set torch_compile: true (or leave it out), or drop torchdynamo",
        check=_switched_off,
        also=("torch_compile",),
    ),
    Rule(
        code="PRF402",
        name="almost-a-backend",
        message="torch_compile_backend is almost the name of a backend",
        reason="torch compiles at the first step, and would stop there; names are written exactly",
        fix="correct the name, or ignore this where the script registers a backend of that name",
        when=any_of(said("torch_compile_backend"), said("torchdynamo")),
        check=_almost_a_backend,
        severity="warning",
    ),
    Rule(
        code="PRF401",
        name="torchdynamo",
        message="torchdynamo is deprecated: it is called torch_compile_backend",
        reason="transformers deprecated the name in 4.26 and removed it in 5.0",
        fix="write torch_compile_backend instead",
        when=said("torchdynamo"),
        severity="warning",
    ),
)
