"""TGT: settings against a declared machine. Like the other rules, but each also gets the machine to judge by."""

from __future__ import annotations

from typing import Any

from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.rules.conditions import read
from trainspec.settings.targets import checks
from trainspec.settings.targets.checks import Place
from trainspec.settings.targets.rule import TargetRule
from trainspec.settings.targets.worlds import WORLD_RULES


def findings(settings: Any, place: Place) -> list[Diagnostic]:
    """The diagnostics of all rules that the settings break there."""
    from trainspec.settings.arguments import TrainingArguments

    if not isinstance(settings, TrainingArguments):
        return []
    found = ((rule, rule.check(settings, place)) for rule in TARGET_RULES)
    return [_diagnostic(rule, message, settings) for rule, message in found if message is not None]


def _diagnostic(rule: TargetRule, message: str, settings: Any) -> Diagnostic:
    origin = settings.origin
    # Of a setting that names a file, what the file says.
    said = settings.__dict__ if origin is None else {**settings.__dict__, **origin.resolved}
    values = {name: read(said, *name.split(".")) for name in rule.fields}
    known = {name: origin.source(tuple(name.split("."))) for name in rule.fields} if origin is not None else {}
    sources = {name: source for name, source in known.items() if source is not None}
    return finding(
        rule.code,
        rule.name,
        message,
        values=values,
        sources=sources,
        reason=rule.reason,
        remedy=rule.fix,
        severity=rule.severity,
    )


_MACHINES: tuple[TargetRule, ...] = (
    TargetRule(
        code="TGT101",
        name="bf16-not-there",
        reason="bfloat16 came with Ampere (compute capability 8.0); older GPUs only emulate it, slowly",
        fix="set fp16: true instead, or choose a newer target",
        fields=("bf16", "bf16_full_eval"),
        check=checks.bf16,
    ),
    TargetRule(
        code="TGT102",
        name="fp16-not-there",
        reason="loss scaling for float16 is not available there",
        fix="set bf16: true instead",
        fields=("fp16", "fp16_full_eval"),
        check=checks.fp16,
    ),
    TargetRule(
        code="TGT103",
        name="tf32-not-there",
        reason="TF32 is a number format of NVIDIA's tensor cores since Ampere",
        fix="leave tf32 out",
        fields=("tf32",),
        check=checks.tf32,
    ),
    TargetRule(
        code="TGT104",
        name="backend-does-not-reach",
        reason="each kind of device has its own way to exchange tensors",
        fix="leave ddp_backend out: it is chosen by device",
        fields=("ddp_backend",),
        check=checks.backend,
    ),
    TargetRule(
        code="TGT105",
        name="cuda-only-optimizer",
        reason="its package calls CUDA directly",
        fix="choose another optim, such as adamw_torch",
        fields=("optim", "use_cpu"),
        check=checks.cuda_optimizer,
    ),
    TargetRule(
        code="TGT106",
        name="no-fused-kernel",
        reason="torch has no fused AdamW for it",
        fix="set optim: adamw_torch_xla, or adamw_torch",
        fields=("optim",),
        check=checks.fused_optimizer,
    ),
    TargetRule(
        code="TGT107",
        name="optimizer-of-another-device",
        reason="it is part of that device's own package",
        fix="set optim: adamw_torch",
        fields=("optim",),
        check=checks.foreign_optimizer,
    ),
    TargetRule(
        code="TGT108",
        name="mesh-does-not-fit",
        reason="every process has one place in the mesh",
        fix="change the sizes, or the number of processes",
        fields=("parallelism_config",),
        check=checks.mesh,
    ),
    TargetRule(
        code="TGT109",
        name="no-such-rank",
        reason="ranks on a machine count its devices from 0",
        fix="leave local_rank to the launcher",
        fields=("local_rank",),
        check=checks.rank,
    ),
    TargetRule(
        code="TGT110",
        name="layerwise-across-processes",
        reason="it updates each layer before the processes have put their gradients together",
        fix="drop _layerwise, or train on one device",
        fields=("optim",),
        check=checks.layerwise,
    ),
    TargetRule(
        code="TGT111",
        name="tpu-cores-not-there",
        reason="it is a number of TPU cores",
        fix="leave tpu_num_cores out",
        fields=("tpu_num_cores",),
        check=checks.tpu_cores,
    ),
    TargetRule(
        code="TGT112",
        name="liger-not-there",
        reason="Liger's kernels are Triton code for GPUs",
        fix="drop use_liger_kernel",
        fields=("use_liger_kernel",),
        check=checks.liger,
    ),
    TargetRule(
        code="TGT113",
        name="batch-cannot-be-split",
        reason="under split_batches every process gets an equal part of the batch",
        fix="make the batch sizes multiples of the number of processes",
        fields=("accelerator_config.split_batches", "per_device_train_batch_size", "per_device_eval_batch_size"),
        check=checks.split,
    ),
    TargetRule(
        code="TGT114",
        name="deepspeed-batch-does-not-fit",
        reason="it is per_device_train_batch_size x gradient_accumulation_steps x the number of processes",
        fix='set train_batch_size: "auto"',
        fields=("deepspeed.train_batch_size", "per_device_train_batch_size", "gradient_accumulation_steps"),
        check=checks.deepspeed_batch,
    ),
    TargetRule(
        code="TGT115",
        name="apex-not-there",
        reason="Apex is CUDA code",
        fix="set half_precision_backend: auto",
        fields=("half_precision_backend",),
        check=checks.apex,
    ),
    TargetRule(
        code="TGT116",
        name="device-too-old-to-compile",
        reason="the inductor writes Triton kernels, which need Volta or newer",
        fix="drop torch_compile, or set torch_compile_backend: aot_eager",
        fields=("torch_compile", "torch_compile_backend"),
        check=checks.too_old_to_compile,
    ),
    TargetRule(
        code="TGT117",
        name="deepspeed-not-there",
        reason="DeepSpeed has no support for it",
        fix="drop deepspeed",
        fields=("deepspeed",),
        check=checks.deepspeed,
    ),
    TargetRule(
        code="TGT301",
        name="alone",
        reason="there is nobody to talk to",
        fix="leave them out, or start several processes",
        fields=checks.OF_SEVERAL,
        check=checks.alone,
        severity="warning",
    ),
    TargetRule(
        code="TGT302",
        name="no-accelerator",
        reason="they speed up, or tidy, the memory of an accelerator",
        fix="leave them out",
        fields=checks.OF_ACCELERATORS,
        check=checks.without_accelerator,
        severity="warning",
    ),
    TargetRule(
        code="TGT303",
        name="tpu-metrics-without-tpu",
        reason="only torch_xla has those metrics",
        fix="drop tpu_metrics_debug",
        fields=("debug",),
        check=checks.tpu_metrics,
        severity="warning",
    ),
    TargetRule(
        code="TGT304",
        name="no-cuda-graphs",
        reason="the mode records CUDA graphs",
        fix="drop torch_compile_mode",
        fields=("torch_compile_mode", "use_cpu"),
        check=checks.compile_mode,
        severity="warning",
    ),
    TargetRule(
        code="TGT401",
        name="idle-accelerator",
        reason="the CPU computes, although the target has something faster",
        fix="drop use_cpu, or choose target cpu",
        fields=("use_cpu",),
        check=checks.idle_accelerator,
        severity="warning",
    ),
    TargetRule(
        code="TGT402",
        name="slow-backend",
        reason="gloo copies every tensor to the host and back",
        fix="leave ddp_backend out: it is chosen by device",
        fields=("ddp_backend",),
        check=checks.slow_backend,
        severity="warning",
    ),
    TargetRule(
        code="TGT403",
        name="sharding-on-one-device",
        reason="there are no other ranks to share with",
        fix="drop fsdp, or start several processes",
        fields=("fsdp",),
        check=checks.one_device,
        severity="warning",
    ),
    TargetRule(
        code="TGT404",
        name="processes-do-not-fill-machines",
        reason="every machine runs as many processes as any other, one for each of its devices",
        fix="make the world size a multiple of the nodes, and of the target's devices",
        fields=(),
        check=checks.machines,
        severity="warning",
    ),
)

TARGET_RULES: tuple[TargetRule, ...] = (*_MACHINES, *WORLD_RULES)
"""Every rule about a declared machine or a declared number of processes."""
