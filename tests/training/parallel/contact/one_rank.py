"""One process of several: runs a program below, and says in JSON what came of it."""

import json
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from tests.training.parallel.contact.contract import EVERYWHERE, WITH_OTHERS

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel.contact.group import Group, processes_of
from trainspec.training.parallel.processes import ProcessesError

LAUNCH = Launch.of_this_process()


def _outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except Exception:
        return traceback.format_exc()
    return "fine"


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("something was pickled")


def contract(store: str) -> None:
    """Every check, in each of three lives of the connections."""
    outcomes: dict[str, str] = {}
    group = Group(LAUNCH, timeout=timedelta(seconds=30), init_method=store)
    dist.distributed_c10d._pickler = dist.distributed_c10d._unpickler = pickle.dumps = pickle.loads = _refuse
    with group, group:
        for check in (*EVERYWHERE, *WITH_OTHERS):
            outcomes[check.__name__] = _outcome(lambda check=check: check(group))
        outcomes["joined_inside"] = _outcome(dist.barrier)
    outcomes["destroyed_outside"] = _outcome(lambda: _is_over(group))
    with group:
        outcomes["second_life"] = _outcome(lambda: EVERYWHERE[0](group))
    outcomes["left_by_an_error"] = _outcome(lambda: _left_by_an_error(group))
    dist.init_process_group("gloo", init_method=f"file://{sys.argv[3]}", rank=LAUNCH.rank, world_size=LAUNCH.world_size)
    with processes_of(LAUNCH, timeout=timedelta(seconds=30)) as other:
        outcomes["in_a_group_of_others"] = _outcome(lambda: EVERYWHERE[0](other))
    outcomes["left_alone"] = _outcome(dist.barrier)
    wrong = Launch(LAUNCH.rank, LAUNCH.world_size + 1)
    outcomes["another_world"] = _outcome(lambda: _contradicts(wrong))
    dist.destroy_process_group()
    print(json.dumps(outcomes))


def _is_over(group: Group) -> None:
    assert not dist.is_initialized()
    try:
        group.barrier()
    except ProcessesError as error:
        assert "only inside" in str(error)
    else:
        raise AssertionError("a barrier without connections")


def _left_by_an_error(group: Group) -> None:
    try:
        with group:
            raise KeyError("mine")
    except KeyError:
        assert not dist.is_initialized()


def _contradicts(wrong: Launch) -> None:
    soon = timedelta(seconds=3)
    for build in (lambda: processes_of(wrong, timeout=soon), Group(wrong, timeout=soon).__enter__):
        try:
            build()
        except ProcessesError as error:
            assert str(LAUNCH.world_size) in str(error) and str(wrong.world_size) in str(error)
        else:
            raise AssertionError("two worlds")
    assert dist.is_initialized()


def waiting(culprit: str) -> None:
    """The last rank does not come: it sleeps, ends, or is somewhere else. What the others say of it."""
    last = LAUNCH.rank == LAUNCH.world_size - 1
    told = "nothing"
    # How long a machine takes to start them all is not what the group's own limit is about.
    dist.init_process_group("gloo", timeout=timedelta(minutes=4))
    dist.barrier()
    try:
        with Group(LAUNCH, timeout=timedelta(seconds=4)) as group:
            group.barrier()
            if last and culprit == "sleeps":
                # However long the others take to notice.
                dist.barrier()
                return
            if last and culprit == "ends":
                os._exit(0)
            if last and culprit == "elsewhere":
                group.broadcast("x")
            group.barrier()
    except ProcessesError as error:
        told = str(error)
    print(json.dumps(told), flush=True)
    if culprit == "sleeps":
        dist.barrier()


if __name__ == "__main__":
    {"contract": contract, "waiting": waiting}[sys.argv[1]](sys.argv[2])
