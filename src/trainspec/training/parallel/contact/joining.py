"""The processes of this one's job, joined when a Trainer is first made and until the interpreter ends."""

from __future__ import annotations

import atexit
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch

from trainspec.settings.arguments.launch import Launch
from trainspec.training.findings.found import found
from trainspec.training.interruption import TERMINATED
from trainspec.training.parallel.contact.called_off import called_off_by_signals
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.processes import Alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine
    from trainspec.training.parallel.processes import Processes

# What carries tensors between devices of a kind, where the settings leave it open.
_BACKENDS = {"cuda": "nccl", "xpu": "xccl", "hpu": "hccl"}

# The one there is, or none.
_joined: list[tuple[Launch, Processes]] = []


def backend_for(args: TrainingArguments, device: torch.device) -> str:
    """The process group's backend: ddp_backend, else by device."""
    return str(args.ddp_backend or _BACKENDS.get(device.type, "gloo"))


def joined(args: TrainingArguments, device: torch.device) -> Processes:
    """Those that a launcher started, in contact with each other: the same for every Trainer of this process.

    Raises ProcessesError where they are not what the launcher's variables say, or one of them does not come.
    """
    launch = Launch.of_this_process()
    if launch.world_size == 1:
        return Alone(launch)
    if not _joined or _joined[0][0] != launch:
        leave()
        if device.index is not None:
            # NCCL takes the device that is current.
            torch.accelerator.set_device_index(device.index)
        limit = timedelta(seconds=args.ddp_timeout)
        processes = processes_of(launch, timeout=limit, backend=backend_for(args, device))
        with called_off_by_signals(args.preemption_exit_code or TERMINATED):
            processes.__enter__()
        _joined.append((launch, processes))
    return _joined[0][1]


def leave() -> None:
    """Take leave of the others; who trains again joins them anew."""
    while _joined:
        _joined.pop()[1].__exit__(None, None, None)


def find_no_configured_state(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """use_configured_state counts on processes that the script has joined itself."""
    wants: Any = getattr(args.accelerator_config, "use_configured_state", False)
    processes = _joined[0][1] if _joined else None
    if wants and machine.world_size > 1 and not getattr(processes, "was_joined_before", False):
        yield found(
            args,
            "RUN293",
            "use_configured_state is true, but nobody has joined the processes before the Trainer was made",
            "accelerator_config",
            remedy="call torch.distributed.init_process_group first, or drop use_configured_state",
        )


atexit.register(leave)
