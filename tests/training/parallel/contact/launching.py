"""Several real processes on this machine, started as a launcher does it; none outlives its time."""

import itertools
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Ended:
    rank: int
    code: int
    out: str
    errors: str


# Below those that the system gives to anybody who asks for one, some for each process that runs tests.
_PORTS, _EACH = range(10_000, 32_000), 100
_asked = itertools.count()


def free_port() -> int:
    """One that neither this process nor another that runs tests at the same time has just been given."""
    for _ in range(_EACH):
        port = _PORTS.start + (os.getpid() * _EACH + next(_asked) % _EACH) % len(_PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return port
    raise OSError("every port of this process is in use")


def variables(rank: int, size: int, port: int) -> dict[str, str]:
    """What torchrun sets for processes of one node."""
    ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "GROUP_RANK": 0}
    return {name: str(value) for name, value in ranks.items()} | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def launched(module: str, *arguments: str, size: int, seconds: float = 90) -> list[Ended]:
    """All that `python -m module` said in each of `size` processes. Raises TimeoutError with the ranks that hang."""
    port, quiet = free_port(), {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=os.environ | quiet | variables(rank, size, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    until = time.monotonic() + seconds
    hanging = []
    for rank, process in enumerate(running):
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            hanging.append(rank)
    for process in running:
        process.kill()
    said = [process.communicate() for process in running]
    ended = [Ended(rank, process.returncode, *said[rank]) for rank, process in enumerate(running)]
    if hanging:
        raise TimeoutError(f"after {seconds} s, rank {hanging} did not end: {[ended[rank] for rank in hanging]}")
    return ended
