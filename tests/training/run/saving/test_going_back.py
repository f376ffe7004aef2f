"""Where a run goes back to is told to whoever goes on after it, and to nobody else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.run.test_resume import Plug, PulledPlug
from tests.training.small_job import Make

from trainspec.storage import PermissionRefused, StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import list_checkpoints, newest_valid
from trainspec.training.checkpoint.manifest import Branch
from trainspec.training.foreign.facts import all_in
from trainspec.training.preflight.preflight import PreflightError

RUN: dict[str, Any] = {"max_steps": 6, "save_strategy": "steps", "save_steps": 1}
MARK = ".went-back.json"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def _order(out: Path) -> list[int]:
    return [found.step for found in list_checkpoints(open_store(out))]


def _killed_on_its_way_back(make_trainer: Make, patch: pytest.MonkeyPatch, named: str, **settings: Any) -> None:
    """To checkpoint-2 of six, and killed before its first save."""
    back: dict[str, Any] = {**RUN, "save_steps": 3, "resume_from_checkpoint": named, **settings}
    with patch.context() as patched, pytest.raises(PulledPlug):
        patched.setattr("trainspec.training.run.session.rescue", lambda *_, **__: None)
        make_trainer(callbacks=[Plug(3)], **back).train()


def test_who_then_goes_on_from_the_newest_is_not_sent_back(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trainer(**RUN).train()
    _killed_on_its_way_back(make_trainer, monkeypatch, str(out / "checkpoint-2"))
    make_trainer(resume_from_checkpoint=str(out / "checkpoint-6"), **{**RUN, "max_steps": 8}).train()
    assert _order(out) == [1, 2, 3, 4, 5, 6, 7, 8] and not (out / MARK).exists()


def test_the_mark_goes_before_the_first_update_of_who_does_not_go_back(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_trainer(**RUN).train()
    _killed_on_its_way_back(make_trainer, monkeypatch, str(out / "checkpoint-2"))
    with monkeypatch.context() as patched, pytest.raises(PulledPlug):
        patched.setattr("trainspec.training.run.session.rescue", lambda *_, **__: None)
        forward = {**RUN, "max_steps": 9, "save_steps": 9, "resume_from_checkpoint": str(out / "checkpoint-6")}
        make_trainer(callbacks=[Plug(7)], **forward).train()
    assert _order(out)[-1] == 6


@pytest.mark.parametrize("anew", [False, True], ids=["the rest was removed", "a fresh run"])
def test_what_a_run_saves_after_a_mark_that_nothing_is_left_of_is_newest(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch, anew: bool
) -> None:
    make_trainer(**RUN).train()
    _killed_on_its_way_back(make_trainer, monkeypatch, str(out / "checkpoint-2"))
    store = open_store(out)
    for step in (3, 4, 5, 6):
        store.delete_tree(f"checkpoint-{step}")
    how = {"overwrite_output_dir": True} if anew else {"resume_from_checkpoint": "auto"}
    make_trainer(**{**RUN, "max_steps": 4}, **how).train()
    assert _order(out) == [1, 2, 3, 4] and not (out / MARK).exists()


def test_what_was_left_behind_stays_until_the_first_save(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the run is ended before that."""
    make_trainer(**RUN).train()
    for named in (str(out / "checkpoint-2"), "auto", "latest"):
        _killed_on_its_way_back(make_trainer, monkeypatch, named, save_total_limit=1)
        assert _order(out) == [6, 2]


@pytest.mark.parametrize("way", ["link", "dots", "relative"])
def test_a_checkpoint_is_in_output_dir_however_its_path_is_written(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    make_trainer(**RUN).train()
    (out.parent / "link").symlink_to(out)
    ways = {"link": out.parent / "link", "dots": out / ".." / "out", "relative": os.path.relpath(out)}
    _killed_on_its_way_back(make_trainer, monkeypatch, f"{ways[way]}/checkpoint-2")
    assert _order(out)[-1] == 2


def test_a_mark_that_may_not_be_deleted_keeps_nothing_else_from_going(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_trainer(**RUN).train()
    real = LocalStore.delete

    def refused(store: LocalStore, name: str) -> None:
        if name == MARK:
            raise PermissionRefused(store.url, "delete", "permission refused")
        real(store, name)

    monkeypatch.setattr(LocalStore, "delete", refused)
    back = {"resume_from_checkpoint": str(out / "checkpoint-2"), "save_total_limit": 2}
    make_trainer(**{**RUN, "max_steps": 5}, **back).train()
    assert _order(out) == [4, 5]
    assert "latest may take another checkpoint" in caplog.text


@pytest.mark.parametrize("limit", [None, 2])
def test_a_listing_that_fails_once_costs_no_checkpoint(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    """It is not as if another run's were there, all of which were to go."""
    seen = []

    def fails(store: Any) -> None:
        seen.append(store)
        if len(seen) == 3:
            raise StorageError(store.url, "list", "there is no answer")

    monkeypatch.setattr("trainspec.training.run.saving.publisher.remove_hidden", fails)
    make_trainer(**RUN, save_total_limit=limit).train()
    assert len(seen) == 6
    assert _order(out) == ([1, 2, 3, 4, 5, 6] if limit is None else [5, 6])


def _may_not_read(patch: pytest.MonkeyPatch, *names: str) -> None:
    for method in ("read_range", "exists", "local_copy"):
        real = getattr(LocalStore, method)

        def refused(store: LocalStore, name: str = "", *more: Any, real: Any = real) -> Any:
            if store.folder.name in names:
                raise PermissionRefused(store.url, "read", "permission refused")
            return real(store, name, *more)

        patch.setattr(LocalStore, method, refused)


@pytest.mark.parametrize("wanted", ["auto", "latest", "checkpoint-4"])
def test_one_that_may_not_be_read_hides_no_good_one_and_keeps_none(
    make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    make_trainer(**RUN).train()
    _may_not_read(monkeypatch, "checkpoint-2", "checkpoint-6")
    named = str(out / wanted) if wanted.startswith("checkpoint") else wanted
    onward: dict[str, Any] = {**RUN, "max_steps": 8, "save_steps": 7, "save_total_limit": 1}
    trainer: Any = make_trainer(resume_from_checkpoint=named, **onward)
    trainer.train()
    assert len(trainer.model.seen) == (4 if named != wanted else 3)
    assert sorted(path.name for path in out.glob("checkpoint-*")) == ["checkpoint-2", "checkpoint-6", "checkpoint-8"]
    found = {Path(one.path).name: one.problem for one in all_in(open_store(out), verify=True)}
    assert [name for name, problem in found.items() if problem is None] == ["checkpoint-8"]
    assert "permission refused" in str(found["checkpoint-2"])


def test_who_may_read_none_does_not_begin_anew(make_trainer: Make, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_trainer(**{**RUN, "max_steps": 2}).train()
    _may_not_read(monkeypatch, "checkpoint-1", "checkpoint-2")
    with pytest.raises(PermissionRefused):
        newest_valid(open_store(out))
    with pytest.raises(PreflightError, match="permission refused"):
        make_trainer(resume_from_checkpoint="auto", **RUN).train()


def test_where_a_branch_is_damaged_what_it_came_from_is_next(make_trainer: Make, out: Path) -> None:
    """Not what it left behind, which is further."""
    make_trainer(**RUN).train()
    for start, end in ((3, 4), (2, 3)):
        back = {**RUN, "max_steps": end, "resume_from_checkpoint": str(out / f"checkpoint-{start}")}
        make_trainer(**back).train()
    # 4 is of the first time, and 5 and 6 of the run before that.
    assert _order(out) == [5, 6, 4, 1, 2, 3]
    weights = out / "checkpoint-3" / "model.safetensors"
    weights.write_bytes(bytes(len(weights.read_bytes())))
    newest = newest_valid(open_store(out))
    assert newest is not None and newest.step == 2
    onward = make_trainer(**RUN, resume_from_checkpoint="auto")
    onward.train()
    assert len(onward.model.seen) == 4, "updates 3 to 6"
    assert [found.place for found in list_checkpoints(open_store(out))] == [
        (0, 1),
        (0, 2),
        (3, 3),
        (3, 4),
        (3, 5),
        (3, 6),
    ]


def test_what_was_left_behind_is_the_first_that_is_too_much(make_trainer: Make, out: Path) -> None:
    make_trainer(**RUN).train()
    back = {"resume_from_checkpoint": str(out / "checkpoint-2"), "save_total_limit": 2}
    make_trainer(**{**RUN, "max_steps": 3, **back}).train()
    assert _order(out) == [2, 3]


ODD: dict[str, Any] = {
    "a text": {"branch": 2, "came_from": "[[0, 3]]"},
    "texts": {"branch": 2, "came_from": [["0", "3"]]},
    "flags": {"branch": 2, "came_from": [[False, True]]},
    "three numbers": {"branch": 2, "came_from": [[0, 1, 3]]},
    "no list": {"branch": 2, "came_from": [{"0": 3}]},
}


@pytest.mark.parametrize("said", ODD.values(), ids=ODD)
def test_a_branch_that_comes_from_odd_places_comes_from_nowhere(said: dict[str, Any]) -> None:
    assert Branch.of(said) == Branch(2)


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None, 2**60])
def test_an_odd_branch_is_the_first(number: Any) -> None:
    assert Branch.of({"branch": number, "came_from": [[0, 3]]}) == Branch()


@given(st.lists(st.integers(0, 50), max_size=6))
def test_a_branch_goes_through_what_it_came_from(turns: list[int]) -> None:
    branch = Branch()
    for number, step in enumerate(turns, start=1):
        branch = branch.begun_at(step, number)
    assert Branch.of(json.loads(json.dumps(branch.described()))) == branch
    for number, turn in enumerate(turns):
        assert branch.goes_through(number, turn) and not branch.goes_through(number, turn + 1)
    assert branch.goes_through(len(turns), 1000)
