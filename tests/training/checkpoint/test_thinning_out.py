"""Promise: what save_total_limit has no room for goes, manifest first; nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainspec.training.checkpoint import (
    apply_retention,
    list_checkpoints,
    newest_valid,
    remove_all_except,
    remove_checkpoint,
    save_checkpoint,
)
from trainspec.training.state import OWN_STATE_NAME

if TYPE_CHECKING:
    from trainspec.storage import Store

FILES = {"a.bin": b"1", "deep/b.bin": b"2", OWN_STATE_NAME: b"{}"}


def _save(store: Store, *steps: int) -> None:
    for step in steps:
        save_checkpoint(store, step, FILES)


def _steps(store: Store) -> list[int]:
    return [checkpoint.step for checkpoint in list_checkpoints(store)]


@pytest.mark.parametrize(
    ("limit", "best", "left"),
    [(None, None, [1, 2, 10]), (2, None, [2, 10]), (2, 1, [1, 10]), (1, None, [10]), (1, 2, [2, 10])],
)
def test_limits(store: Store, limit: int | None, best: int | None, left: list[int]) -> None:
    _save(store, 1, 2, 10)
    gone = apply_retention(store, limit, best_step=best)
    assert _steps(store) == left
    assert sorted([*gone, *left]) == [1, 2, 10]
    assert len(store.folders()) == len(left)


def test_invalid_ones_take_no_room(store: Store) -> None:
    _save(store, 1, 2, 3)
    store.delete("checkpoint-3/manifest.json")
    assert apply_retention(store, 2) == ()
    assert _steps(store) == [1, 2]
    assert store.exists("checkpoint-3"), "a save that is under way, or the last hope of a crashed run"


def test_what_cut_off_saves_left_goes_once_a_newer_one_is_valid(store: Store) -> None:
    _save(store, 1, 2, 3, 4)
    store.delete("checkpoint-2/manifest.json")
    store.write_bytes("checkpoint-3/a.bin", b"changed size")
    assert apply_retention(store, 5) == ()
    assert store.folders() == ["checkpoint-1", "checkpoint-3", "checkpoint-4"]


def test_nothing_valid_nothing_deleted(store: Store) -> None:
    store.write_bytes("checkpoint-1/a.bin", b"1")
    assert apply_retention(store, 1) == ()
    assert store.exists("checkpoint-1")


def test_a_removal_that_is_cut_off_leaves_no_checkpoint(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _save(store, 1)

    def crash(self: Store, prefix: str = "") -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(store), "delete_tree", crash)
        remove_checkpoint(store, 1)
    assert newest_valid(store) is None
    assert store.exists("checkpoint-1/a.bin")
    # Whatever of it is left, it is known for what it is.
    store.delete(f"checkpoint-1/{OWN_STATE_NAME}")
    _save(store, 2)
    assert apply_retention(store, 5) == ()
    assert store.folders() == ["checkpoint-2"]


def test_a_fresh_run_replaces_an_old_one(store: Store) -> None:
    _save(store, 5, 500, 1000)
    store.write_bytes("runs/events", b"1")
    _save(store, 5)
    assert remove_all_except(store, 5) == (500, 1000)
    assert store.folders() == ["checkpoint-5", "runs"]
    assert _steps(store) == [5]
