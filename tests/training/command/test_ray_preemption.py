"""Promise: a worker of Ray, which no signal reaches, saves its last update when Ray is about to take its node away."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.contract.distributed.test_preemption import At, newest
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.cli.ray_train import node_is_drained
from trainspec.tasks import TaskParts
from trainspec.training.command import preemption
from trainspec.training.command.preemption import register_source
from trainspec.training.command.train import run_task


class Cluster:
    """What Ray tells of its nodes, and whether anybody asked."""

    def __init__(self) -> None:
        self.draining: dict[str, int] = {"another": 0}
        self.asked = threading.Event()

    def get_draining_nodes(self) -> dict[str, int]:
        self.asked.set()
        return self.draining


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Ray at the edge: a package of which these two names are asked for."""
    found = Cluster()
    package, private, states = (ModuleType(name) for name in ("ray", "ray._private", "ray._private.state"))
    vars(package)["get_runtime_context"] = lambda: SimpleNamespace(get_node_id=lambda: "here")
    vars(states)["state"] = found
    for module in (package, private, states):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(preemption, "_sources", [])
    yield found


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("node", "code", "steps"), [("here", 143, [4]), ("another", 0, [6])])
def test_a_node_that_is_drained_ends_its_worker_after_the_update(
    arguments: Callable[..., TrainingArguments],
    tmp_path: Path,
    cluster: Cluster,
    node: str,
    code: int,
    steps: list[int],
) -> None:
    register_source(node_is_drained)
    register_source(node_is_drained)
    assert len(preemption._sources) == 1

    def drain() -> None:
        cluster.draining = {node: 0}
        cluster.asked.clear()
        assert cluster.asked.wait(20)
        time.sleep(0.1)

    args = arguments(max_steps=6, save_strategy="steps", save_steps=100, do_eval=False)
    codes: list[Any] = []

    def work() -> None:
        parts = TaskParts(Line(), train_dataset=Rows(), callbacks=[At(3, drain)])
        codes.append(run_task(args, lambda args: parts))

    # As Ray calls what trains: handlers of signals are another thread's affair.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert codes == [code] and newest(tmp_path) == steps
