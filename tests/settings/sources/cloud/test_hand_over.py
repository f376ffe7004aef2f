"""The processes of a node read a secret once: real processes, as a launcher starts them, and one of them lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainspec.settings.sources.cloud import hand_over
from trainspec.settings.sources.cloud.gathering import Gathered
from trainspec.settings.sources.cloud.hand_over import Node, node_of, once_a_node

from .conftest import CANARY

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere each process reads for itself")

SCRIPT = """
import hashlib, json, os, sys, time
from trainspec import TrainingArguments
rank = os.environ["RANK"]
time.sleep(float(os.environ.get(f"LATE_{rank}", 0)))
told = []
for _ in range(int(os.environ.get("TIMES", 1))):
    try:
        args = TrainingArguments("o", push_to_hub=True)
    except ValueError as error:
        told.append({"codes": [line["type"] for line in error.errors()], "said": str(error)})
    else:
        token = hashlib.sha256(args.hub_token.get_secret_value().encode()).hexdigest()
        told.append({"token": token, "place": str(args.provenance["hub_token"])})
print(json.dumps({"told": told, "torch": "torch" in sys.modules, "environ": sorted(os.environ.values())}))
"""
Start = Callable[..., list[subprocess.Popen[str]]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the processes of a job, all on this node unless the variables say otherwise."""
    started: list[subprocess.Popen[str]] = []

    def run(size: int, code: str = SCRIPT, *, ranks: Any = None, **variables: str) -> list[subprocess.Popen[str]]:
        port = str(20000 + os.getpid() % 20000 + len(started))
        for rank in range(size) if ranks is None else ranks:
            job = {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(size),
                "LOCAL_WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "TORCHELASTIC_RUN_ID": f"test of {os.getpid()}",
                **{name: value.format(rank=rank) for name, value in variables.items()},
            }
            environ = {**os.environ, **{name: value for name, value in job.items() if value != "-"}}
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=environ,
                )
            )
        return started[-len(range(size) if ranks is None else ranks) :]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def told(processes: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    answers = []
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        assert CANARY not in out + error
        answers.append(json.loads(out))
    return answers


@pytest.mark.fully_installed
@pytest.mark.parametrize("size", [2, 4])
def test_one_call_for_all_processes_of_a_node(size, secret, calls, start, monkeypatch, tmp_path) -> None:
    version = secret("shared", {"hub_token": CANARY})
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://shared?timeout=30")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    answers = told(start(size))
    assert calls == {"get_secret_value": 1}
    assert len({answer["told"][0]["token"] for answer in answers}) == 1
    assert {answer["told"][0]["place"] for answer in answers} == {
        f"**********  (aws-sm://shared#hub_token version {version} (settings source))"
    }
    assert not any(answer["torch"] for answer in answers)
    # Nothing is left on a disk, and no child is handed a secret in its environment.
    assert list(tmp_path.iterdir()) == []
    assert not any(CANARY in value for answer in answers for value in answer["environ"])


LAUNCHES = {
    "a late process": ({"LATE_1": "1.5"}, 1),
    "a late first process": ({"LATE_0": "1.5"}, 1),
    "loaded twice": ({"TIMES": "2"}, 2),
    "no local ranks, all on the loopback interface": ({"LOCAL_RANK": "-", "LOCAL_WORLD_SIZE": "-"}, 1),
    "no local ranks, a master elsewhere": (
        {"LOCAL_RANK": "-", "LOCAL_WORLD_SIZE": "-", "MASTER_ADDR": "node0.example"},
        2,
    ),
    "two nodes of one process": ({"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "GROUP_RANK": "{rank}"}, 2),
    "two jobs": ({"MASTER_PORT": "2950{rank}", "WORLD_SIZE": "1"}, 2),
}


@pytest.mark.parametrize(("variables", "expected"), LAUNCHES.values(), ids=LAUNCHES)
def test_how_often_two_processes_read(variables, expected, secret, calls, start, monkeypatch) -> None:
    secret("often", {"hub_token": CANARY})
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://often?timeout=30")
    answers = told(start(2, **variables))
    assert calls == {"get_secret_value": expected}
    assert len({item["token"] for answer in answers for item in answer["told"]}) == 1


def test_two_nodes_of_two_processes_read_twice(secret, calls, start, monkeypatch) -> None:
    secret("nodes", {"hub_token": CANARY})
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://nodes?timeout=30")
    nodes = [
        start(2, WORLD_SIZE="4", GROUP_RANK=str(node), RANK=rank, MASTER_PORT="29511")
        for node, rank in ((0, "{rank}"), (1, "1{rank}"))
    ]
    assert len({item["token"] for node in nodes for answer in told(node) for item in answer["told"]}) == 1
    assert calls == {"get_secret_value": 2}


def test_all_are_told_why_the_first_could_not_read(calls, start, monkeypatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://nowhere?timeout=30")
    answers = told(start(3))
    assert [answer["told"][0]["codes"] for answer in answers] == [["SRC120"]] * 3
    assert len({answer["told"][0]["said"] for answer in answers}) == 1
    assert calls == {"get_secret_value": 1}


STUCK = """
from trainspec.settings.sources.cloud import asking, gathering
import time
print("reading", flush=True)
gathering.ask = lambda *_: time.sleep(60)
from trainspec import TrainingArguments
TrainingArguments("o")
"""


def test_a_first_process_that_dies_is_one_finding_at_once(calls, start, monkeypatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SECRETS_FROM", "aws-sm://nowhere?timeout=30")
    first = start(2, STUCK, ranks=[0], MASTER_PORT="29512")[0]
    other = start(2, ranks=[1], MASTER_PORT="29512")[0]
    address = "@trainspec-"
    while address not in Path("/proc/net/unix").read_text() and first.poll() is None:
        time.sleep(0.05)
    time.sleep(1.5)
    assert other.poll() is None
    first.send_signal(signal.SIGKILL)
    before = time.monotonic()
    (answer,) = told([other])
    assert time.monotonic() - before < 5
    assert answer["told"][0]["codes"] == ["SRC122"] and "ended before" in answer["told"][0]["said"]


@pytest.fixture
def node(monkeypatch) -> Callable[..., None]:
    """Make this process one of two of a node."""

    def be(rank: int, port: int) -> None:
        monkeypatch.setattr(hand_over, "node_of", lambda _: Node(rank, 2, f"test {os.getpid()} {port}"))
        monkeypatch.setattr(hand_over, "_times", hand_over.Counter())

    return be


def never() -> Gathered:
    raise AssertionError("this process reads nothing itself")


def test_a_first_process_that_never_comes_is_one_finding(node, monkeypatch) -> None:
    node(1, 1)
    monkeypatch.setattr(hand_over, "LONGEST_WAIT", 0.3)
    gathered = once_a_node("request", never)
    assert gathered.values == {} and [item.code for item in gathered.found] == ["SRC122"]
    assert "within 0.3 s" in gathered.found[0].message and "local rank 0" in gathered.found[0].render()


def test_a_first_process_that_fails_lets_the_other_go(node, monkeypatch) -> None:
    node(0, 2)
    with pytest.raises(KeyboardInterrupt):
        once_a_node("request", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    node(1, 2)
    monkeypatch.setattr(hand_over, "LONGEST_WAIT", 0.3)
    assert [item.code for item in once_a_node("request", never).found] == ["SRC122"]


def test_a_process_of_another_user_gets_nothing(node, monkeypatch) -> None:
    node(0, 3)
    # As the first process sees it; the other asks for itself.
    seen = lambda _: os.getuid() + (threading.current_thread() is not threading.main_thread())  # noqa: E731
    monkeypatch.setattr(hand_over, "_user_of", seen)
    monkeypatch.setattr(hand_over, "LONGEST_WAIT", 1.0)
    assert once_a_node("request", lambda: Gathered({"hub_token": CANARY})).values == {"hub_token": CANARY}
    node(1, 3)
    gathered = once_a_node("request", never)
    assert gathered.values == {} and [item.code for item in gathered.found] == ["SRC122"]


def test_an_address_that_another_user_holds_is_not_trusted(node, monkeypatch) -> None:
    node(0, 4)
    threading.Thread(target=lambda: once_a_node("request", lambda: Gathered({"hub_token": "theirs"}))).start()
    monkeypatch.setattr(hand_over, "_user_of", lambda _: os.getuid() + 1)
    time.sleep(0.3)
    node(1, 4)
    assert once_a_node("request", lambda: Gathered({"hub_token": "mine"})).values == {"hub_token": "mine"}


ALONE = {
    "no launcher": {},
    "one process": {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"},
    "one a node": {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"},
    "one a pod": {"RANK": "1", "WORLD_SIZE": "2"},
    "no master": {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": ""},
}


@pytest.mark.parametrize("variables", ALONE.values(), ids=ALONE)
def test_who_reads_for_itself(variables) -> None:
    assert node_of({"MASTER_ADDR": "node0", "MASTER_PORT": "29500", **variables}) is None


def test_jobs_attempts_and_nodes_are_kept_apart() -> None:
    base = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    base |= {"MASTER_ADDR": "node0", "MASTER_PORT": "29500"}
    others = [
        {"MASTER_ADDR": "node1"},
        {"MASTER_PORT": "29501"},
        {"TORCHELASTIC_RUN_ID": "b"},
        {"TORCHELASTIC_RESTART_COUNT": "1"},
        {"GROUP_RANK": "1"},
    ]
    keys = {node.key for other in [{}, *others] if (node := node_of({**base, **other})) is not None}
    assert len(keys) == 6
