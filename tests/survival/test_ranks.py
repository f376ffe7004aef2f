"""Promise: of two processes that train together any one may be killed, both, or who started them: nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.survival.attempts import TABLE, Trial, one_of_each_kind, trial, words
from tests.survival.comparing import contents
from tests.survival.conftest import LONG
from tests.survival.processes import NEVER, Command, Ended, Running, killed_after, ran, running
from tests.survival.test_random_kills import SEED
from tests.training.parallel.contact.launching import free_port, variables

USUAL = words(save_steps=2, eval_steps=2, save_total_limit=1)
RUNS = {"DDP": USUAL, "FSDP2": [*USUAL, "--fsdp", "full_shard", "--fsdp_config", '{"version": 2}']}
KILLS = 24 if LONG else 1


def ranks(
    folder: Path,
    said: Sequence[str],
    *,
    after: float | None = None,
    whom: Sequence[int] = (),
    dies: tuple[int, int] = (0, NEVER),
    environ: dict[str, str] | None = None,
) -> list[Ended]:
    """Two processes as a launcher starts them: some are killed so long `after`, or one `dies` at a call of its own."""
    port = free_port()
    with ExitStack() as both:
        started = [
            both.enter_context(
                running(
                    Command(
                        said,
                        folder,
                        {**variables(rank, 2, port), **(environ or {})},
                        at=dies[1] if dies[0] == rank else NEVER,
                        label=str(rank),
                    )
                )
            )
            for rank in range(2)
        ]
        if after is not None:
            until = time.monotonic() + after
            while time.monotonic() < until and not all(one.is_over() for one in started):
                time.sleep(0.01)
            for rank in whom:
                started[rank].send(signal.SIGKILL)
        end_the_rest(started)
        return [one.join() for one in started]


def end_the_rest(started: Sequence[Running], patience: float = 2.0) -> None:
    """As launchers do once one has ended badly: whoever has not even met it would wait for it. Then kill them."""
    while not all(one.is_over() for one in started):
        if any(one.is_over() for one in started):
            time.sleep(patience)
            for number in (signal.SIGTERM, signal.SIGKILL):
                for one in started:
                    one.send(number)
                until = time.monotonic() + 4
                while time.monotonic() < until and not all(one.is_over() for one in started):
                    time.sleep(0.02)
        time.sleep(0.02)


def took(one: Trial, ended: list[Ended], *, disturbed: bool = True, also: Sequence[int] = ()) -> bool:
    """What became of them: whoever was not killed ended by itself, and said why in one line."""
    first, other = ended
    if any(each.code is None for each in ended):
        one.fault(f"hung: exit codes {[each.code for each in ended]}", first.said + other.said)
    if "Traceback" in other.said and other.code != -9:
        one.fault("a traceback of rank 1", other.said)
    if (first.code == 0) != (other.code == 0) and not disturbed:
        one.fault(f"exit codes {first.code} and {other.code}", first.said + other.said)
    # Who loses another in the middle of something could not go on, and says so.
    return one.took(first, 1, 2, 143, -15, *also)


@pytest.fixture(scope="module", params=RUNS if LONG else ["DDP"])
def whole(request: pytest.FixtureRequest, base: Path) -> tuple[str, list[Ended], dict[str, bytes]]:
    folder = base / f"two-{request.param}"
    folder.mkdir()
    ended = ranks(folder, RUNS[request.param])
    assert [one.code for one in ended] == [0, 0], ended[0].said + ended[1].said
    return request.param, ended, contents(folder / "out")


@pytest.mark.timeout(7200 if LONG else 300)
def test_ranks_are_killed_at_random(base: Path, whole: tuple[str, list[Ended], dict[str, bytes]]) -> None:
    name, ended, expected = whole
    kind, number = f"2 ranks, {name}: killed at random moments", 0
    chance = random.Random(f"{SEED} {kind}")
    while number == 0 or (TABLE[kind].kills < KILLS and number < 2 * KILLS):
        number += 1
        with trial(kind, str(number), base) as one:
            for _ in range(chance.randint(1, 4)):
                one.about_to_start()
                whom, after = chance.choice([(0,), (1,), (0, 1)]), chance.uniform(0.3, ended[0].seconds)
                if took(one, ranks(one.folder, RUNS[name], after=after, whom=whom)):
                    break
            else:
                one.about_to_start()
                one.finish(ranks(one.folder, RUNS[name])[0])
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.mark.timeout(7200 if LONG else 300)
def test_a_rank_is_killed_at_calls(base: Path, whole: tuple[str, list[Ended], dict[str, bytes]]) -> None:
    name, ended, expected = whole
    kind = f"2 ranks, {name}: one killed at every call"
    for rank in (0, 1):
        calls = ended[rank].calls
        assert calls, "each writes its random states"
        for at in range(1, len(calls) + 1) if LONG else one_of_each_kind(calls)[:1]:
            with trial(kind, f"rank {rank} at {at} ({calls[at - 1]})", base) as one:
                one.about_to_start()
                took(one, ranks(one.folder, RUNS[name], dies=(rank, at)))
                one.about_to_start()
                one.finish(ranks(one.folder, RUNS[name])[0])
                one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


@pytest.mark.skipif(not LONG, reason="each starts processes that import everything (TEST_SURVIVAL=1)")
@pytest.mark.timeout(7200)
def test_who_started_them_is_killed(base: Path) -> None:
    kind = "2 ranks: the agent killed, or one rank of its"
    chance = random.Random(f"{SEED} {kind}")
    said = [*words(save_steps=2, eval_steps=2, save_total_limit=1), "--nproc", "2"]
    quiet = base / "agent"
    quiet.mkdir()
    first = ran(Command([*said, "--max-restarts", "0"], quiet), 120)
    assert first.code == 0, first.said
    expected = contents(quiet / "out")
    for number in range(8):
        with trial(kind, str(number), base) as one:
            one.about_to_start()
            ended = killed_after(Command(said, one.folder), chance.uniform(0.5, first.seconds))
            if not one.took(ended):
                wait_for_orphans(one.folder)
                one.about_to_start()
                one.finish(ran(Command(said, one.folder), 120))
            one.compare(expected)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)


def wait_for_orphans(folder: Path, seconds: float = 60) -> None:
    """Until no process works in that folder any more: ranks that lost their agent finish their update, and end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and any(_works_in(pid, folder) for pid in os.listdir("/proc") if pid.isdigit()):
        time.sleep(0.1)


def _works_in(pid: str, folder: Path) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == folder
    except OSError:
        return False
