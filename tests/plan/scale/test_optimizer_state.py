"""What optimizers were thought to keep for each parameter, beside what they keep after a step."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainspec import OptimizerNames, TrainingArguments
from trainspec.plan.scale.optimizer_state import bytes_per_parameter, is_bound, state_bytes

# Not here: what runs on other devices, steps in the backward pass, or keeps its state in a place of its own.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.9},
    "rmsprop": {"centered": True, "momentum": 0.5},
    "adafactor": {"beta1": 0.9},
    "adamw_torch": {"amsgrad": True},
}
PLAIN = (
    *("adamw_torch", "adamw_torch_fused", "sgd", "adagrad", "rmsprop", "adafactor", "muon", "stable_adamw"),
    *("adamw_anyprecision", "adamw_8bit", "paged_adamw_32bit", "ademamix", "ademamix_8bit", "lion_32bit", "lion_8bit"),
    *("rmsprop_bnb", "rmsprop_bnb_8bit", "schedule_free_adamw", "schedule_free_sgd", "schedule_free_radam"),
)
CASES = [*((name, {}) for name in PLAIN), *ARGUMENTS.items()]


def settings(optim: str, **arguments: Any) -> TrainingArguments:
    said: dict[str, Any] = {"lr_scheduler_type": "constant"}
    if optim.startswith(("galore", "apollo")):
        said["optim_target_modules"] = "all-linear"
    return TrainingArguments.from_dict({"optim": optim, **said, **({"optim_args": arguments} if arguments else {})})


@pytest.mark.parametrize(("optim", "arguments"), CASES)
@pytest.mark.filterwarnings("ignore::UserWarning:bitsandbytes")
def test_a_step_leaves_as_many_bytes_as_were_planned(optim: str, arguments: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    from trainspec.training.optimizers.building import build_optimizer

    network = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.LayerNorm(512), torch.nn.Linear(512, 256))
    args = settings(optim, **arguments)
    try:
        optimizer: Any = build_optimizer(network, args)
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    if optim.startswith("schedule_free"):
        optimizer.train()
    network(torch.randn(4, 256)).sum().backward()
    optimizer.step()
    kept = [value for state in optimizer.state.values() for name, value in state.items() if name != "step"]
    tensors = {(value.data_ptr(), value.numel()): value for value in kept if isinstance(value, torch.Tensor)}
    measured = sum(value.numel() * value.element_size() for value in tensors.values())
    planned = sum(state_bytes(args, value.shape) for value in network.parameters())
    assert planned == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize("optim", list(OptimizerNames))
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_large_matrices_cost_what_a_model_of_unknown_shapes_does(optim: str) -> None:
    args = settings(optim)
    shape = (4096, 4096)
    assert state_bytes(args, shape) / math.prod(shape) == pytest.approx(bytes_per_parameter(args), rel=1e-9)
    assert is_bound(args) == optim.startswith(("galore", "apollo"))


def test_small_tensors_are_not_quantised() -> None:
    args = settings("adamw_8bit")
    assert state_bytes(args, (64, 63)) == 64 * 63 * 8
    assert state_bytes(args, (64, 64)) == 64 * 64 * 2 * (1 + 4 / 256)
