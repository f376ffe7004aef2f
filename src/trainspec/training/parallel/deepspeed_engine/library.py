"""The library itself: imported late, kept quiet, joined to the processes that are there already."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore

if TYPE_CHECKING:
    from trainspec.training.parallel.processes import Processes

PACKAGE = "deepspeed"
# Which of ours is its next louder level: what it has to say is a step less important than what we have.
_QUIETER = (
    (logging.DEBUG, logging.INFO),
    (logging.INFO, logging.WARNING),
    (logging.WARNING, logging.ERROR),
)


# What is asked of its engine is not all of it in older releases.
OLDEST = (0, 19)


def why_not() -> str | None:
    """What stands in the way of importing it; None where nothing does. It is not imported."""
    if find_spec(PACKAGE) is None:
        return f"{PACKAGE} is not installed"
    try:
        installed = version(PACKAGE)
    except PackageNotFoundError:
        return None
    if tuple(int(part) for part in installed.split(".")[:2] if part.isdigit()) < OLDEST:
        return f"{PACKAGE} {installed} is older than {OLDEST[0]}.{OLDEST[1]}"
    return None


def load(device: torch.device) -> Any:
    """The package, for this kind of device. Its log is one level quieter than ours."""
    with environment(DS_ACCELERATOR=os.environ.get("DS_ACCELERATOR", device.type)):
        package = import_module(PACKAGE)
    _quieten()
    return package


def part(name: str) -> Any:
    """One of its modules."""
    return import_module(f"{PACKAGE}.{name}")


def join(package: Any, processes: Processes) -> None:
    """Have it talk through torch's default group, which is made here where one process trains alone."""
    if not dist.is_initialized():
        if processes.world_size > 1:
            raise RuntimeError("the processes are to be joined before DeepSpeed is asked for")
        dist.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    wrapper, groups = part("comm.comm"), part("utils.groups")
    default = dist.distributed_c10d._get_default_group()
    if getattr(wrapper, "_trainspec_group", default) is not default:
        # It keeps groups of a world that is gone.
        groups._release_process_group_references()
        wrapper.cdb = None
    wrapper._trainspec_group = default
    # An operator for processes that share memory, which it would compile now: for minutes, and if it is interrupted,
    # what it leaves behind stops every later run. gloo does the same work.
    part("comm.torch").build_shm_op = lambda: None
    package.init_distributed(dist_backend=dist.get_backend(), auto_mpi_discovery=False, verbose=False)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Variables that the library reads, for as long as the block runs."""
    with ExitStack() as stack:
        for name, value in values.items():
            before = os.environ.get(name)
            stack.callback(_put, name, before)
            os.environ[name] = value
        yield


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _quieten() -> None:
    ours = logging.getLogger("trainspec").getEffectiveLevel()
    level = next((theirs for known, theirs in _QUIETER if ours <= known), logging.CRITICAL)
    logger = part("utils.logging").logger
    logger.setLevel(level)
    for handler in logger.handlers:
        handler.setLevel(level)
    # It calls torch's collectives by their older names, which torch would tell of at every call.
    warnings.filterwarnings("ignore", message=r"`torch\.distributed\.\w+` is deprecated", category=FutureWarning)
