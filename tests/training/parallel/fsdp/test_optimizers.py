"""Every optimizer that preflight lets through trains shards as it trains the whole; others are refused for cause."""

from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of
from tests.training.parallel.fsdp.toy import Run, far, joined, settings
from tests.training.parallel.world import run_in

from trainspec.settings.targets.worlds import SHARDABLE
from trainspec.settings.values.choices import OptimizerNames
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import clear_gradients, evaluation_mode, training_mode

ARGS: dict[str, Any] = {"max_grad_norm": 0, "learning_rate": 1e-2}


def updated(names: list[str], makers: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with joined() as group:
        for name in [*names, *makers]:
            model = Network()
            args = settings(fsdp="full_shard", **ARGS, **({"optim": name} if name in names else {}))
            run = Run(group, args, model)
            given = None if name in names else getattr(torch.optim, name)(model.parameters(), **makers[name])
            try:
                run.with_optimizer(given)
                for number in range(3):
                    with run.strategy.accumulating(run.module, last=True):
                        run.strategy.backward(loss_of(run.module, number) / group.world_size)
                    run.strategy.clip(model.parameters(), 0)
                    run.strategy.step()
                    clear_gradients(run.optimizer)
            except (RuntimeError, NotImplementedError) as error:
                found[name] = str(error)
                continue
            evaluation_mode(run.optimizer)
            found[name] = dict(run.strategy.weights())
    return found


def whole(name: str) -> dict[str, torch.Tensor]:
    model = Network()
    optimizer = build_optimizer(model, settings(optim=name, **ARGS))
    training_mode(optimizer)
    for number in range(3):
        loss_of(model, number).backward()
        optimizer.step()
        optimizer.zero_grad()
    evaluation_mode(optimizer)
    return dict(model.state_dict())


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_those_that_are_let_through_do_what_they_do_in_one_process() -> None:
    pytest.importorskip("optimi")
    names = sorted(name.value for name in SHARDABLE)
    found, _ = run_in(2, updated, names, {})
    for name in names:
        assert far(found[name], whole(name)) < 1e-5, name


def test_others_would_fail_or_train_otherwise() -> None:
    names = ["muon"]
    makers = {"Rprop": {"lr": 0.01}, "Adafactor": {"lr": 0.01}}
    found, _ = run_in(2, updated, names, makers)
    assert isinstance(found["Rprop"], str) and isinstance(found["Adafactor"], str)
    assert far(found["muon"], whole("muon")) > 1e-4, "its matrices are rounded in another order"
    assert OptimizerNames.MUON not in SHARDABLE


def test_an_optimizer_that_was_made_before_gets_the_parts() -> None:
    found = run_in(2, made_before)
    assert found[0] == found[1] and found[0] < 1e-6


def made_before() -> float:
    with joined() as group:
        model, plain = Network(), Network()
        optimizers = [torch.optim.AdamW(value.parameters(), lr=0.01) for value in (model, plain)]
        for value, optimizer in zip((model, plain), optimizers, strict=True):
            loss_of(value, 0).backward()
            optimizer.step()
            optimizer.zero_grad()
        run = Run(group, settings(fsdp="full_shard", **ARGS), model).with_optimizer(optimizers[0])
        with run.strategy.accumulating(run.module, last=True):
            run.strategy.backward(loss_of(run.module, 1) / group.world_size)
        run.strategy.step()
        loss_of(plain, 1).backward()
        optimizers[1].step()
        differences = [
            float((own.full_tensor() - other).abs().max())  # type: ignore[attr-defined]
            for own, other in zip(model.parameters(), plain.parameters(), strict=True)
        ]
        return max(differences)
