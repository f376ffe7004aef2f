"""How many processes another program's file asks for: no setting, but worth a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_ADDRESS = ("machine_rank", "main_process_ip", "main_process_port", "rdzv_backend", "same_network")


def note_of_launch(values: Mapping[str, Any]) -> Iterator[str]:
    """What to say to a launcher instead."""
    processes, machines = values.get("num_processes"), values.get("num_machines") or 1
    if not isinstance(processes, int) or not isinstance(machines, int) or processes < 2:
        return
    each = max(1, processes // max(1, machines))
    nodes = f"--nnodes {machines} " if machines > 1 else ""
    yield f"{processes} processes are for a launcher to start: torchrun {nodes}--nproc_per_node {each}"
