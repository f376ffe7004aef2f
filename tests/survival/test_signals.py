"""Promise: every signal that asks a run to end, wherever it finds it, once or twice, loses nothing that was trained."""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.survival.attempts import TABLE, trial, words
from tests.survival.conftest import LONG, Undisturbed
from tests.survival.job import SIGNAL
from tests.survival.processes import NEVER, Command, ran
from tests.survival.test_random_kills import SEED

# What shells report of them; before Python has a handler of ours there is nothing to report.
ENDS = {signal.SIGTERM: (143, -15), signal.SIGINT: (130, -2), signal.SIGHUP: (143, -1)}
ENDS |= {number: (143, -int(number)) for number in (signal.SIGUSR1, signal.SIGUSR2)}
RUNS = {
    "at once": words(),
    "after saving": words(enable_jit_checkpoint=True),
    "at once, two workers": words(dataloader_num_workers=2),
}
# A checkpoint that was saved before its evaluation says that this is due.
BUT = (
    r"checkpoint-\d+/(manifest\.json: \.files|trainer_state\.json: \.log_history)"
    r"|checkpoint-\d+/trainspec_state\.json: \.evaluation_due"
)
PLACES = {"beginning": (0,), "training": (0, 1, 9, 23), "evaluating": (0, 1, 7), "the end": (12, 13, 14)}


class Case(NamedTuple):
    run: str
    where: str
    number: signal.Signals
    times: int
    environ: dict[str, str]
    call: int = NEVER


def cases(calls: int, chance: random.Random) -> Iterator[Case]:
    """Each once and twice, in each phase; and a few in the middle of what is written."""
    for run, number, times in itertools.product(RUNS, ENDS, (1, 2)):
        for place, befores in PLACES.items():
            where, before = "evaluating" if place == "the end" else place, chance.choice(befores)
            told = f"0:{where}:{before}:{int(number)}:{times}"
            yield Case(run, f"{place} {before}", number, times, {SIGNAL: told})
        for call in sorted(chance.sample(range(1, calls + 1), 4)):
            yield Case(run, f"call {call}", number, times, {}, call)


# Of the short form: in a forward pass, in an evaluation, and in the first file of a checkpoint.
FEW = (
    Case("at once", "training 9", signal.SIGTERM, 2, {SIGNAL: f"0:training:9:{int(signal.SIGTERM)}:2"}),
    Case("at once", "evaluating 1", signal.SIGTERM, 1, {SIGNAL: f"0:evaluating:1:{int(signal.SIGTERM)}:1"}),
    Case("after saving", "call 10", signal.SIGTERM, 2, {}, 10),
)


@pytest.mark.timeout(7200 if LONG else 300)
def test_signals_of_every_kind_everywhere(base: Path, undisturbed: Undisturbed) -> None:
    kind = "signals, once and twice, in every phase"
    calls = len(undisturbed(RUNS["at once"])[1].calls)
    for case in cases(calls, random.Random(f"{SEED} signals")) if LONG else FEW:
        expected, _ = undisturbed(RUNS[case.run])
        name = f"{case.number.name} {case.times} x at {case.where} ({case.run})"
        with trial(kind, name, base) as one:
            one.about_to_start()
            first = Command(
                RUNS[case.run], one.folder, case.environ, at=case.call, number=case.number, times=case.times
            )
            if not one.took(ran(first), *ENDS[case.number]):
                one.about_to_start()
                one.finish(ran(Command(RUNS[case.run], one.folder)))
            one.compare(expected, but=BUT)
    assert not TABLE[kind].faults, "\n\n".join(TABLE[kind].faults)
