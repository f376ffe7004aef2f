"""What a mesh needs of the processes, the model and the optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.values.choices import OptimizerNames
from trainspec.training.findings.found import found
from trainspec.training.model.names import bare
from trainspec.training.parallel.fsdp.needs import SHARDABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.sections.parallelism import ParallelismConfig
    from trainspec.training.findings.facts import Job, Machine
    from trainspec.training.parallel.mesh.plan import Misfit, Plan

_FIELD = "parallelism_config"
# Each was tried on parts of layers, and steps as one process steps on whole ones. Any other is refused.
STEPS_ON_PARTS = frozenset(
    {
        OptimizerNames.ADAMW_TORCH,
        OptimizerNames.ADAMW_TORCH_FUSED,
        OptimizerNames.ADAMW_APEX_FUSED,
        OptimizerNames.ADAFACTOR,
        OptimizerNames.SGD,
        OptimizerNames.ADAGRAD,
        OptimizerNames.RMSPROP,
        OptimizerNames.MUON,
        OptimizerNames.ADAMW_ANYPRECISION,
        OptimizerNames.STABLE_ADAMW,
        OptimizerNames.GROKADAMW,
        OptimizerNames.SCHEDULE_FREE_ADAMW,
        OptimizerNames.SCHEDULE_FREE_SGD,
        OptimizerNames.SCHEDULE_FREE_RADAM,
    }
)
_SHOWN = 4


def find_mesh_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    config = args.parallelism_config
    if config is None:
        return
    if config.total_size() != machine.world_size:
        sizes = " x ".join(f"{name}_size {size}" for name, size in config.sizes().items() if size > 1) or "all sizes 1"
        yield found(
            args,
            "RUN280",
            f"{sizes} of parallelism_config make {config.total_size()} processes, and there are {machine.world_size}",
            _FIELD,
            remedy=f"start {config.total_size()} processes, or choose sizes whose product is {machine.world_size}",
        )
    yield from _not_done(args, config)
    if config.tp_size > 1:
        yield from _of_plan(args, job, config.tp_size)
    if config.tp_size > 1 or config.dp_shard_size > 1:
        yield from _of_retries(args)
        # Parts of parameters are not cut along features as those of layers are, and their border may be anywhere.
        yield from _of_optimizer(args, job, STEPS_ON_PARTS if config.dp_shard_size == 1 else SHARDABLE)


def _of_retries(args: TrainingArguments) -> Iterator[Diagnostic]:
    # With fsdp, it is found there.
    if args.auto_find_batch_size and not args.fsdp:
        yield found(
            args,
            "RUN269",
            "auto_find_batch_size: a process that runs out of memory leaves those that hold other parts waiting",
            "auto_find_batch_size",
            _FIELD,
            remedy="set per_device_train_batch_size to what fits (trainspec plan estimates it)",
        )


def _not_done(args: TrainingArguments, config: ParallelismConfig) -> Iterator[Diagnostic]:
    refused = {
        "RUN285": ("cp", f"no context parallelism on this {args.device.type} device"),
        "RUN286": ("sp", "DeepSpeed's sequence parallelism is not done in this release"),
        "RUN287": ("pp", "pipelines are not done"),
        "RUN288": ("ep", "experts are not dealt to processes in this release"),
    }
    for code, (name, what) in refused.items():
        size = config.sizes()[name]
        if size > 1:
            yield found(args, code, f"{name}_size {size}: {what}", _FIELD, remedy=f"leave {name}_size out")


def _of_plan(args: TrainingArguments, job: Job, size: int) -> Iterator[Diagnostic]:
    # These import torch's DTensors, which takes long, and few runs have a plan.
    from trainspec.training.parallel.mesh.plan import OWN_PLAN, misfits, plan_of
    from trainspec.training.parallel.mesh.styles import STYLES

    model = bare(job.model)
    plan = plan_of(model)
    if plan is None:
        yield found(
            args,
            "RUN281",
            f"tp_size {size}: {type(model).__name__} does not say how its layers are split",
            _FIELD,
            remedy=f'set {OWN_PLAN} on the model, such as {{"blocks.*.up": "colwise", "blocks.*.down": "rowwise"}}',
        )
        return
    yield from _idle(args, plan)
    if plan.unknown:
        said = ", ".join(f"{name}: {plan.rules[name]!r}" for name in plan.unknown)
        yield found(
            args,
            "RUN284",
            f"the tensor-parallel plan names styles that there are not ({said})",
            _FIELD,
            remedy=f"use one of {', '.join(STYLES)}, or an object of torch.distributed.tensor.parallel",
        )
    yield from _unfit(args, list(misfits(plan, model, size)), size)


def _idle(args: TrainingArguments, plan: Plan) -> Iterator[Diagnostic]:
    nothing = not (plan.modules or plan.parameters or plan.unknown)
    if nothing or (plan.idle and not plan.of_transformers):
        yield found(
            args,
            "RUN282",
            f"the tensor-parallel plan matches nothing in the model with {', '.join(plan.idle) or 'no rule at all'}",
            _FIELD,
            remedy="correct the names: each is that of a module, * stands for anything between two dots",
        )


def _unfit(args: TrainingArguments, unfit: list[Misfit], size: int) -> Iterator[Diagnostic]:
    uneven = [misfit for misfit in unfit if misfit.kind == "width"]
    others = [misfit for misfit in unfit if misfit.kind != "width"]
    for code, misfitting, what, remedy in (
        ("RUN283", uneven, f"tp_size {size} does not divide what is split", "choose a tp_size that divides them all"),
        (
            "RUN284",
            others,
            "the tensor-parallel plan does not fit the model",
            "name the tied ones alike, and give every module a style for its type",
        ),
    ):
        if misfitting:
            shown = [f"{entry.name or 'the model'} {entry.text}" for entry in misfitting[:_SHOWN]]
            more = f"; and {len(misfitting) - _SHOWN} more" if len(misfitting) > _SHOWN else ""
            yield found(args, code, f"{what}: {'; '.join(shown)}{more}", _FIELD, remedy=remedy)


def _of_optimizer(args: TrainingArguments, job: Job, taken: Collection[OptimizerNames]) -> Iterator[Diagnostic]:
    if job.has_an_optimizer or job.optimizer is not None or args.optim in taken:
        return
    yield found(
        args,
        "RUN289",
        f"optim {args.optim} does not step on parameters of which each process holds a part",
        "optim",
        _FIELD,
        remedy=f"use one of {', '.join(sorted(name.value for name in taken))}",
    )
