"""Nests of tensors go from process to process as they are, whatever their shapes; objects only where they may."""

from datetime import timedelta
from typing import Any

import numpy
import torch
from tests.training.parallel.world import run_in

from trainspec.settings.arguments.launch import Launch
from trainspec.training.parallel import Alone
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.processes import NestError


def _told() -> dict[str, Any]:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=20)) as all_of_them:
        rank = all_of_them.rank
        own = [{"a": torch.arange(rank + 1), "b": (torch.tensor(rank, dtype=torch.float64), None)}]
        found: dict[str, Any] = {"nests": all_of_them.nests([] if rank == 1 else own)}
        mixed = [f"x{rank}", torch.ones(rank, 2, dtype=torch.bool), numpy.arange(rank)]
        found["objects"] = all_of_them.nests(mixed, objects=True)
        found["refused"] = _problem(lambda: all_of_them.nests(["x"] if rank == 2 else []))
        dealt = [{"i": torch.full((2, k + 1), k), "t": ["a", 1.5, k]} for k in range(3)]
        found["dealt"] = all_of_them.deal(dealt if rank == 0 else None, {"n": 3})
        found["not dealt"] = _problem(lambda: all_of_them.deal([object()] * 3 if rank == 0 else None))
        found["end"] = all_of_them.deal([] if rank == 0 else None, "end")
        return found


def _problem(call: Any) -> str:
    try:
        call()
    except NestError as error:
        return str(error)
    return "nothing"


def test_what_three_processes_tell_each_other() -> None:
    for rank, found in enumerate(run_in(3, _told)):
        first, nothing, last = found["nests"]
        assert nothing == []
        assert first[0]["a"].tolist() == [0] and last[0]["a"].tolist() == [0, 1, 2]
        assert last[0]["b"][0].dtype == torch.float64 and last[0]["b"][0].item() == 2 and last[0]["b"][1] is None
        assert [text for text, _, _ in found["objects"]] == ["x0", "x1", "x2"]
        assert [tuple(tensor.shape) for _, tensor, _ in found["objects"]] == [(0, 2), (1, 2), (2, 2)]
        assert [array.tolist() for _, _, array in found["objects"]] == [[], [0], [0, 1]]
        assert found["refused"] == "rank 2: a str is no tensor and cannot be gathered"
        nest, note = found["dealt"]
        assert nest["i"].tolist() == [[rank] * (rank + 1)] * 2 and nest["t"] == ["a", 1.5, rank] and note == {"n": 3}
        assert found["not dealt"] == "rank 0: a object is no tensor and cannot be gathered"
        assert found["end"] == (None, "end")


def test_alone_a_process_has_what_it_gives() -> None:
    alone = Alone()
    assert alone.nests("anything") == ["anything"]
    assert alone.deal([3], "note") == (3, "note") and alone.deal([], "end") == (None, "end")
