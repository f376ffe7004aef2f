"""A process that dies is missed at once, also where children of it live on; and one that is stopped, in its time."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from tests.training.parallel.world import run_to_the_end

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.sections.parallelism import ParallelismConfig
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.fsdp.sharding import mesh_of
from trainspec.training.parallel.fsdp.ways import Way
from trainspec.training.parallel.mesh.dimensions import Dimensions
from trainspec.training.parallel.processes import ProcessesError

TWO_BY_TWO = ParallelismConfig(tp_size=2, dp_replicate_size=2)
# Groups of two are opened when these are made, long after four processes were joined.
MADE_LATER: dict[str, Callable[[Any], Any]] = {
    "mesh": lambda processes: Dimensions(TWO_BY_TWO, processes).mesh("cpu", "tp"),
    "fsdp": lambda _: mesh_of(Way(2, 2, True, False), torch.device("cpu"))["dp_shard"],
}


def killed_with_a_child(out: str, culprit: int, way: str) -> None:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=30)) as processes:
        processes.sums([1.0])
        group = MADE_LATER[way](processes).get_group() if way in MADE_LATER else None
        if processes.rank == culprit:
            child = os.fork()
            if child == 0:
                until = time.monotonic() + 25
                while time.monotonic() < until and not Path(out).exists():
                    time.sleep(0.1)
                os._exit(0)
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
        if processes.rank > 1:
            return
        began = time.monotonic()
        try:
            if way == "message":
                processes.sums([1.0])
            else:
                dist.all_reduce(torch.ones(1), group=group)
        except (ProcessesError, RuntimeError) as error:
            Path(out).write_text(f"{time.monotonic() - began}\n{error}")


@pytest.mark.parametrize("culprit, way", [(1, "message"), (0, "message"), (0, "tensor"), (1, "mesh"), (1, "fsdp")])
def test_a_killed_process_is_missed_while_its_child_lives(tmp_path: Path, culprit: int, way: str) -> None:
    out = tmp_path / "said"
    codes = run_to_the_end(4 if way in MADE_LATER else 2, killed_with_a_child, str(out), culprit, way)
    assert codes[1 - culprit] == 0 and codes[culprit] == -signal.SIGKILL
    seconds, said = out.read_text().split("\n", 1)
    assert float(seconds) < 15 and "closed by peer" in said
    assert ("The store that joins the processes does not answer" in said) == (culprit == 0 and way == "message")


def stopped(out: str) -> None:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=1)) as processes:
        main, _ = processes.each(os.getpid())
        if processes.rank == 0:
            os.kill(main, signal.SIGSTOP)
        try:
            processes.sums([1.0])
        except ProcessesError as error:
            Path(out).write_text(str(error))
        os.kill(main, signal.SIGKILL)


def test_a_store_whose_holder_is_stopped_keeps_nobody(tmp_path: Path) -> None:
    out = tmp_path / "said"
    assert run_to_the_end(2, stopped, str(out)) == [-signal.SIGKILL, 0]
    assert "timed out waiting for rank 0" in out.read_text() and "does not answer" in out.read_text()


def holding(out: str) -> None:
    """What a child finds of a connection that its own program opened before the processes were joined."""
    reading, writing = os.pipe()
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=30)) as processes:
        child = os.fork()
        if child == 0:
            os.write(writing, b"still open")
            os._exit(0)
        os.waitpid(child, 0)
        Path(out, str(processes.rank)).write_bytes(os.read(reading, 99))
        # The parent's own are not touched.
        assert processes.sums([1.0]) == [2.0]
        dist.all_reduce(torch.ones(1))


def test_a_child_keeps_what_is_its_own(tmp_path: Path) -> None:
    assert run_to_the_end(2, holding, str(tmp_path)) == [0, 0]
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == [b"still open"] * 2
