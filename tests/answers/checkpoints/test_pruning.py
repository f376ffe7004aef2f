"""Promise: what goes is what save_total_limit would delete and what was never finished; nothing else is touched."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.answers.checkpoints.made import save

from trainspec.answers.checkpoints.pruning import pruned, remove
from trainspec.storage import open_store
from trainspec.training.checkpoint import list_checkpoints
from trainspec.training.checkpoint.manifest import Branch

NUMBERS = count()


@given(st.sets(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 5), st.data())
def test_as_many_are_left_as_were_asked_for(steps: set[int], keep: int, data: st.DataObject) -> None:
    best = data.draw(st.none() | st.sampled_from(sorted(steps)))
    folder = open_store(f"memory://prune-{next(NUMBERS)}")
    for step in sorted(steps):
        save(folder, step, best=best)
    found = pruned(folder, keep)
    assert [one.step for one in list_checkpoints(folder)] == sorted(steps), "nothing is touched before"
    remove(folder, found)
    left = [one.step for one in list_checkpoints(folder)]
    assert (*left,) == found.kept and {*found.kept} | {*found.removed} == steps
    assert max(steps) in left and (best is None or best in left)
    assert len(left) == min(len(steps), max(keep, len({max(steps), max(steps) if best is None else best})))


def test_the_unfinished_go_and_the_damaged_stay(tmp_path: Path) -> None:
    folder = open_store(tmp_path)
    for step in (1, 2, 3, 4, 5):
        save(folder, step)
    (tmp_path / "checkpoint-1" / "manifest.json").rename(tmp_path / "checkpoint-1" / "trainspec_state.json")
    weights = tmp_path / "checkpoint-2" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    (tmp_path / "checkpoint-5" / "manifest.json").unlink()
    found = pruned(folder, 1)
    assert (found.kept, found.removed, found.unfinished, found.damaged) == ((4,), (3,), (1,), (2, 5))
    remove(folder, found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-4", "checkpoint-5"]


def test_a_save_under_way_behind_a_run_that_went_back_stays(tmp_path: Path) -> None:
    """What it left behind is further, and goes first."""
    folder, back = open_store(tmp_path), Branch().begun_at(2, 1)
    for step in (1, 2, 8, 9):
        save(folder, step)
    for step in (3, 4):
        save(folder, step, branch=back)
    (tmp_path / "checkpoint-4" / "manifest.json").rename(tmp_path / "checkpoint-4" / "trainspec_state.json")
    found = pruned(folder, 2)
    assert (found.kept, found.removed, found.unfinished, found.damaged) == ((2, 3), (8, 9, 1), (), (4,))
    remove(folder, found)
    assert [one.step for one in list_checkpoints(folder)] == [2, 3]


def test_where_nothing_is_whole_nothing_goes(tmp_path: Path) -> None:
    for step in (1, 2):
        save(open_store(tmp_path), step)
        (tmp_path / f"checkpoint-{step}" / "manifest.json").unlink()
    found = pruned(open_store(tmp_path), 1)
    assert (found.kept, found.removed, found.unfinished, found.size) == ((), (), (), 0)


def test_a_copy_under_the_name_of_a_later_step_is_not_the_newest(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save(open_store(tmp_path), step)
    shutil.copytree(tmp_path / "checkpoint-10", tmp_path / "checkpoint-99999")
    found = pruned(open_store(tmp_path), 1)
    assert found.kept == (30,) and found.removed == (10, 20) and found.damaged == (99999,)
