"""Processes tell each other what they must: one alone, and two or three real ones, keep the same contract."""

import json
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.contact import launching
from tests.training.parallel.contact.contract import EVERYWHERE, WITH_OTHERS, Check
from tests.training.parallel.world import launched, run_in

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel import Alone, ProcessesError
from trainspec.training.parallel.contact.group import Group, processes_of

PROGRAM = "tests.training.parallel.contact.one_rank"
LIVES = (
    "joined_inside",
    "destroyed_outside",
    "second_life",
    "left_by_an_error",
    "in_a_group_of_others",
    "left_alone",
    "another_world",
)
SOON = timedelta(seconds=3)


@pytest.mark.parametrize("check", EVERYWHERE, ids=lambda check: check.__name__)
def test_one_process(check: Check) -> None:
    with Alone() as alone, alone:
        check(alone)


@pytest.fixture(scope="module", params=[(2, "env://"), (3, "file://")], ids=["two", "three-by-a-file"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    size, store = request.param
    folder: Path = tmp_path_factory.mktemp("stores")
    address = store if store == "env://" else f"file://{folder / 'own'}"
    # Two are started as a launcher does it.
    start = launching.launched if size == 2 else launched
    ended = start(PROGRAM, "contract", address, str(folder / "foreign"), size=size)
    assert [one.code for one in ended] == [0] * size, ended
    return [json.loads(one.out) for one in ended]


@pytest.mark.parametrize("name", [*(check.__name__ for check in (*EVERYWHERE, *WITH_OTHERS)), *LIVES])
def test_several_processes(outcomes: list[dict[str, str]], name: str) -> None:
    for rank, outcome in enumerate(outcomes):
        assert outcome[name] == "fine", f"rank {rank}: {outcome[name]}"


CULPRITS = [
    ("sleeps", 3, [r"Nothing is heard of rank 2 within 4 s \(ddp_timeout\)\.", r"Rank [01] waits in barrier"]),
    ("ends", 2, [r"Nothing is heard of rank 1\.", r"rank 0: barrier \(operation 3\)"]),
    ("elsewhere", 2, [r"Rank 1 waits in broadcast \(operation 3\)"]),
]


@pytest.mark.parametrize("culprit, size, told", CULPRITS, ids=[row[0] for row in CULPRITS])
def test_who_does_not_come_is_named(culprit: str, size: int, told: list[str]) -> None:
    for one in launched(PROGRAM, "waiting", culprit, size=size, seconds=240)[:-1]:
        assert one.code == 0, one
        said = json.loads(one.out)
        assert all(re.search(pattern, said) for pattern in told), said


def test_alone_copies_nothing() -> None:
    alone, nest, value = Alone(), {"a": (torch.ones(3, 2), None)}, torch.ones(2)
    assert alone.gather(nest, 3) is nest and alone.gather(nest, 4) is nest
    assert alone.sum(value) is value and alone.max(value) is value and alone.broadcast(nest) is nest
    assert alone.gather(nest, 2)["a"][0].data_ptr() == nest["a"][0].data_ptr()


@pytest.mark.parametrize(
    "variables, kind, places",
    [
        ({}, Alone, (0, 1, 0, 0)),
        ({"LOCAL_RANK": "2"}, Alone, (0, 1, 2, 0)),
        ({"WORLD_SIZE": "1", "RANK": "0"}, Alone, (0, 1, 0, 0)),
        ({"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "GROUP_RANK": "1"}, Group, (3, 4, 1, 1)),
    ],
)
def test_processes_are_those_that_the_launcher_started(variables: Any, kind: Any, places: Any) -> None:
    found = processes_of(Launch.of(variables), timeout=SOON)
    assert type(found) is kind
    assert (found.rank, found.world_size, found.local_rank, found.node) == places
    assert found.is_main is (places[0] == 0)


def test_a_rank_outside_of_the_world_is_refused() -> None:
    with pytest.raises(ProcessesError, match="RANK is 2, but WORLD_SIZE 2"):
        processes_of(Launch(rank=2, world_size=2), timeout=SOON)


def test_a_launcher_that_says_nothing_of_the_main_process_is_told_of() -> None:
    with pytest.raises(ProcessesError, match=r"rank 0 cannot find the others: .*RANK|rank 0 cannot .*MASTER_ADDR"):
        processes_of(Launch(world_size=2), timeout=SOON).__enter__()


def test_who_does_not_come_at_the_start(tmp_path: Path) -> None:
    group = Group(Launch(world_size=2), timeout=timedelta(seconds=1), init_method=f"file://{tmp_path / 'store'}")
    with pytest.raises(ProcessesError, match=r"joining the others.*Nothing is heard of rank 1 within 1 s"):
        group.__enter__()
    assert not torch.distributed.is_initialized()


def test_who_began_the_default_group_may_end_it_first() -> None:
    assert run_in(2, ended_before) == [2.0, 2.0]


def ended_before() -> float:
    torch.distributed.init_process_group("gloo")
    with processes_of(Launch.of_this_process(), timeout=SOON) as group:
        total = group.sum(torch.ones(()))
        torch.distributed.destroy_process_group()
    return float(total)


PLACES = [
    (0, False, r"rank 0: joining the others.*Nothing is heard of rank 1 within 1 s"),
    (0, True, r"rank 0 cannot let the others meet at 127\.0\.0\.1:\d+ \(MASTER_ADDR, MASTER_PORT\): .*EADDRINUSE"),
    (1, False, r"^rank 1: nothing is heard of rank 0 at 127\.0\.0\.1:\d+ .* within 1 s \(ddp_timeout\)"),
]


@pytest.mark.parametrize("rank, taken, told", PLACES, ids=["nobody comes", "a port of others", "nobody is there"])
def test_a_place_to_meet_at_which_nobody_is(monkeypatch: pytest.MonkeyPatch, rank: int, taken: bool, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(server.getsockname()[1]))
        if not taken:
            server.close()
        group = Group(Launch(rank, world_size=2), timeout=timedelta(seconds=1))
        with pytest.raises(ProcessesError, match=told):
            group.__enter__()
    assert not torch.distributed.is_initialized()
