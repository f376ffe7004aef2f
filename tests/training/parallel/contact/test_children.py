"""A process that dies is missed at once, also where children of it live on."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from tests.training.parallel.world import run_to_the_end

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.processes import ProcessesError


def killed_with_a_child(out: str) -> None:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=30)) as processes:
        processes.sums([1.0])
        if processes.rank == 1:
            child = os.fork()
            if child == 0:
                time.sleep(25)
                os._exit(0)
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
        began = time.monotonic()
        try:
            processes.sums([1.0])
        except ProcessesError as error:
            Path(out).write_text(f"{time.monotonic() - began}\n{error}")


def test_a_killed_process_is_missed_while_its_child_lives(tmp_path: Path) -> None:
    out = tmp_path / "said"
    assert run_to_the_end(2, killed_with_a_child, str(out)) == [0, -signal.SIGKILL]
    seconds, said = out.read_text().split("\n", 1)
    assert float(seconds) < 15
    assert "connection closed by peer: rank 1" in said
