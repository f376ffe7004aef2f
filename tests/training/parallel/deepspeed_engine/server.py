"""Ranks that find DeepSpeed imported: forked from a server of their own, as only these tests need it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

from tests.training.parallel import world

_PRELOADED = (
    "torch",
    "torch._dynamo",
    "trainspec.training.trainer.trainer",
    "deepspeed",
    # Decorated with torch.compile, which imports the compiler.
    "deepspeed.runtime.zero.muon.muon_optimizer",
    "deepspeed.runtime.zero.stage3",
    "deepspeed.runtime.superoffload.superoffload_stage3",
    "trainspec.training.parallel.deepspeed_engine.engine",
)
_SERVER = forkserver.ForkServer()
_SERVER.set_forkserver_preload(list(_PRELOADED))


@contextmanager
def _from_own_server() -> Iterator[None]:
    usual, before = forkserver.connect_to_new_process, os.environ.get("DS_ACCELERATOR")
    forkserver.connect_to_new_process, os.environ["DS_ACCELERATOR"] = _SERVER.connect_to_new_process, "cpu"
    try:
        yield
    finally:
        forkserver.connect_to_new_process = usual
        os.environ.pop("DS_ACCELERATOR")
        if before is not None:
            os.environ["DS_ACCELERATOR"] = before


def run(size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 120) -> list[Any]:
    """`run_in`, with the library there."""
    with _from_own_server():
        return world.run_in(size, function, *arguments, seconds=seconds)


def run_to_the_end(size: int, function: Callable[..., Any], *arguments: Any) -> list[int | None]:
    """The same of `world`'s, with the library there."""
    with _from_own_server():
        return world.run_to_the_end(size, function, *arguments)
