"""Several real processes that run one function of a test: forked from a server that has imported torch already.

A process that imports torch by itself takes seconds on two cores; one that is forked takes milliseconds. The server is
a fresh interpreter that has run nothing, so what it forks is as good as new. Where launching itself is the subject, use
launching.py.
"""

import contextlib
import multiprocessing
import os
import pickle
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.training.parallel.contact.launching import free_port, variables

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["torch", "torch.distributed.tensor", "torch._dynamo", "trainspec.training.trainer.trainer"]
)


class RankError(AssertionError):
    """A rank raised; the message has its traceback."""


def run_in(size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 120, **more: str) -> list[Any]:
    """What `function(*arguments)` returns in each of `size` processes of one node, in the order of ranks.

    The function is one of a module, and what it takes and returns can be pickled. `more` are further environment
    variables; LOCAL_WORLD_SIZE among them makes several nodes. Raises RankError with the traceback of the first rank
    that raised, TimeoutError for ranks that hang.
    """
    port = free_port()
    pipes = [_CONTEXT.Pipe(duplex=False) for _ in range(size)]
    local = int(more.get("LOCAL_WORLD_SIZE", size))
    environ = [
        variables(rank, size, port)
        | {"LOCAL_RANK": str(rank % local), "GROUP_RANK": str(rank // local), "OMP_NUM_THREADS": "1", **more}
        for rank in range(size)
    ]
    ranks = [
        _CONTEXT.Process(target=_rank, args=(pipes[rank][1], environ[rank], function, arguments), daemon=False)
        for rank in range(size)
    ]
    for process in ranks:
        process.start()
    for _, sending in pipes:
        sending.close()
    try:
        return _answers([receiving for receiving, _ in pipes], seconds)
    finally:
        for process in ranks:
            process.kill()
            process.join()


def run_to_the_end(size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 60) -> list[int | None]:
    """The exit code of each process, one of which may be killed meanwhile; None of one that did not end in time."""
    port = free_port()
    pipes = [_CONTEXT.Pipe(duplex=False) for _ in range(size)]
    environ = [variables(rank, size, port) | {"OMP_NUM_THREADS": "1"} for rank in range(size)]
    ranks = [
        _CONTEXT.Process(target=_rank, args=(pipes[rank][1], environ[rank], function, arguments), daemon=False)
        for rank in range(size)
    ]
    for process in ranks:
        process.start()
    until = time.monotonic() + seconds
    for process in ranks:
        process.join(max(0.0, until - time.monotonic()))
    codes = [process.exitcode for process in ranks]
    for process in ranks:
        process.kill()
        process.join()
    return codes


def _answers(receiving: list[Connection], seconds: float) -> list[Any]:
    until, found = time.monotonic() + seconds, dict[int, Any]()
    while len(found) < len(receiving):
        left = [pipe for rank, pipe in enumerate(receiving) if rank not in found]
        ready = wait(left, max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError(f"after {seconds} s, rank {[receiving.index(pipe) for pipe in left]} did not end")  # type: ignore[arg-type]
        for pipe in ready:
            rank = receiving.index(pipe)  # type: ignore[arg-type]
            try:
                kind, value = pickle.loads(pipe.recv_bytes())  # type: ignore[union-attr]
            except EOFError:
                kind, value = "raised", "it ended without a word"
            if kind == "raised":
                raise RankError(f"rank {rank}: {value}")
            found[rank] = value
    return [found[rank] for rank in range(len(receiving))]


def _rank(pipe: Connection, environ: dict[str, str], function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.environ.update(environ)
    import torch

    torch.set_num_threads(1)
    with _quiet() as said:
        try:
            answer = pickle.dumps(("returned", function(*arguments)))
        except BaseException as error:
            # SystemExit is how a run ends at a signal.
            trace = "".join(traceback.format_exception(error))
            answer = pickle.dumps(("raised", f"{trace}\n{said.read_text()[-4000:]}"))
    pipe.send_bytes(answer)
    pipe.close()


@contextlib.contextmanager
def _quiet() -> Iterator[Path]:
    """What is printed goes to a file, that of C++ code too."""
    with tempfile.NamedTemporaryFile(prefix="rank-", suffix=".log") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield Path(file.name)
