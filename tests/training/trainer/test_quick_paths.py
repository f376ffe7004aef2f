"""Promise: the quick ways do, to the bit, what torch's own do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from trainspec.training.data.order import walked
from trainspec.training.loss.evaluation_loss import EvaluationLoss
from trainspec.training.optimizers.behaviour import clear_gradients


class Counting(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(10))


class ByMany(list[int]):
    def __getitems__(self, numbers: list[int]) -> list[int]:
        return [self[number] * 100 for number in numbers]


LOADERS: dict[str, Callable[[], DataLoader[Any]]] = {
    "in order": lambda: DataLoader(list(range(23)), batch_size=4),
    "shuffled": lambda: DataLoader(list(range(23)), batch_size=4, shuffle=True),
    "own generator": lambda: DataLoader(
        list(range(23)), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(3)
    ),
    "last one dropped": lambda: DataLoader(list(range(23)), batch_size=4, drop_last=True),
    "rows by many": lambda: DataLoader(ByMany(range(23)), batch_size=4),
    "no batches": lambda: DataLoader(list(range(5)), batch_size=None),
    "iterable": lambda: DataLoader(Counting(), batch_size=4),
    "own collator": lambda: DataLoader(list(range(23)), batch_size=4, collate_fn=lambda rows: torch.tensor(rows) * 2),
    "workers": lambda: DataLoader(list(range(23)), batch_size=4, num_workers=1),
}


def _seen(walk: Callable[[Any], Iterator[Any]], loader: DataLoader[Any]) -> tuple[list[Any], float, float]:
    torch.manual_seed(5)
    batches = [torch.as_tensor(batch).tolist() for batch in walk(loader)]
    after = 0.0 if loader.generator is None else torch.rand(1, generator=loader.generator).item()
    return batches, torch.rand(1).item(), after


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS)
def test_a_walk_gives_the_same_batches_and_draws_the_same(make: Callable[[], DataLoader[Any]]) -> None:
    assert _seen(walked, make()) == _seen(iter, make())


def test_what_is_no_loader_of_torch_is_asked_itself() -> None:
    class Twice(DataLoader[int]):
        def __iter__(self) -> Any:
            return (batch * 2 for batch in super().__iter__())

    assert torch.cat(list(walked(Twice(list(range(4)), batch_size=2)))).tolist() == [0, 2, 4, 6]
    assert list(walked([1, 2])) == [1, 2]


def test_gradients_are_cleared_as_the_optimizer_would() -> None:
    layer = nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    clear_gradients(torch.optim.SGD([layer.weight], lr=0.1))
    assert layer.weight.grad is None
    assert layer.bias.grad is not None


def test_an_optimizer_with_its_own_way_of_clearing_is_asked() -> None:
    calls: list[bool] = []

    class Own(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None:
            calls.append(set_to_none)

    clear_gradients(Own([nn.Parameter(torch.ones(1))], lr=0.1))
    assert calls == [True]


@pytest.mark.parametrize("batches", [1, 63, 64, 65, 200])
def test_evaluation_loss_is_the_mean_over_rows(batches: int) -> None:
    values = torch.rand(batches, dtype=torch.float64)
    sizes = torch.randint(1, 9, (batches,))
    found, forgetful = EvaluationLoss(keeps_all=True), EvaluationLoss()
    for value, size in zip(values, sizes.tolist(), strict=True):
        found.add(value.requires_grad_(), torch.ones(size))
        forgetful.add(value, torch.ones(size))
    expected = float((values * sizes).sum() / sizes.sum())
    assert found.mean() == pytest.approx(expected, rel=1e-14)
    assert forgetful.mean() == found.mean()
    assert found.each_row().tolist() == values.float().repeat_interleave(sizes).tolist()
    assert forgetful.each_row() is None


def test_evaluation_loss_without_losses() -> None:
    assert EvaluationLoss(keeps_all=True).mean() is None
    assert EvaluationLoss(keeps_all=True).each_row() is None


def test_evaluation_loss_holds_a_fixed_number_of_tensors() -> None:
    found = EvaluationLoss()
    for _ in range(1000):
        found.add(torch.ones(()), torch.ones(8))
    held = [value for value in vars(found).values() if isinstance(value, Tensor)]
    held += [value for values in vars(found).values() if isinstance(values, list) for value in values]
    assert len(held) < 200
