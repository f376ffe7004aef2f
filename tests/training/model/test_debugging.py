"""The first inf or nan stops a run and says where it was; nothing else changes."""

import logging
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainspec.training.errors import TrainingError
from trainspec.training.model.debugging import (
    BatchLimitReachedError,
    DebugUnderflowOverflow,
    NonFiniteNumbersError,
    stopping_at_overflow,
)


class Layer(nn.Module):
    def __init__(self, fault: float = 1.0) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.fault = fault

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Any:
        hidden = self.linear(hidden)
        return {"hidden": hidden * self.fault, "ids": torch.ones(1, dtype=torch.int64), "none": None}


class Net(nn.Module):
    """Three layers; the middle one multiplies by `fault`."""

    def __init__(self, fault: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([Layer(), Layer(fault), Layer()])
        self.dropout = nn.Dropout(0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = inputs
        for layer in self.layers:
            hidden = layer(hidden, mask=torch.tensor([0.0, -torch.inf]))["hidden"]
        return self.dropout(hidden).square().sum()


FAULTS: list[Any] = [
    pytest.param(Net(torch.inf), torch.ones(1, 2), "layers.1", id="inf"),
    pytest.param(Net(torch.nan), torch.ones(1, 2), "layers.1", id="nan"),
    pytest.param(Net(), torch.tensor([[1.0, torch.nan]]), "layers.0.linear", id="input"),
    pytest.param(Net(1e38), torch.full((1, 2), 1e5), "layers.1", id="overflow"),
]


@pytest.mark.parametrize("model, inputs, place", FAULTS)
def test_the_first_module_that_is_not_finite_is_named(model: nn.Module, inputs: Tensor, place: str) -> None:
    with pytest.raises(NonFiniteNumbersError) as caught, stopping_at_overflow(model):
        model(inputs)
    text = str(caught.value)
    assert isinstance(caught.value, TrainingError)
    assert text.startswith(f"inf or nan in {place}, in batch 0")
    frames = [line for line in text.splitlines() if line.endswith(("  Linear", "  Layer"))]
    assert frames[-1].startswith(f"{place}  ") and "weight" in text and "output" in text
    assert not any(module._forward_hooks for module in model.modules())


def test_a_broken_weight_is_named() -> None:
    model = Net()
    with torch.no_grad():
        model.layers[2].linear.weight[0, 0] = torch.inf  # type: ignore[index, union-attr]
    with pytest.raises(NonFiniteNumbersError, match=r"layers\.2\.linear"), stopping_at_overflow(model):
        model(torch.zeros(1, 2))


def test_the_values_are_the_smallest_and_largest() -> None:
    model = nn.Sequential(nn.Identity(), nn.Linear(2, 1, bias=False))
    nn.init.constant_(model[1].weight, torch.inf)
    with pytest.raises(NonFiniteNumbersError) as caught, stopping_at_overflow(model):
        model(torch.tensor([[-3.0, 0.5]]))
    assert " 5.00e-01   3.00e+00  output" in str(caught.value)


@pytest.mark.parametrize("kept", [1, 2, 21])
def test_so_many_frames_are_shown(kept: int) -> None:
    model = Net(torch.inf)
    watch = DebugUnderflowOverflow(model, max_frames_to_save=kept)
    with pytest.raises(NonFiniteNumbersError, match=f"last {min(kept, 4)} modules"):
        model(torch.ones(1, 2))
    watch.remove()


def test_a_run_without_faults_gives_the_same_numbers() -> None:
    results = []
    for watched in (False, True):
        model = Net()
        torch.manual_seed(3)
        if watched:
            with stopping_at_overflow(model):
                loss = model(torch.ones(4, 2))
                loss.backward()
        else:
            loss = model(torch.ones(4, 2))
            loss.backward()
        results.append((loss.item(), [value.grad for value in model.parameters()], torch.rand(2)))
    assert results[0][0] == results[1][0] and torch.equal(results[0][2], results[1][2])
    assert all(torch.equal(*pair) for pair in zip(results[0][1], results[1][1], strict=True))  # type: ignore[arg-type]


def test_batches_can_be_traced_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "trainspec")
    model = Net()
    watch = DebugUnderflowOverflow(model, trace_batch_nums=[1], abort_after_batch_num=2)
    model(torch.ones(1, 2))
    assert not caplog.records
    model(torch.ones(1, 2))
    (record,) = caplog.records
    assert record.message.startswith("batch 1\n") and "layers.0.linear  Linear" in record.message
    with pytest.raises(BatchLimitReachedError, match="batch 2"):
        model(torch.ones(1, 2))
    watch.remove()
    model(torch.full((1, 2), torch.nan))


def test_half_precision_overflows_are_found() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Identity())
    nn.init.constant_(model[0].weight, 60000.0)
    with stopping_at_overflow(model):
        model(torch.full((1, 1), 2.0))
        with pytest.raises(NonFiniteNumbersError, match=r"^inf or nan in 0,"), torch.autocast("cpu", torch.float16):
            model(torch.full((1, 1), 2.0))
