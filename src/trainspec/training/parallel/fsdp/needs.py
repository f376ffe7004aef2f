"""What FSDP needs of a machine and an optimizer, and which settings have no counterpart in fully_shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from trainspec.settings.targets.worlds import SHARDABLE
from trainspec.settings.values.choices import ApexOptLevel, FSDPOption
from trainspec.training.findings.found import found
from trainspec.training.model.names import bare
from trainspec.training.parallel.fsdp.ways import details_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_CLASSES = (torch.optim.Adafactor, torch.optim.Rprop, torch.optim.LBFGS)


def find_sharding_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not args.fsdp:
        return
    if machine.world_size == 1:
        yield found(
            args,
            "RUN267",
            "fsdp: there is one process, and nobody to share the model with; it trains whole",
            "fsdp",
            remedy="start several processes (trainspec train --nproc N, torchrun), or leave fsdp out",
            severity="warning",
        )
        return
    yield from _find_unshardable_optimizer(args, job)
    yield from _find_half_weights(args)
    yield from _find_retries(args)
    yield from _find_no_counterpart(args)
    from trainspec.training.parallel.fsdp.model_needs import find_model_needs

    yield from find_model_needs(args, bare(job.model))


def _find_unshardable_optimizer(args: TrainingArguments, job: Job) -> Iterator[Diagnostic]:
    """Of one that was given: what `optim` names is judged with the number of processes (PAR120)."""
    if isinstance(job.optimizer, _CLASSES):
        yield found(
            args,
            "RUN260",
            f"{type(job.optimizer).__name__} does not step on parameters that are shared out over processes",
            "fsdp",
            remedy=f"use one of {', '.join(sorted(name.value for name in SHARDABLE))}, or leave fsdp out",
        )


def _find_half_weights(args: TrainingArguments) -> Iterator[Diagnostic]:
    if args.fp16 and args.fp16_opt_level in (ApexOptLevel.O2, ApexOptLevel.O3):
        yield found(
            args,
            "RUN265",
            f"fp16_opt_level {args.fp16_opt_level.value} makes half weights, and fsdp makes its own",
            "fp16_opt_level",
            "fsdp",
            remedy="set fp16_opt_level: O1; parameters are then gathered in float16, and kept in float32",
        )


def _find_retries(args: TrainingArguments) -> Iterator[Diagnostic]:
    if args.auto_find_batch_size:
        yield found(
            args,
            "RUN269",
            "auto_find_batch_size: under fsdp a process that runs out of memory leaves the others waiting for its part",
            "auto_find_batch_size",
            "fsdp",
            remedy="set per_device_train_batch_size to what fits (trainspec plan estimates it)",
        )


def _find_no_counterpart(args: TrainingArguments) -> Iterator[Diagnostic]:
    details, config = details_of(args), args.fsdp_config
    said = getattr(config, "model_fields_set", set[str]())
    notes = {
        "limit_all_gathers": "limit_all_gathers" in said and not details.limit_all_gathers,
        "use_orig_params": not details.use_orig_params,
        "backward_prefetch": details.backward_prefetch == "backward_post",
        "version": details.version == 1,
        "state_dict_type": details.state_dict_type == "FULL_STATE_DICT",
    }
    for name, applies in notes.items():
        if applies:
            yield found(
                args,
                "RUN263",
                f"{name} of fsdp_config: {_COUNTERPARTS[name]}",
                "fsdp_config",
                remedy="nothing has to be done; leave it out to make this notice go away",
                severity="warning",
            )
    pins = args.fsdp and FSDPOption.OFFLOAD in args.fsdp and args.device.type == "cpu"
    if pins:
        yield found(
            args,
            "RUN268",
            "fsdp offload: the model trains on the CPU, where it is already",
            "fsdp",
            remedy="leave offload out, or train on an accelerator",
            severity="warning",
        )


_COUNTERPARTS = {
    "limit_all_gathers": "fully_shard never lets the CPU run ahead of more than one gather",
    "use_orig_params": "fully_shard always keeps a parameter object for each of the model's",
    "backward_prefetch": "fully_shard gathers before the current unit's gradients are computed (backward_pre), or "
    "when the next unit begins, which is what backward_post and no_prefetch do",
    "state_dict_type": "a checkpoint holds the whole model, and the optimizer in parts that any layout goes on from",
    "version": "the first generation is deprecated in torch; the model is sharded by fully_shard",
}
