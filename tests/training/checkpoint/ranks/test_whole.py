"""Promise: parts of an optimizer's state are put together to what one process would have, or are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from trainspec.storage.local import LocalStore
from trainspec.training.checkpoint import Checkpoint, CheckpointError, Snapshot, make_room, publish, write
from trainspec.training.checkpoint.contents import optimizer_files
from trainspec.training.checkpoint.ranks.files import optimizer_part
from trainspec.training.checkpoint.ranks.whole import Cut, UncutError, consolidated, cut_of, whole_optimizer
from trainspec.training.parallel.contact.arriving import Later

SHAPE = (5, 4)
WHOLE = torch.arange(20, dtype=torch.float64).reshape(SHAPE)
SHARDED = {"kind": "sharded", "strategy": "fsdp"}


def _state(tensors: dict[str, Tensor]) -> dict[str, Any]:
    groups = [{"params": ["weight"], "lr": 0.1, "betas": (0.9, 0.99)}]
    return {"state": {"weight": {"step": torch.tensor(3.0), **tensors}}, "param_groups": groups}


def _saved(folder: Path, parts: list[tuple[dict[str, Any], dict[str, Any]]]) -> Checkpoint:
    files: dict[str, Any] = {}
    for rank, (state, piece) in enumerate(parts):
        files |= optimizer_part(state, {"weight": piece}, rank, len(parts))
    return _published(folder, files, len(parts), SHARDED)


def _published(folder: Path, files: dict[str, Any], size: int, layout: dict[str, Any]) -> Checkpoint:
    store = LocalStore(folder)
    snapshot = Snapshot(7, files, {}, world_size=size, layout=layout)
    make_room(7, store)
    return publish(snapshot, write(snapshot, store), store)


def _rows(start: int, count: int, name: str = "exp_avg") -> tuple[dict[str, Any], dict[str, Any]]:
    piece = {"shape": [*SHAPE], "offset": [start, 0], "local_shape": [count, 4]}
    return _state({name: WHOLE[start : start + count].clone()}), piece


def _flat(start: int, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    piece = {"shape": [*SHAPE], "offset": [start], "local_shape": [count], "flat": True}
    return _state({"exp_avg": WHOLE.reshape(-1)[start : start + count].clone()}), piece


WAYS = {
    "rows": [_rows(0, 3), _rows(3, 2)],
    "one has none": [_rows(0, 0), _rows(0, 5)],
    "a row each": [_rows(number, 1) for number in range(5)],
    "copies": [_rows(0, 3), _rows(3, 2), _rows(0, 3), _rows(3, 2)],
    "flat": [_flat(0, 7), _flat(7, 0), _flat(7, 13)],
}


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_is_that_of_one_process(tmp_path: Path, way: str) -> None:
    one = _published(tmp_path / "one", dict(optimizer_files(_state({"exp_avg": WHOLE}))), 1, {"kind": "full"})
    many = _saved(tmp_path / "many", WAYS[way])
    wanted, found = dict(consolidated(one)), dict(consolidated(many))
    assert found.keys() == wanted.keys() == load_file(tmp_path / "one/checkpoint-7/optimizer.safetensors").keys()
    assert all(torch.equal(value, wanted[name]) for name, value in found.items())
    with whole_optimizer(many) as nest:
        assert nest["param_groups"] == _state({})["param_groups"]


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    with whole_optimizer(_saved(tmp_path, WAYS["rows"])) as nest:
        later = nest["state"]["weight"]["exp_avg"]
        assert isinstance(later, Later) and later.shape == SHAPE and later.dtype == torch.float64
        assert later.on_meta().is_meta and torch.equal(later.here(), WHOLE)
        assert nest["state"]["weight"]["step"] == 3


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([_rows(0, 3), _rows(4, 1)], "do not make up all of its 20 elements"),
        ([_rows(0, 3), _rows(2, 2)], "do not make up all of its 20 elements"),
        ([_rows(0, 3, "exp_avg_sq_row"), _rows(3, 2, "exp_avg_sq_row")], "stands for rows or columns"),
        ([(_state({"state1": torch.zeros(7)}), _rows(0, 3)[1]), _rows(3, 2, "state1")], "where a process holds"),
    ],
    ids=["a gap", "an overlap", "factors", "blocks"],
)
def test_what_makes_up_no_whole_is_refused(tmp_path: Path, parts: list[Any], told: str) -> None:
    with pytest.raises(UncutError, match=told), whole_optimizer(_saved(tmp_path, parts)):
        pass


@pytest.mark.parametrize(
    "piece",
    [
        {"shape": [5, 4], "offset": [3, 0], "local_shape": [3, 4]},
        {"shape": [5, 4], "offset": [0], "local_shape": [5, 4]},
        {"shape": [5, 4], "offset": [-1, 0], "local_shape": [1, 4]},
        {"shape": "5x4", "offset": [0, 0], "local_shape": [1, 4]},
        {"shape": [5, 4]},
        7,
    ],
    ids=json.dumps,
)
def test_a_description_that_is_none_is_told(tmp_path: Path, piece: Any) -> None:
    checkpoint = _saved(tmp_path, [(_rows(0, 5)[0], piece)])
    with pytest.raises(CheckpointError, match="the piece of weight is none"), whole_optimizer(checkpoint):
        pass


def test_a_part_that_was_changed_is_told(tmp_path: Path) -> None:
    checkpoint = _saved(tmp_path, WAYS["rows"])
    path = tmp_path / "checkpoint-7" / "optimizer-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CheckpointError, match="optimizer-00002-of-00002"), whole_optimizer(checkpoint):
        pass


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.lists(st.integers(0, 4), min_size=1, max_size=3))
def test_any_grid_of_parts_is_put_together(rows: list[int], columns: list[int]) -> None:
    whole = torch.arange(sum(rows) * sum(columns)).reshape(sum(rows), sum(columns))
    again = torch.full_like(whole, -1)
    top = 0
    for height in rows:
        left = 0
        for width in columns:
            described = {"shape": [*whole.shape], "offset": [top, left], "local_shape": [height, width]}
            cut = cut_of(described)
            assert cut == Cut(tuple(whole.shape), (top, left), (height, width))
            cut.of(again).copy_(cut.of(whole))
            left += width
        top += height
    assert torch.equal(again, whole)
