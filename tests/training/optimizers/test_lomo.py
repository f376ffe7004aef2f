"""LOMO: plain descent in the backward pass, with decay and clipping of its own; AdaLomo's state survives a file."""

from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of, same, settings, started, stored, train, weights
from torch import Tensor

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import gradient_norm
from trainspec.training.optimizers.groups import decay_parameter_names

RATE, DECAY = 0.1, 0.25
NORM: dict[str, Any] = {"clip_grad_norm": 0.05}
VALUE: dict[str, Any] = {"clip_grad_value": 0.003}


def descend(model: Network, number: int, arguments: dict[str, Any]) -> None:
    """The update written out: clipped gradients, and decay of what decays."""
    model.zero_grad()
    loss_of(model, number).backward()
    named = dict(model.named_parameters())
    gradients = {name: value.grad for name, value in named.items()}
    norm = torch.stack([value.norm() for value in gradients.values()]).norm()
    factor = min(1.0, arguments["clip_grad_norm"] / (float(norm) + 1e-6)) if "clip_grad_norm" in arguments else 1.0
    limit = arguments.get("clip_grad_value", float("inf"))
    with torch.no_grad():
        for name, value in named.items():
            share = DECAY if name in decay_parameter_names(model) else 0.0
            value.mul_(1 - RATE * share).sub_(RATE * factor * gradients[name].clamp(-limit, limit))


@pytest.mark.parametrize("arguments", [{}, NORM, VALUE, {**NORM, **VALUE}], ids=["plain", "norm", "value", "both"])
def test_optim_args_lomo_clips_as_they_say(arguments: dict[str, Any]) -> None:
    args = settings("lomo", learning_rate=RATE, weight_decay=DECAY, optim_args=arguments)
    model, optimizer = started(args)
    reference = Network()
    for number in range(4):
        train(model, optimizer, range(number, number + 1))
        descend(reference, number, arguments)
    for name, value in weights(reference).items():
        torch.testing.assert_close(weights(model)[name], value, rtol=1e-5, atol=1e-6)


def test_the_norm_is_that_before_clipping() -> None:
    norms: list[Tensor] = []
    for arguments in ({}, NORM):
        model, optimizer = started(settings("lomo", learning_rate=RATE, optim_args=arguments))
        optimizer.backward(loss_of(model, 0))  # type: ignore[attr-defined]
        measured = gradient_norm(optimizer)
        assert measured is not None
        # After the second pass of the clipped one, too.
        norms.append(measured)
    torch.testing.assert_close(norms[0], norms[1])
    assert norms[0] > 0.05


def test_adalomo_resumes_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves its state to a GPU by itself; here that is where it is already."""
    monkeypatch.setattr(Tensor, "cuda", lambda value: value)
    args = settings("adalomo", learning_rate=0.05, weight_decay=0.1, optim_args={"clip_grad_norm": 1.0})
    model = Network()
    optimizer = build_optimizer(model, args)
    losses = train(model, optimizer, range(16))
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    saved = stored({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "adalomo")
    train(model, optimizer, range(16, 19))
    for load in (True, False):
        resumed = Network()
        resumed.load_state_dict(saved["model"])
        its_optimizer = build_optimizer(resumed, args)
        if load:
            its_optimizer.load_state_dict(saved["optimizer"])
        train(resumed, its_optimizer, range(16, 19))
        assert same(weights(model), weights(resumed)) is load
