"""Promise: a signal that reaches one of two processes, whichever, or both, ends both, and loses nothing of them."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.survival.attempts import TABLE, trial, words
from tests.survival.comparing import contents
from tests.survival.conftest import LONG
from tests.survival.job import ALL, SIGNAL
from tests.survival.test_random_kills import SEED
from tests.survival.test_ranks import ranks, took
from tests.survival.test_signals import BUT, ENDS, PLACES

RUNS = {"at once": words(), "after saving": words(enable_jit_checkpoint=True)}
RUNS["FSDP2"] = [*RUNS["at once"], "--fsdp", "full_shard", "--fsdp_config", '{"version": 2}']
# In two processes each has half of the updates.
HALF = {name: tuple(sorted({before // 2 for before in befores})) for name, befores in PLACES.items()}
HALF["the end"] = (6, 7)


class Case(NamedTuple):
    rank: str
    place: str
    before: int
    number: signal.Signals
    times: int

    @property
    def environ(self) -> dict[str, str]:
        where = "evaluating" if self.place == "the end" else self.place
        return {SIGNAL: f"{self.rank}:{where}:{self.before}:{int(self.number)}:{self.times}"}


def cases(chance: random.Random) -> Iterator[Case]:
    for rank, place, number in itertools.product(("0", "1", ALL), HALF, ENDS):
        yield Case(rank, place, chance.choice(HALF[place]), number, chance.choice((1, 2)))


def agreed(codes: list[int | None], number: signal.Signals) -> bool:
    """Both ended because of it, or both had nothing more to do. Who only hears of it calls it SIGTERM."""
    return set(codes) <= {0} or set(codes) <= {*ENDS[number], *ENDS[signal.SIGTERM]}


FEW = (Case("1", "training", 4, signal.SIGTERM, 1),)


@pytest.mark.parametrize("run", RUNS if LONG else ["at once"])
@pytest.mark.timeout(7200 if LONG else 300)
def test_signals_to_any_rank(base: Path, run: str) -> None:
    kind = f"2 ranks, {run}: signals to one or both"
    quiet = base / f"signals-{run.replace(' ', '-')}"
    quiet.mkdir()
    undisturbed = ranks(quiet, RUNS[run])
    assert [one.code for one in undisturbed] == [0, 0], undisturbed[0].said + undisturbed[1].said
    expected = contents(quiet / "out")
    for case in cases(random.Random(f"{SEED} {kind}")) if LONG else FEW:
        with trial(kind, " ".join(map(str, case)), base) as one:
            one.about_to_start()
            ended = ranks(one.folder, RUNS[run], environ=case.environ)
            codes = [each.code for each in ended]
            if case.place in ("training", "evaluating") and case.times == 1 and not agreed(codes, case.number):
                one.fault(f"exit codes {codes}", ended[0].said + ended[1].said)
            if not took(one, ended, also=ENDS[case.number]):
                one.about_to_start()
                one.finish(ranks(one.folder, RUNS[run])[0])
            one.compare(expected, but=BUT)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
