"""What several processes need before they join: found without asking any of them, since that could take for ever."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.arguments.launchers import PORTS, misfits
from trainspec.settings.diagnostics import Evidence
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


_MEETING = "set MASTER_ADDR to the host of rank 0 and MASTER_PORT to a free port there, or start with torchrun"


def find_launch_needs(args: TrainingArguments, device: torch.device, backend: str) -> Iterator[Diagnostic]:
    """Variables that contradict each other, and what this machine does not have for one process of several.

    `backend` is the one that settings and device come to.
    """
    launch = Launch.of_this_process()
    contradictions = list(find_contradictions(args))
    yield from contradictions
    if launch.world_size == 1 or contradictions:
        return
    yield from _find_no_meeting(args, launch)
    yield from _find_no_backend(args, device, backend)
    yield from _find_no_device(args, device, launch)


def find_contradictions(args: TrainingArguments) -> Iterator[Diagnostic]:
    if dist.is_initialized():
        # Somebody has joined the processes by other means than variables.
        return
    for misfit in misfits(os.environ):
        evidence = tuple(
            Evidence(name, os.environ.get(name), Source(SourceKind.ENVIRONMENT, name)) for name in misfit.variables
        )
        yield replace(found(args, "RUN250", misfit.message, remedy=misfit.remedy), evidence=evidence)


def find_other_local_rank(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """One process may have it right where another has not, so that all must have joined to tell."""
    launch = Launch.of_this_process()
    if launch.local_rank is not None and args.local_rank not in (-1, launch.local_rank):
        yield found(
            args,
            "RUN251",
            f"local_rank is {args.local_rank}, but the launcher calls this process {launch.local_rank} of its node",
            "local_rank",
            remedy="leave local_rank out: the launcher tells it",
        )


def _find_no_meeting(args: TrainingArguments, launch: Launch) -> Iterator[Diagnostic]:
    if dist.is_initialized():
        return
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
    if missing and launch.meeting is None:
        yield found(
            args,
            "RUN252",
            f"{' and '.join(missing)} not set, so that {launch.world_size} processes cannot find the first of them",
            remedy=_MEETING,
        )
        return
    port = os.environ.get("MASTER_PORT", "")
    if port and (not port.isdecimal() or int(port) not in PORTS):
        evidence = (Evidence("MASTER_PORT", port, Source(SourceKind.ENVIRONMENT, "MASTER_PORT")),)
        message = f"MASTER_PORT is {port[:20]!r}, which is no port, so that processes cannot find the first of them"
        yield replace(found(args, "RUN252", message, remedy=_MEETING), evidence=evidence)


def _find_no_backend(args: TrainingArguments, device: torch.device, backend: str) -> Iterator[Diagnostic]:
    if dist.is_initialized():
        return
    fields = ("ddp_backend",) if args.ddp_backend is not None else ()
    usable = [name for name in ("gloo", "nccl", "xccl", "mpi", "ucc") if _is_there(name)]
    if not _is_there(backend):
        yield found(
            args,
            "RUN253",
            f"this build of torch has no {backend}, by which {device.type} processes would be joined",
            *fields,
            remedy=f"leave ddp_backend out, or set it to {' or '.join(usable)}",
        )
    elif backend == "nccl" and device.type != "cuda":
        yield found(
            args,
            "RUN254",
            f"nccl carries what is on CUDA devices, and this process computes on {device.type}",
            *fields,
            remedy="leave ddp_backend out, or set it to gloo",
        )


def _is_there(backend: str) -> bool:
    return dist.is_backend_available(backend)


def _find_no_device(args: TrainingArguments, device: torch.device, launch: Launch) -> Iterator[Diagnostic]:
    if device.type != "cuda" or device.index is None:
        return
    # All of a node say so, for the others would wait for the one that has none.
    if max(device.index, (launch.local_world_size or 1) - 1) < torch.cuda.device_count():
        return
    yield found(
        args,
        "RUN255",
        f"this process computes on {device}, but sees {torch.cuda.device_count()} CUDA devices",
        "local_rank",
        remedy="start no more processes on a node than it has devices; with srun, let every task see all devices of "
        "its node (--gpu-bind=none, --gpus-per-node)",
    )
