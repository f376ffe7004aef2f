"""What holds of processes however many there are: each function is called by all of them, and asserts."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

from trainspec.training.parallel import (
    AfterEpoch,
    AfterUpdate,
    Agreement,
    BeforeUpdate,
    Onward,
    Processes,
    ProcessesError,
)
from trainspec.training.parallel.agreement import DisagreementError

Check = Callable[[Processes], None]


class Pair(NamedTuple):
    logits: torch.Tensor
    state: torch.Tensor


def places(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    assert 0 <= rank < size and processes.is_main is (rank == 0) and processes.is_local_main is (rank == 0)
    assert processes.each([rank, processes.local_rank, processes.node]) == [[r, r, 0] for r in range(size)]
    processes.barrier()


def broadcast(processes: Processes) -> None:
    told = {"names": ["a", "ä"], "value": math.inf, "nothing": None}
    assert processes.broadcast(told if processes.is_main else {}) == told
    assert processes.broadcast("" if processes.is_main else "x" * 100_000) == ""
    for tensor in (torch.arange(6.0).reshape(2, 3), torch.tensor(True), torch.ones(3, dtype=torch.bfloat16)):
        got = processes.broadcast(tensor if processes.is_main else None)
        assert got is not None and torch.equal(got, tensor) and got.dtype == tensor.dtype
    empty = processes.broadcast(torch.empty(0, 4) if processes.is_main else None)
    assert empty is not None and empty.shape == (0, 4)


def any_of_them(processes: Processes) -> None:
    last = processes.rank == processes.world_size - 1
    assert processes.any(last) is True and processes.any(False) is False and processes.any(True) is True


def sums(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    whole = processes.sum(2**60 + rank)
    assert whole == size * 2**60 + sum(range(size)) and type(whole) is int
    # One process may not know yet that it is counting fractions.
    assert processes.sum(0.1 if rank else 0) == pytest.approx(0.1 * (size - 1))
    assert len({repr(value) for value in processes.each(processes.sum(0.1 * (rank + 1)))}) == 1
    own = torch.tensor([1.0, float(rank)], requires_grad=True)
    assert processes.sum(own).tolist() == [size, sum(range(size))] and own.tolist() == [1.0, rank]
    assert processes.max(torch.tensor([rank, -rank])).tolist() == [size - 1, 0]


def gather_takes_padding_away(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    rows = 4 if rank < size - 1 else 1
    numbers = torch.arange(4) + 10 * rank
    got = processes.gather({"n": numbers, "pair": (numbers * 2.0, [numbers > 2])}, rows)
    expected = [10 * r + n for r in range(size) for n in range(4 if r < size - 1 else 1)]
    assert got["n"].tolist() == expected and got["n"].dtype == torch.int64
    assert got["pair"][0].tolist() == [2.0 * n for n in expected]
    assert got["pair"][1][0].tolist() == [n > 2 for n in expected] and got["pair"][1][0].dtype == torch.bool


def gather_fills_up_short_rows(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    got = processes.gather(torch.full((2, rank + 1, 2), float(rank)), 2)
    assert got.shape == (2 * size, size, 2)
    for row, r in enumerate(r for r in range(size) for _ in range(2)):
        assert got[row, :, 0].tolist() == [float(r)] * (r + 1) + [-100.0] * (size - r - 1)


def gather_keeps_the_kind(processes: Processes) -> None:
    size = processes.world_size
    got = processes.gather(Pair(torch.ones(2, 3, dtype=torch.bfloat16), torch.zeros(2, 0)), 2)
    assert isinstance(got, Pair) and got.logits.shape == (2 * size, 3) and got.logits.dtype == torch.bfloat16
    assert got.state.shape == (2 * size, 0)
    assert processes.gather(None, 0) is None and processes.gather({"a": None}, 3) == {"a": None}
    assert processes.gather(torch.tensor(5.0), 3).reshape(-1).tolist() == [5.0] * size


def agreement(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    agreed = Agreement(processes)
    for step in range(3):
        before = BeforeUpdate(out_of_memory=rank == step)
        assert agreed.agree(before, step) is before and before == BeforeUpdate(out_of_memory=step < size)
        after = AfterUpdate(log=rank == 0, save=rank == size - 1, non_finite=step == 2)
        assert agreed.agree(after, step) == AfterUpdate(log=True, save=True, non_finite=step == 2)
    assert agreed.agree(AfterEpoch(stop=rank == size - 1), 0) == AfterEpoch(stop=True)
    assert agreed.agree(Onward(stop_epoch=rank == 0), 0) == Onward(stop_epoch=True)
    with pytest.raises(DisagreementError, match=r"AfterUpdate 2: .*after it 2"):
        agreed.agree(AfterUpdate(), 2)
    # The order of keys is nobody's decision.
    value = {"b": 1, "a": math.inf} if rank else {"a": math.inf, "b": 1}
    assert agreed.same(value) is value


# Only where there are others


def gather_takes_nothing_from_who_has_nothing(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    last = rank == size - 1
    form = None if last else {"a": (torch.full((1, rank + 1), rank), None), "b": torch.tensor(rank)}
    got = processes.gather(form, 0 if last else 1)
    assert got["a"][0].shape == (size - 1, size - 1) and got["a"][1] is None
    assert got["b"].tolist() == list(range(size - 1))
    # What is all padding does not make the others longer.
    assert processes.gather(torch.ones(2, 9 if last else 3), 0 if last else 2).shape == (2 * (size - 1), 3)
    assert processes.gather(torch.ones(2, 3), 0).shape == (0, 3)


def what_cannot_be_said_is_an_error_for_all(processes: Processes) -> None:
    rank = processes.rank
    with pytest.raises(ProcessesError, match=r"rank 0 gathers .*int64.*, but rank 1 .*float32"):
        processes.gather(torch.ones(2) if rank == 1 else torch.ones(2, dtype=torch.int64), 2)
    with pytest.raises(ProcessesError, match="rank 1: a str is no tensor"):
        processes.gather({"text": "words" if rank == 1 else torch.ones(1)}, 1)
    for ask in (processes.each, processes.broadcast):
        with pytest.raises(ProcessesError, match="rank 0: Object of type set is not JSON"):
            ask({1} if rank == 0 else None)
    processes.barrier()


def disagreement_names_the_ranks(processes: Processes) -> None:
    rank, size = processes.rank, processes.world_size
    agreed = Agreement(processes)
    with pytest.raises(DisagreementError, match=r'metric names differs: rank 0 has \["a"\], rank 1 \["b"\]$'):
        agreed.same(["b" if rank == 1 else "a"], "metric names")
    with pytest.raises(DisagreementError, match=r'has \["AfterUpdate", 7\], rank 1 \["AfterUpdate", 8\]$'):
        agreed.agree(AfterUpdate(), 8 if rank == 1 else 7)
    with pytest.raises(DisagreementError, match=f'rank {size - 1} \\["AfterEpoch", 9\\]$'):
        agreed.agree(AfterEpoch() if rank == size - 1 else BeforeUpdate(), 9)


EVERYWHERE: tuple[Check, ...] = (
    places,
    broadcast,
    any_of_them,
    sums,
    gather_takes_padding_away,
    gather_fills_up_short_rows,
    gather_keeps_the_kind,
    agreement,
)
WITH_OTHERS: tuple[Check, ...] = (
    gather_takes_nothing_from_who_has_nothing,
    what_cannot_be_said_is_an_error_for_all,
    disagreement_names_the_ranks,
)
