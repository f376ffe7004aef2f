"""Each optimizer that runs here learns, follows the schedule, and goes on from a saved state bit for bit."""

import warnings
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import same, settings, started, stored, train, weights
from torch.optim.lr_scheduler import LambdaLR

from trainspec.settings.values.choices import OptimizerNames
from trainspec.training.optimizers import OPTIMIZERS
from trainspec.training.optimizers.behaviour import learning_rate, saving, training_mode

TARGETS: dict[str, Any] = {"optim_target_modules": ["up", "down"]}
# The state is saved between two projections, so that the one in use has to be in it.
LOW_RANK: dict[str, Any] = {**TARGETS, "optim_args": {"rank": 4, "update_proj_gap": 5}}
GALORE_SVD: dict[str, Any] = {**TARGETS, "optim_args": {"rank": 4, "update_proj_gap": 5, "proj_type": "full"}}
APOLLO_SVD: dict[str, Any] = {**TARGETS, "optim_args": {"rank": 4, "update_proj_gap": 5, "proj": "svd"}}
FLAT: dict[str, Any] = {"lr_scheduler_type": "constant"}
BF16 = torch.bfloat16
# What the settings need beside the name; the number format of the weights.
ROWS: list[tuple[str, str, dict[str, Any], torch.dtype]] = [
    ("", "adamw_torch", {}, torch.float32),
    ("foreach", "adamw_torch", {"optim_args": "foreach=true,amsgrad=true"}, torch.float32),
    ("", "adamw_torch_fused", {}, torch.float32),
    ("", "adamw_apex_fused", {}, torch.float32),
    ("", "sgd", {"learning_rate": 0.1}, torch.float32),
    ("momentum", "sgd", {"learning_rate": 0.1, "optim_args": "momentum=0.9,nesterov=true"}, torch.float32),
    ("", "adagrad", {}, torch.float32),
    ("foreach", "adagrad", {"optim_args": "foreach=true"}, torch.float32),
    ("", "rmsprop", {}, torch.float32),
    ("centered", "rmsprop", {"optim_args": "centered=true,momentum=0.5"}, torch.float32),
    ("", "adafactor", {}, torch.float32),
    ("half", "adafactor", {"learning_rate": 0.1, "optim_args": {"beta1": 0.5, "scale_parameter": True}}, BF16),
    ("", "muon", {}, torch.float32),
    ("", "stable_adamw", {}, torch.float32),
    ("", "adamw_anyprecision", {}, torch.float32),
    ("half", "adamw_anyprecision", {"optim_args": "use_kahan_summation=true"}, BF16),
    ("", "adamw_torch_8bit", {}, torch.float32),
    ("", "adamw_torch_4bit", {}, torch.float32),
    ("", "adamw_bnb_8bit", {}, torch.float32),
    ("half", "adamw_8bit", {}, BF16),
    ("", "paged_adamw_32bit", {}, torch.float32),
    ("", "paged_adamw_8bit", {}, torch.float32),
    ("", "ademamix", {"optim_args": "t_alpha=5,t_beta3=5"}, torch.float32),
    ("", "ademamix_8bit", {}, torch.float32),
    ("", "paged_ademamix_32bit", {}, torch.float32),
    ("", "paged_ademamix_8bit", {}, torch.float32),
    ("", "lion_32bit", {"learning_rate": 3e-3}, torch.float32),
    ("", "lion_8bit", {"learning_rate": 3e-3}, torch.float32),
    ("", "paged_lion_32bit", {"learning_rate": 3e-3}, torch.float32),
    ("", "paged_lion_8bit", {"learning_rate": 3e-3}, torch.float32),
    ("", "rmsprop_bnb", {}, torch.float32),
    ("", "rmsprop_bnb_8bit", {}, torch.float32),
    ("", "rmsprop_bnb_32bit", {}, torch.float32),
    ("", "galore_adamw", LOW_RANK, torch.float32),
    ("full", "galore_adamw", GALORE_SVD, torch.float32),
    ("half", "galore_adamw", LOW_RANK, BF16),
    ("", "galore_adafactor", LOW_RANK, torch.float32),
    ("half", "galore_adafactor", LOW_RANK, BF16),
    ("", "galore_adamw_layerwise", LOW_RANK, torch.float32),
    ("", "galore_adafactor_layerwise", LOW_RANK, torch.float32),
    ("", "apollo_adamw", LOW_RANK, torch.float32),
    ("svd", "apollo_adamw", APOLLO_SVD, torch.float32),
    ("half", "apollo_adamw", LOW_RANK, BF16),
    ("", "apollo_adamw_layerwise", LOW_RANK, torch.float32),
    ("", "lomo", {"learning_rate": 0.1}, torch.float32),
    ("clipped", "lomo", {"learning_rate": 0.1, "optim_args": {"clip_grad_norm": 0.5}}, torch.float32),
    ("", "grokadamw", {}, torch.float32),
    ("half", "grokadamw", {}, BF16),
    ("", "schedule_free_adamw", FLAT, torch.float32),
    ("half", "schedule_free_adamw", {**FLAT, "weight_decay": 0.1}, BF16),
    ("", "schedule_free_sgd", {**FLAT, "learning_rate": 0.5, "warmup_steps": 4}, torch.float32),
    ("", "schedule_free_radam", {**FLAT, "learning_rate": 0.05}, torch.float32),
]
# On other devices only; preflight says so, and test_needs.py sees it.
ELSEWHERE = {
    "adamw_torch_xla",
    "adamw_torch_npu_fused",
    "galore_adamw_8bit",
    "galore_adamw_8bit_layerwise",
    "adalomo",
}
# What moves on without a gradient's part: averages of earlier weights or updates, and the rest of a rounded sum.
MOVES_ON = {
    "schedule_free_adamw",
    "schedule_free_sgd",
    "schedule_free_radam",
    "adafactor-half",
    "adamw_anyprecision-half",
}
EVERY = [pytest.param(*row[1:], id="-".join(filter(None, (row[1], row[0])))) for row in ROWS]


def test_every_name_runs_here_or_is_known_to_run_elsewhere() -> None:
    assert {row[1] for row in ROWS} | ELSEWHERE == {str(name) for name in OptimizerNames} == set(OPTIMIZERS)
    assert not {row[1] for row in ROWS} & ELSEWHERE


@pytest.fixture(autouse=True)
def only_our_own_warnings() -> Any:
    """Some libraries announce what they will change in themselves, and settings that apex and paging fall back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("optim, changes, dtype", EVERY)
def test_it_learns_and_resumes_exactly(optim: str, changes: dict[str, Any], dtype: torch.dtype) -> None:
    args = settings(optim, **changes)
    model, optimizer = started(args, dtype)
    losses = train(model, optimizer, range(12))
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
    with saving(optimizer):
        saved = stored({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, optim)
    train(model, optimizer, range(12, 17))

    resumed, its_optimizer = started(args, dtype)
    resumed.load_state_dict(saved["model"])
    its_optimizer.load_state_dict(saved["optimizer"])
    training_mode(its_optimizer)
    train(resumed, its_optimizer, range(12, 17))
    assert same(weights(model), weights(resumed))
    assert not same(weights(resumed), saved["model"])


@pytest.mark.parametrize("optim, changes, dtype", EVERY)
def test_learning_rate_is_that_of_the_schedule(
    request: pytest.FixtureRequest, optim: str, changes: dict[str, Any], dtype: torch.dtype
) -> None:
    model, optimizer = started(settings(optim, **changes), dtype)
    schedule = LambdaLR(optimizer, lambda step: 1.0 if step < 2 else 0.0)
    train(model, optimizer, range(1))
    moving = weights(model)
    schedule.step()
    train(model, optimizer, range(1, 2))
    # schedule_free_radam only gathers moments in its first updates.
    assert not same(moving, weights(model)) or optim == "schedule_free_radam"
    schedule.step()
    assert learning_rate(optimizer) == 0
    still = weights(model)
    train(model, optimizer, range(2, 3))
    assert same(still, weights(model)) or optim.startswith("schedule_free") or request.node.callspec.id in MOVES_ON
