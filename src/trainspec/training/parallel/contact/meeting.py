"""The store at which processes find each other, before any of them is in contact with another."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from torch._C._distributed_c10d import TCPStore
from torch.distributed.rendezvous import rendezvous

from trainspec.settings.arguments.launchers import PORTS
from trainspec.training.parallel.contact.ending import MissingError
from trainspec.training.parallel.processes import ProcessesError

if TYPE_CHECKING:
    from datetime import timedelta

    from torch._C._distributed_c10d import Store

_BY_VARIABLES = "env://"


def meet(init_method: str, rank: int, world_size: int, timeout: timedelta) -> Store:
    """What `init_method` names, where torch knows it.

    By variables the first process holds the store and goes on: who is missing is found out by name when all join.

    Raises ProcessesError for variables that name no place, and for one that rank 0 cannot have; MissingError where
    nothing answers there.
    """
    try:
        place = None if init_method != _BY_VARIABLES or _is_held_by_agent() else _place()
        if place is None:
            store: Store = next(rendezvous(init_method, rank, world_size, timeout=timeout))[0]
            return store
    except ValueError as error:
        raise ProcessesError(f"rank {rank} cannot find the others: {error}") from error
    try:
        return TCPStore(*place, world_size, rank == 0, timeout, wait_for_workers=False, multi_tenant=True)
    except RuntimeError as error:
        where = f"{place[0]}:{place[1]} (MASTER_ADDR, MASTER_PORT)"
        reason = str(error).partition("\n")[0]
        if rank == 0:
            raise ProcessesError(f"rank 0 cannot let the others meet at {where}: {reason}") from error
        seconds = timeout.total_seconds()
        told = f"rank {rank}: nothing is heard of rank 0 at {where} within {seconds:g} s (ddp_timeout). ({reason})"
        raise MissingError(told) from error


def _place() -> tuple[str, int] | None:
    """None where they are not set, of which torch tells."""
    host, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    if not host or not port:
        return None
    if not port.isdecimal() or int(port) not in PORTS:
        raise ValueError(f"MASTER_PORT is {port[:20]!r}, which is no port")
    return host, int(port)


def _is_held_by_agent() -> bool:
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == str(True)
