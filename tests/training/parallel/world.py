"""Several real processes that run one function of a test: forked from a server that has imported torch already.

A process that imports torch by itself takes seconds on two cores; one that is forked takes milliseconds. The server is
a fresh interpreter that has run nothing, so what it forks is as good as new. Where launching itself is the subject, use
launching.py. What a rank needs and the server has not imported, each rank imports anew: keep what they run in modules
that import little.
"""

import contextlib
import gc
import multiprocessing
import os
import pickle
import runpy
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from tests.training.parallel.contact.launching import ROOT, Ended, free_port, variables

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = (
    "torch",
    "torch.distributed.tensor",
    "torch._dynamo",
    "trainspec.cli",
    "trainspec.training.command.agent",
    "trainspec.training.command.train",
    "trainspec.training.trainer.trainer",
    "trainspec.settings.targets.machines",
    # A function of a test lies where pytest is imported.
    "pytest",
    "tests.training.ranks",
    "tests.survival.processes",
    "tests.survival.job",
    "s3fs",
)
# Whoever asks last says what the one server of this context imports: all that any test of this process needs.
CONTEXT.set_forkserver_preload(list(PRELOADED))


class Server:
    """One of its own, for ranks that need a library which others do not; `PRELOADED` comes first."""

    def __init__(self, *more: str, **environ: str) -> None:
        self._server, self._environ = forkserver.ForkServer(), environ
        self._server.set_forkserver_preload([*PRELOADED, *more])

    @contextlib.contextmanager
    def _used(self) -> Iterator[None]:
        usual, before = forkserver.connect_to_new_process, {name: os.environ.get(name) for name in self._environ}
        os.environ.update(self._environ)
        _start(self._server)
        forkserver.connect_to_new_process = self._server.connect_to_new_process
        try:
            yield
        finally:
            forkserver.connect_to_new_process = usual
            for name, text in before.items():
                os.environ.pop(name)
                if text is not None:
                    os.environ[name] = text

    def run(
        self, size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 120, **more: str
    ) -> list[Any]:
        """`run_in`, with the library there."""
        with self._used():
            return run_in(size, function, *arguments, seconds=seconds, **more)

    def run_to_the_end(self, size: int, function: Callable[..., Any], *arguments: Any) -> list[int | None]:
        """`run_to_the_end`, with the library there."""
        with self._used():
            return run_to_the_end(size, function, *arguments)


# A rank that imports these by itself takes seconds for it.
WITH_TRANSFORMERS = Server(
    "peft", *(f"transformers.models.{name}.modeling_{name}" for name in ("gpt2", "llama", "mixtral"))
)


def _start(server: forkserver.ForkServer) -> None:
    """In the folder where `tests` is found, wherever the test that needs it first has gone."""
    with contextlib.chdir(ROOT):
        server.ensure_running()


def process(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """One that is forked from the server, to be started."""
    _start(forkserver._forkserver)  # type: ignore[attr-defined]
    return CONTEXT.Process(target=target, args=arguments, daemon=False)


class RankError(AssertionError):
    """A rank raised; the message has its traceback."""


def run_in(size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 120, **more: str) -> list[Any]:
    """What `function(*arguments)` returns in each of `size` processes of one node, in the order of ranks.

    The function is one of a module, and what it takes and returns can be pickled. `more` are further environment
    variables; LOCAL_WORLD_SIZE among them makes several nodes. Raises RankError with the traceback of the first rank
    that raised, TimeoutError for ranks that hang.
    """
    port = free_port()
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(size)]
    local = int(more.get("LOCAL_WORLD_SIZE", size))
    environ = [
        variables(rank, size, port)
        | {"LOCAL_RANK": str(rank % local), "GROUP_RANK": str(rank // local), "OMP_NUM_THREADS": "1", **more}
        for rank in range(size)
    ]
    ranks = [process(_rank, pipes[rank][1], environ[rank], function, arguments) for rank in range(size)]
    for one in ranks:
        one.start()
    for _, sending in pipes:
        sending.close()
    try:
        return _answers([receiving for receiving, _ in pipes], seconds)
    finally:
        for one in ranks:
            one.kill()
            one.join()


def run_to_the_end(size: int, function: Callable[..., Any], *arguments: Any, seconds: float = 60) -> list[int | None]:
    """The exit code of each process, one of which may be killed meanwhile; None of one that did not end in time."""
    port = free_port()
    pipes = [CONTEXT.Pipe(duplex=False) for _ in range(size)]
    environ = [variables(rank, size, port) | {"OMP_NUM_THREADS": "1"} for rank in range(size)]
    ranks = [process(_rank, pipes[rank][1], environ[rank], function, arguments) for rank in range(size)]
    for one in ranks:
        one.start()
    until = time.monotonic() + seconds
    for one in ranks:
        one.join(max(0.0, until - time.monotonic()))
    codes = [one.exitcode for one in ranks]
    for one in ranks:
        one.kill()
        one.join()
    return codes


def launched(program: str, *arguments: str, size: int, seconds: float = 90) -> list[Ended]:
    """As that of launching.py, but forked: what a module, or the file of a script, says in each process.

    One process alone is started by no launcher. Raises TimeoutError with the ranks that hang.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        files = [(Path(folder, f"out{rank}"), Path(folder, f"errors{rank}")) for rank in range(size)]
        environ = [variables(rank, size, port) if size > 1 else {} for rank in range(size)]
        ranks = [process(_program, environ[rank], files[rank], program, arguments) for rank in range(size)]
        for one in ranks:
            one.start()
        until = time.monotonic() + seconds
        for one in ranks:
            one.join(max(0.0, until - time.monotonic()))
        hanging = [rank for rank, one in enumerate(ranks) if one.exitcode is None]
        for one in ranks:
            one.kill()
            one.join()
        said = [[file.read_text() if file.exists() else "" for file in pair] for pair in files]
        ended = [Ended(rank, one.exitcode or 0, *said[rank]) for rank, one in enumerate(ranks)]
    if hanging:
        raise TimeoutError(f"after {seconds} s, rank {hanging} did not end: {[ended[rank] for rank in hanging]}")
    return ended


def _program(environ: dict[str, str], files: tuple[Path, Path], program: str, arguments: tuple[str, ...]) -> None:
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.update(environ | {"OMP_NUM_THREADS": "1"})
    import torch

    torch.set_num_threads(1)
    os.chdir(ROOT)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


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
    # What the server has imported is no garbage, and looking for some in it takes longer than a small run.
    gc.freeze()
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
