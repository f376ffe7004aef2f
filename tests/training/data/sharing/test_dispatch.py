"""Rank 0 reads for all: streams that nobody can cut, and whatever dispatch_batches asks it to read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
from tests.training.parallel.world import run_in
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from trainspec.settings.arguments.launch import Launch
from trainspec.training.data import DataPosition, EpochSampler, Sharing, batches_at
from trainspec.training.data.sharing.steps import stepped
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.processes import NestError, Processes


class Stream(IterableDataset[Tensor]):
    """Each process has other numbers: what is read elsewhere than in rank 0 would show."""

    def __init__(self, rank: int, count: int = 23, fails_at: int | None = None) -> None:
        self.rank, self.count, self.fails_at, self.read = rank, count, fails_at, 0

    def __iter__(self) -> Iterator[Tensor]:
        for number in range(self.count):
            if number == self.fails_at:
                raise OSError("the disk is gone")
            self.read += 1
            yield torch.tensor(number + 1000 * self.rank)


def _walked(loader: Any, sharing: Sharing, rows: int = 0) -> dict[str, Any]:
    walk = batches_at(loader, DataPosition(0, rows, 3), sharing)
    batches: list[Any] = []
    try:
        batches += walk.batches
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "notes": getattr(error, "__notes__", [])}
    real = [not walk.is_filler(place) for place in range(len(batches))]
    row = walk.advance(batches)
    return {"batches": [batch.tolist() for batch in batches], "real": real, "row": row, "dropped": walk.left_out()}


def _all_of_it() -> dict[str, Any]:
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=30)) as processes:
        return _scenarios(processes)


def _scenarios(processes: Processes) -> dict[str, Any]:
    rank, size = processes.rank, processes.world_size
    sharing = Sharing(rank, size, processes)
    stream = Stream(rank)
    found: dict[str, Any] = {"stream": _walked(DataLoader(stream, batch_size=4), sharing), "read": stream.read}
    found["later"] = _walked(DataLoader(Stream(rank), batch_size=4), sharing, rows=10)
    found["short"] = _walked(DataLoader(Stream(rank, 3), batch_size=4), sharing)
    found["whole"] = _walked(DataLoader(Stream(rank, 24), batch_size=4), sharing)
    drops = Sharing(rank, size, processes, drops=True)
    found["dropped"] = _walked(DataLoader(Stream(rank), batch_size=3), drops)
    by_all = Sharing(rank, size, processes, dispatches=False)
    found["by all"] = _walked(DataLoader(Stream(rank), batch_size=4), by_all)
    numbers = torch.arange(10) + 1000 * rank
    ours = DataLoader(numbers, batch_size=2, sampler=EpochSampler(10, 3))  # type: ignore[arg-type]
    found["ours"] = _walked(ours, Sharing(rank, size, processes, dispatches=True))
    found["broken"] = _walked(DataLoader(Stream(rank, fails_at=13), batch_size=4), sharing)
    objects = DataLoader(Stream(rank), batch_size=4, collate_fn=lambda rows: {"set": set(map(int, rows))})
    found["objects"] = _walked(objects, sharing)
    found["evaluated"] = [(batch.tolist(), real) for batch, real in stepped(DataLoader(Stream(rank), 4), sharing)]
    return found


def test_three_processes_get_what_one_of_them_reads() -> None:
    zero, one, two = everywhere = run_in(3, _all_of_it)
    numbers = list(range(23))
    assert [found["stream"]["batches"] for found in everywhere] == [
        [numbers[:4], numbers[12:16]],
        [numbers[4:8], numbers[16:20]],
        [numbers[8:12], numbers[20:23]],
    ]
    assert [found["stream"]["row"] for found in everywhere] == [23] * 3, "all know the place"
    assert [found["read"] for found in everywhere] == [23, 0, 0]
    assert [found["later"]["batches"][0] for found in everywhere] == [[10, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
    assert [found["short"] for found in everywhere] == [
        {"batches": [[0, 1, 2]], "real": [found is zero], "row": 3, "dropped": 0} for found in everywhere
    ]
    assert [found["whole"]["row"] for found in everywhere] == [24] * 3
    assert [sum(map(len, found["dropped"]["batches"])) for found in everywhere] == [6, 6, 6]
    assert sum(found["dropped"]["dropped"] for found in everywhere) == 5
    assert one["by all"]["batches"][0] == [1004, 1005, 1006, 1007], "each reads for itself"
    order = list(EpochSampler(10, 3))
    assert [found["ours"]["batches"] for found in everywhere] == [
        [order[:2], order[6:8]],
        [order[2:4], order[8:]],
        [order[4:6]],
    ]
    assert [found["ours"]["row"] for found in everywhere] == [10, 10, 6], "what is saved is what rank 0 knows"
    assert zero["broken"]["error"] == "OSError: the disk is gone"
    assert two["broken"]["error"].startswith(f"{NestError.__name__}: rank 0 could not read the training data: the disk")
    assert all("a set is no tensor" in found["objects"]["error"] for found in everywhere)
    assert all("dispatch_batches: false" in found["objects"]["notes"][0] for found in everywhere)
    assert [found["evaluated"] for found in everywhere] == [
        [(numbers[:4], True), (numbers[12:16], True)],
        [(numbers[4:8], True), (numbers[16:20], True)],
        [(numbers[8:12], True), (numbers[20:23], True)],
    ]
