"""The processes of this one's job, joined when a Trainer is first made and until the interpreter ends."""

from __future__ import annotations

import atexit
from datetime import timedelta
from typing import TYPE_CHECKING

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel.group import processes_of
from trainspec.training.parallel.processes import Alone

if TYPE_CHECKING:
    import torch

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes

# What carries tensors between devices of a kind, where the settings leave it open.
_BACKENDS = {"cuda": "nccl", "xpu": "xccl", "hpu": "hccl"}

# The one there is, or none.
_joined: list[tuple[Launch, Processes]] = []


def backend_for(args: TrainingArguments, device: torch.device) -> str:
    """The process group's backend: ddp_backend, else by device."""
    return args.ddp_backend or _BACKENDS.get(device.type, "gloo")


def joined(args: TrainingArguments, device: torch.device) -> Processes:
    """Those that a launcher started, in contact with each other: the same for every Trainer of this process.

    Raises ProcessesError where they are not what the launcher's variables say, or one of them does not come.
    """
    launch = Launch.of_this_process()
    if launch.world_size == 1:
        return Alone(launch)
    if not _joined or _joined[0][0] != launch:
        leave()
        limit = timedelta(seconds=args.ddp_timeout)
        processes = processes_of(launch, timeout=limit, backend=backend_for(args, device))
        processes.__enter__()
        _joined.append((launch, processes))
    return _joined[0][1]


def leave() -> None:
    """Take leave of the others; who trains again joins them anew."""
    while _joined:
        _joined.pop()[1].__exit__(None, None, None)


atexit.register(leave)
