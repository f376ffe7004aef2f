"""Promise: whatever a checkpoint is made into, resuming ends in one diagnostic at most, and hides no good one.

The short form is always run. TEST_SURVIVAL=1 runs the long one.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.training.checkpoint.hostile.children import problem, resume, run
from tests.training.checkpoint.hostile.deeds import commit_accident, commit_crime, copied

LONG = bool(os.environ.get("TEST_SURVIVAL"))
ACCIDENTS, CRIMES = (500, 300) if LONG else (50, 40)
SEED = int(os.environ.get("TEST_SURVIVAL_SEED", "12"))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's output folder with checkpoint-2 and checkpoint-4, a loss scaler's state among the files."""
    folder = tmp_path_factory.mktemp("survival") / "out"
    run(folder, None)
    assert (folder / "checkpoint-4" / "scaler.json").exists()
    return folder


@pytest.mark.timeout(3600 if LONG else 300)
def test_an_accident_is_told_and_the_good_one_goes_on(output: Path, tmp_path: Path) -> None:
    failed = []
    for number in range(ACCIDENTS):
        chance = random.Random(f"{SEED} {number}")
        folder = copied(output, tmp_path / "copy")
        deed = commit_accident(folder / "checkpoint-4", chance)
        named, latest = resume(folder, str(folder / "checkpoint-4")), resume(folder, "latest")
        wrong = problem(named) or ("it was taken" if named.kind == "done" else None)
        wrong = wrong or problem(latest) or (None if latest.kind == "done" else f"latest: {latest.text[:300]}")
        if wrong:
            failed.append(f"{number} {deed}: {wrong}")
    assert not failed, "\n".join(failed)


@pytest.mark.timeout(3600 if LONG else 300)
def test_malice_is_told(output: Path, tmp_path: Path) -> None:
    failed, told = [], 0
    for number in range(CRIMES):
        chance = random.Random(f"{SEED} malice {number}")
        folder = copied(output, tmp_path / "copy")
        deed = commit_crime(folder / "checkpoint-4", chance)
        outcome = resume(folder, str(folder / "checkpoint-4"))
        told += outcome.kind == "told"
        wrong = problem(outcome)
        if wrong:
            failed.append(f"{number} {deed}: {wrong}")
    assert not failed, "\n".join(failed)
    assert told > CRIMES // 4, "most of it matters"
