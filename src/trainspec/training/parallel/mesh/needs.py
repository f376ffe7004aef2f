"""What a mesh needs of the machine and the model; what it needs of the processes is said in settings/targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.training.findings.found import found
from trainspec.training.model.names import bare
from trainspec.training.parallel.mesh.sequence_needs import find_context_needs, find_sequence_needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.sections.parallelism import ParallelismConfig
    from trainspec.training.findings.facts import Job, Machine
    from trainspec.training.parallel.mesh.plan import Misfit, Plan

_FIELD = "parallelism_config"


def find_mesh_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    config = args.parallelism_config
    if config is None:
        return
    if config.pp_size > 1:
        said = f"pp_size {config.pp_size}: pipelines are not done"
        yield found(args, "RUN287", said, _FIELD, remedy="leave pp_size out")
    if config.cp_size > 1:
        yield from find_context_needs(args, machine, job, config.cp_size)
    if config.sp_size > 1:
        yield from find_sequence_needs(args, job, config.sp_size)
    if config.ep_size > 1:
        from trainspec.training.parallel.mesh.experts.needs import find_expert_needs

        yield from find_expert_needs(args, job, config.ep_size)
    if machine.device.type != "cpu":
        yield from _untested(args, config)
    if config.tp_size > 1:
        yield from _of_plan(args, job, config)
    if max(config.tp_size, config.dp_shard_size, config.cp_size, config.sp_size, config.ep_size) > 1:
        yield from _of_retries(args)
    if config.total_size() > 1 and machine.world_size > 1:
        yield from _of_loading(args, job)


def _untested(args: TrainingArguments, config: ParallelismConfig) -> Iterator[Diagnostic]:
    said = ", ".join(f"{name} {getattr(config, name)}" for name in ("sp_size", "ep_size") if getattr(config, name) > 1)
    if said:
        yield found(
            args,
            "RUN296",
            f"{said}: on other devices than CPUs it is not tested by this release",
            _FIELD,
            remedy="compare the losses of a few updates with those of a run without it",
            severity="warning",
        )


def _of_loading(args: TrainingArguments, job: Job) -> Iterator[Diagnostic]:
    """Layers are split where they are whole: each process has all weights when a run begins."""
    if any(value.is_meta for value in (*job.model.parameters(), *job.model.buffers())):
        yield found(
            args,
            "RUN294",
            "the model is on the meta device, and a mesh begins with whole weights in every process",
            _FIELD,
            remedy="make the model on the CPU in every process, or leave parallelism_config out and use fsdp with "
            "fsdp_config: {cpu_ram_efficient_loading: true}",
        )
    elif args.fsdp and getattr(args.fsdp_config, "cpu_ram_efficient_loading", False):
        yield found(
            args,
            "RUN295",
            "cpu_ram_efficient_loading of fsdp_config: in a mesh every process holds the whole model while it is split",
            _FIELD,
            "fsdp_config",
            remedy="have memory for the whole model in each process when the run begins, or leave parallelism_config "
            "out",
            severity="warning",
        )


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


def _of_plan(args: TrainingArguments, job: Job, config: ParallelismConfig) -> Iterator[Diagnostic]:
    # These import torch's DTensors, which takes long, and few runs have a plan.
    from trainspec.training.parallel.mesh.experts.plan import expert_plan_of
    from trainspec.training.parallel.mesh.plan import OWN_PLAN, misfits, plan_of
    from trainspec.training.parallel.mesh.styles import STYLES

    model, size = bare(job.model), config.tp_size
    plan = plan_of(model)
    experts = expert_plan_of(model) if config.ep_size > 1 else None
    if plan is not None and experts is not None:
        plan = plan.without(experts.blocks(model))
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
    from trainspec.training.parallel.mesh.plan import listed

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
            yield found(args, code, f"{what}: {listed(misfitting)}", _FIELD, remedy=remedy)
