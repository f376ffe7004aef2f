"""Evaluation in another format: everything in it while it lasts, and every bit back afterwards."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.precision.full_eval import HostParking, evaluating_in, full_eval_dtype

Arguments = Callable[..., TrainingArguments]
DTYPES = [torch.bfloat16, torch.float16]


class Net(nn.Module):
    """Tied weights, running statistics, a counter, a frozen part; notes the formats it meets."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter, self.norm, self.leave = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)
        self.leave.weight = self.enter.weight
        self.leave.bias.requires_grad_(False)
        self.register_buffer("table", torch.arange(4.0) / 3)
        self.met: set[torch.dtype] = set()

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        hidden = self.norm(self.enter(inputs)) + self.table
        logits = self.leave(hidden)
        self.met = {inputs.dtype, hidden.dtype, logits.dtype, *(value.dtype for value in self.parameters())}
        return {"logits": logits} if labels is None else {"loss": (logits - labels).square().mean(), "logits": logits}


@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_and_inputs_are_in_the_format(dtype: torch.dtype) -> None:
    model = Net().eval()
    inputs, labels = torch.randn(3, 4), torch.randn(3, 4)
    with torch.no_grad():
        whole = model(inputs, labels)
        with evaluating_in(model, dtype):
            small = model(inputs, labels=labels)
            assert model.enter.weight is model.leave.weight
            assert model.norm.num_batches_tracked.dtype is torch.int64  # type: ignore[union-attr]
        expected = copy.deepcopy(model).to(dtype)(inputs.to(dtype), labels.to(dtype))
    assert model.met == {dtype} and small["logits"].dtype is dtype
    assert torch.equal(small["logits"], expected["logits"]) and torch.equal(small["loss"], expected["loss"])
    torch.testing.assert_close(small["logits"].float(), whole["logits"], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_bit_is_back_also_after_an_error(dtype: torch.dtype) -> None:
    model = Net().eval()
    optimizer = torch.optim.AdamW(model.parameters())
    parameters, buffers = list(model.parameters()), list(model.buffers())
    state = copy.deepcopy(model.state_dict())
    with pytest.raises(KeyboardInterrupt), torch.no_grad(), evaluating_in(model, dtype):
        model(torch.randn(3, 4))
        assert model.met == {dtype}
        assert all(value.dtype is dtype for value in model.state_dict().values() if value.is_floating_point())
        raise KeyboardInterrupt
    assert all(value is old for value, old in zip(model.parameters(), parameters, strict=True))
    assert all(value is old for value, old in zip(model.buffers(), buffers, strict=True))
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    model(torch.randn(3, 4))["logits"].sum().backward()
    optimizer.step()
    assert not torch.equal(model.enter.weight, state["enter.weight"])
    assert torch.equal(model.leave.bias, state["leave.bias"])


def test_gradients_that_wait_are_left_alone() -> None:
    model = Net().eval()
    model(torch.ones(1, 4))["logits"].sum().backward()
    waiting = model.enter.weight.grad
    with torch.no_grad(), evaluating_in(model, torch.bfloat16):
        model(torch.ones(1, 4))
    assert model.enter.weight.grad is waiting
    model(torch.ones(1, 4))["logits"].sum().backward()
    assert model.enter.weight.grad is waiting


def test_none_changes_nothing() -> None:
    model = Net()
    with evaluating_in(model, None):
        model(torch.randn(3, 4))
    assert model.met == {torch.float32} and not model._forward_pre_hooks


def test_a_compiled_model_is_reached_inside() -> None:
    model = Net().eval()
    compiled: Any = torch.compile(model, backend="eager")
    with torch.no_grad(), evaluating_in(compiled, torch.bfloat16):
        assert compiled(torch.randn(3, 4))["logits"].dtype is torch.bfloat16
    assert compiled(torch.randn(3, 4))["logits"].dtype is torch.float32
    torch.compiler.reset()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers_follow(kind: type[nn.RNNBase]) -> None:
    model = kind(3, 4).eval()
    inputs = torch.randn(5, 2, 3)
    before = model(inputs)[0]
    with torch.no_grad(), evaluating_in(model, torch.bfloat16):
        assert model(inputs)[0].dtype is torch.bfloat16
    assert torch.equal(model(inputs)[0], before)


def test_parked_memory_is_free_and_comes_back() -> None:
    whole, view = torch.randn(10), torch.randn(10)[:5]
    parameter = nn.Parameter(torch.randn(3, 4).t())
    copies = [value.detach().clone() for value in (whole, view, parameter)]
    parking = HostParking()
    for tensor in (whole, view, parameter):
        parking.park(tensor)
    # What fills only a part of its memory stays.
    sizes = [value.untyped_storage().nbytes() for value in (whole, view, parameter)]
    assert sizes == [0, 40, 0]
    parking.bring_back()
    assert all(torch.equal(value, old) for value, old in zip((whole, view, parameter), copies, strict=True))


def test_originals_wait_on_the_host_where_the_device_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainspec.training.precision import full_eval

    monkeypatch.setattr(full_eval, "_HOST", ())
    model = Net().eval()
    sharing = model.enter.bias.detach()
    model.register_buffer("alias", sharing.view(2, 2))
    originals = dict(model.named_parameters())
    state = copy.deepcopy(model.state_dict())
    with torch.no_grad(), evaluating_in(model, torch.bfloat16):
        model(torch.randn(3, 4))
        parked = {name for name, value in originals.items() if not value.untyped_storage().nbytes()}
        assert parked == {"enter.weight", "norm.weight", "norm.bias", "leave.bias"}
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, None),
        ({"bf16": True}, None),
        ({"bf16_full_eval": True}, torch.bfloat16),
        ({"fp16_full_eval": True}, torch.float16),
    ],
)
def test_which_format_is_meant(arguments: Arguments, settings: dict[str, bool], expected: torch.dtype | None) -> None:
    assert full_eval_dtype(arguments(**settings)) is expected
