"""State goes on as it lay in memory: torch's kernels go through parameters and moments as they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.run.test_resume import Plug, PulledPlug
from tests.training.small_job import Make, Rows, weights
from torch import Tensor, nn

from trainspec.training.checkpoint.states.nests import DamagedNest, filled, laid_in_order, outlined
from trainspec.training.optimizers.exact_state import load_exactly


class Turned(nn.Module):
    """A convolution whose weights lie channels last, and a matrix that lies column by column."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.convolution = nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last)
        self.matrix = nn.Parameter(torch.randn(3, 4).t())

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        rows = (inputs @ self.matrix)[:, :2, None, None].expand(-1, -1, 2, 3)
        outputs = self.convolution(rows).sum((1, 2, 3))
        return {"loss": nn.functional.mse_loss(outputs[:, None], labels), "logits": outputs}


class Wide(nn.Module):
    """GaLore's projector is a part of a matrix that lies column by column."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(4, 6, bias=False)

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        outputs = self.layer(inputs).square().sum(1, keepdim=True)
        return {"loss": nn.functional.mse_loss(outputs, labels), "logits": outputs}


@pytest.mark.parametrize(
    "model, settings",
    [
        (Turned, {"optim": "adamw_torch"}),
        (Turned, {"optim": "adamw_torch_fused"}),
        (Turned, {"optim": "sgd", "optim_args": "momentum=0.9"}),
        (Turned, {"optim": "adagrad"}),
        (Wide, {"optim": "galore_adamw", "optim_target_modules": ["layer"], "optim_args": "rank=2"}),
    ],
)
def test_a_run_goes_on_bit_for_bit_however_its_state_lies(
    make_trainer: Make, tmp_path: Path, model: type[nn.Module], settings: dict[str, Any]
) -> None:
    job = {"train_dataset": Rows(22), "num_train_epochs": 3, "save_strategy": "steps", "save_steps": 3, **settings}
    whole = make_trainer(model=model(), **job, output_dir=str(tmp_path / "whole"))
    whole.train()
    job["output_dir"] = str(tmp_path / "cut")
    with pytest.raises(PulledPlug):
        make_trainer(model=model(), **job, callbacks=[Plug(4)]).train()
    resumed = make_trainer(model=model(), **job)
    resumed.train(resume_from_checkpoint="latest")
    assert resumed.state.global_step == whole.state.global_step > 4
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value), name


@pytest.mark.parametrize("fused", [True, False])
def test_moments_lie_as_their_parameter_whatever_the_checkpoint_had(fused: bool) -> None:
    """Of other processes, of transformers or of an older format nothing tells how they lay."""

    def stepped(parameter: nn.Parameter, gradient: Tensor, state: dict[str, Any] | None) -> torch.optim.Optimizer:
        optimizer = torch.optim.AdamW([parameter], lr=0.1, fused=fused)
        if state is not None:
            load_exactly(optimizer, state)
        parameter.grad = torch.empty_like(parameter).copy_(gradient)
        optimizer.step()
        return optimizer

    values, gradients = torch.randn(5, 3), torch.randn(2, 5, 3)
    plain, turned = nn.Parameter(values.clone()), nn.Parameter(values.t().contiguous().t())
    assert not turned.is_contiguous()
    state = stepped(plain, gradients[0], None).state_dict()
    with torch.no_grad():
        turned.copy_(plain)
    again = {**state, "state": {0: {name: value.clone() for name, value in state["state"][0].items()}}}
    stepped(plain, gradients[1], again)
    stepped(turned, gradients[1], state)
    assert torch.equal(turned, plain)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5).flatmap(
        lambda shape: st.tuples(st.just(shape), st.permutations(range(len(shape))))
    )
)
def test_a_tensor_comes_back_with_its_values_and_its_strides(drawn: tuple[list[int], list[int]]) -> None:
    shape, order = drawn
    turned = laid_in_order(torch.arange(torch.Size(shape).numel()).reshape(shape), list(order))
    tensors: dict[str, Tensor] = {}
    document = outlined({"a": turned}, "it", tensors)
    read = {name: value.contiguous() for name, value in tensors.items()}
    found = filled(document, read)["a"]
    assert torch.equal(found, turned)
    sized = [place for place, size in enumerate(shape) if size > 1]
    assert [found.stride(place) for place in sized] == [turned.stride(place) for place in sized]


@pytest.mark.parametrize("order", [[0], [0, 0], [0, 2], [1, 0, 2], ["1", 0], [True, 0], None, {}, [[]], [1e9, 0]])
def test_an_order_that_is_none_is_refused(order: Any) -> None:
    with pytest.raises(DamagedNest):
        filled({"$laid": [{"$tensor": "a"}, order]}, {"a": torch.ones(2, 3)})
