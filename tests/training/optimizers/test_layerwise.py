"""Updates in the backward pass do what the same optimizer does after it, and nothing is left of its gradients."""

from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of, same, settings, started, train, weights
from torch.optim.lr_scheduler import LambdaLR

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import evaluation_mode, gradient_norm

TARGETS: dict[str, Any] = {"optim_target_modules": ["up", "down"], "weight_decay": 0.1}
CHANGES: dict[str, Any] = {**TARGETS, "optim_args": {"rank": 4, "update_proj_gap": 3}}
NAMES = ["galore_adamw", "galore_adafactor", "apollo_adamw"]
IN_BACKWARD = [*(f"{name}_layerwise" for name in NAMES), "lomo"]


def changes_of(optim: str) -> dict[str, Any]:
    return {} if optim == "lomo" else CHANGES


@pytest.mark.parametrize("optim", NAMES)
def test_a_layerwise_optimizer_does_the_same_as_the_one_it_is_made_of(optim: str) -> None:
    trained = []
    for name in (optim, f"{optim}_layerwise"):
        model, optimizer = started(settings(name, **CHANGES))
        schedule = LambdaLR(optimizer, lambda step: 1 / (1 + step))
        for number in range(6):
            train(model, optimizer, range(number, number + 1))
            schedule.step()
        trained.append(weights(model))
    assert same(*trained)


@pytest.mark.parametrize("optim", IN_BACKWARD)
def test_no_gradient_outlives_the_backward_pass_and_its_norm_is_known(optim: str) -> None:
    model, optimizer = started(settings(optim, **changes_of(optim)))
    for number in range(2):
        reference = Network()
        reference.load_state_dict(model.state_dict())
        loss_of(reference, number).backward()
        norm = torch.nn.utils.get_total_norm([value.grad for value in reference.parameters() if value.grad is not None])
        before = weights(model)
        loss = loss_of(model, number)
        getattr(optimizer, "backward", torch.autograd.backward)(loss)
        assert all(value.grad is None for value in model.parameters())
        assert not same(before, weights(model))
        measured = gradient_norm(optimizer)
        assert measured is not None
        torch.testing.assert_close(measured, norm)
        moved = weights(model)
        optimizer.step()
        optimizer.zero_grad()
        assert same(moved, weights(model))


@pytest.mark.parametrize("optim", IN_BACKWARD)
def test_a_new_optimizer_takes_over_the_model(optim: str) -> None:
    args = settings(optim, **changes_of(optim))
    alone, its_optimizer = started(args)
    train(alone, its_optimizer, range(3))
    model = Network()
    other = settings(optim, **{**changes_of(optim), "learning_rate": 0.5})
    earlier = [build_optimizer(model, other), build_optimizer(model, other)]
    optimizer = build_optimizer(model, args)
    train(model, optimizer, range(3))
    assert same(weights(model), weights(alone)) and len(earlier) == 2


@pytest.mark.parametrize("optim", IN_BACKWARD)
def test_after_training_backward_passes_are_those_of_any_model(optim: str) -> None:
    model, optimizer = started(settings(optim, **changes_of(optim)))
    train(model, optimizer, range(2))
    evaluation_mode(optimizer)
    before = weights(model)
    loss_of(model, 2).backward()
    assert same(before, weights(model))
    assert all(value.grad is not None for value in model.parameters())


def test_the_gradients_of_others_are_there_to_be_measured() -> None:
    _, optimizer = started(settings("sgd"))
    assert gradient_norm(optimizer) is None


@pytest.mark.parametrize("optim", IN_BACKWARD)
def test_frozen_parameters_stay_as_they_are(optim: str) -> None:
    model = Network()
    model.down.requires_grad_(False)
    model.norm.requires_grad_(False)
    optimizer = build_optimizer(model, settings(optim, **changes_of(optim)))
    before = weights(model)
    train(model, optimizer, range(2))
    changed = {name for name, value in weights(model).items() if not torch.equal(value, before[name])}
    assert changed == {name for name in before if not name.startswith(("down", "norm"))}
