"""Promise: what several processes wrote, and what was written in older formats, is guarded as well as all else.

The short form is always run. TEST_SURVIVAL=1 runs the long one.
"""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training.checkpoint.hostile.children import problem, resume, run
from tests.training.checkpoint.hostile.deeds import commit_accident, commit_crime, copied
from tests.training.checkpoint.hostile.test_survival import LONG, SEED
from tests.training.checkpoint.older import test_format_1
from tests.training.checkpoint.ranks.dealt import deal
from tests.training.parallel.world import run_in

EACH = 60 if LONG else 1


def _dealt_out(folder: Path) -> None:
    deal()
    run(folder, None)


def dealt_out(folder: Path) -> None:
    """By two processes: the optimizer's state in two parts with their lists, random states of each."""
    run_in(2, _dealt_out, folder)


def of_format(number: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(Path(test_format_1.__file__).with_name(f"format_{number}.zip")) as stored:
            stored.extractall(folder)

    return write


KINDS = {
    "two processes": (
        dealt_out,
        ("optimizer-*.safetensors", "optimizer-*.json", "rng_state_*.json", "sc*.json", "manifest.json"),
    ),
    "format 2": (of_format(2), ("optimizer.pt", "scheduler.pt", "rng_state.json", "train*.json", "manifest.json")),
    "format 1": (of_format(1), ("optimizer.pt", "scheduler.pt", "trainer_state.json", "manifest.json")),
}
# That of the run that wrote them.
OLDER = {"rows": 22, "gradient_accumulation_steps": 2, "learning_rate": 0.05, "optim": "adamw_torch", "fp16": False}


@pytest.fixture(scope="module", params=KINDS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("kinds") / "out"
    # What is imported here is not in each child.
    run(folder.with_name("first"), None)
    KINDS[request.param][0](folder)
    return request.param, folder


def settings(kind: str) -> dict[str, object]:
    return {} if kind == "two processes" else OLDER


@pytest.mark.timeout(3600 if LONG else 300)
def test_malice_in_any_file_is_told(written: tuple[str, Path], tmp_path: Path) -> None:
    kind, folder = written
    whole = resume(copied(folder, tmp_path / "copy"), str(tmp_path / "copy" / "checkpoint-4"), **settings(kind))
    assert whole.kind == "done", whole.text
    failed, told = [], 0
    for pattern in KINDS[kind][1]:
        for number in range(EACH):
            chance = random.Random(f"{SEED} {kind} {pattern} {number}")
            copy = copied(folder, tmp_path / "copy")
            deed = commit_crime(copy / "checkpoint-4", chance, pattern)
            outcome = resume(copy, str(copy / "checkpoint-4"), **settings(kind))
            told += outcome.kind == "told"
            wrong = problem(outcome) or ("code was run" if (copy / "ran").exists() else None)
            if wrong:
                failed.append(f"{pattern} {number} {deed}: {wrong}")
    assert not failed, "\n".join(failed)
    assert told > EACH, "most of it matters"


@pytest.mark.timeout(3600 if LONG else 300)
def test_an_accident_in_any_file_is_told(written: tuple[str, Path], tmp_path: Path) -> None:
    kind, folder = written
    failed = []
    for number in range(4 * EACH if LONG else 2):
        chance = random.Random(f"{SEED} {kind} accident {number}")
        copy = copied(folder, tmp_path / "copy")
        deed = commit_accident(copy / "checkpoint-4", chance)
        outcome = resume(copy, str(copy / "checkpoint-4"), **settings(kind))
        # The random states of two processes are of no use to one, and nobody reads them.
        unread = kind == "two processes" and "rng_state_" in deed and not deed.startswith(("swap", "lose", "other"))
        wrong = problem(outcome) or ("it was taken" if outcome.kind == "done" and not unread else None)
        wrong = wrong or (
            None if unread or "checkpoint-4" in outcome.text else f"it names no file: {outcome.text[:200]}"
        )
        if wrong:
            failed.append(f"{number} {deed}: {wrong}")
    assert not failed, "\n".join(failed)
