"""Muon's parts as one optimizer, GrokAdamW's signal and state, bitsandbytes' exceptions, torch's forms."""

import warnings
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of, same, settings, started, train, weights
from torch import nn

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import note_losses
from trainspec.training.optimizers.muon import hidden_matrices


class Tied(Network):
    """Names its output layer, as models of the Hugging Face hub do."""

    def get_output_embeddings(self) -> nn.Module:
        return self.head


def names_of(model: nn.Module, values: list[Any]) -> set[str]:
    named = {id(value): name for name, value in model.named_parameters()}
    return {named[id(value)] for value in values}


def test_optim_muon_takes_the_matrices_of_hidden_layers_and_leaves_the_rest_to_adamw() -> None:
    assert names_of(Network(), []) == set()
    for kind, expected in (
        (Network, {"up.weight", "down.weight", "head.weight"}),
        (Tied, {"up.weight", "down.weight"}),
    ):
        model = kind()
        assert names_of(model, hidden_matrices(model)) == expected
        optimizer = build_optimizer(model, settings("muon", weight_decay=0.1, adam_beta1=0.8))
        train(model, optimizer, range(1))
        by_muon = [value for value, state in optimizer.state.items() if "momentum_buffer" in state]
        by_adamw = [value for value, state in optimizer.state.items() if "exp_avg_sq" in state]
        assert names_of(model, by_muon) == expected
        assert names_of(model, by_adamw) == set(dict(model.named_parameters())) - expected
        assert all(group["betas"] == (0.8, 0.999) for group in optimizer.param_groups if not group["use_muon"])
        decayed = [value for group in optimizer.param_groups if group["weight_decay"] for value in group["params"]]
        assert names_of(model, decayed) == expected | {"words.weight", "head.weight"}


def test_optim_args_muon_reach_it() -> None:
    trained = []
    for arguments in ({}, {"momentum": 0.5}, {"nesterov": False}, {"ns_steps": 2}, {"adjust_lr_fn": "match_rms_adamw"}):
        model, optimizer = started(settings("muon", optim_args=arguments))
        train(model, optimizer, range(3))
        trained.append(weights(model)["up.weight"])
    assert all(not torch.equal(trained[0], other) for other in trained[1:])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "optim", ["adamw_torch", "sgd", "adafactor", "muon", "stable_adamw", "lion_32bit", "grokadamw", "galore_adamw"]
)
def test_loss_scaling_skips_an_overflow_and_changes_nothing_else(optim: str) -> None:
    changes: dict[str, Any] = {"optim_target_modules": "all-linear"} if optim.startswith("galore") else {}
    args = settings(optim, **changes)
    plain, its_optimizer = started(args)
    train(plain, its_optimizer, range(2))
    model, optimizer = started(args)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for number, spoil in ((0, 1.0), (7, float("inf")), (1, 1.0)):
        scaler.scale(loss_of(model, number) * spoil).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    assert scaler.get_scale() == 512.0
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(model)[name], value)


def test_optim_args_grokadamw_follow_how_far_evaluation_is_from_training() -> None:
    trained = []
    for losses, fading in ((None, 0.1), ((1.0, 3.0), 0.1), ((1.0, 3.0), 5.0), ((2.0, 1.0), 5.0)):
        model, optimizer = started(settings("grokadamw", optim_args={"grokking_signal_decay_rate": fading}))
        for number in range(4):
            train(model, optimizer, range(number, number + 1))
            if losses is not None:
                note_losses(optimizer, train_loss=losses[0], eval_loss=losses[1])
        trained.append(weights(model))
    # Without a gap, or with evaluation ahead, there is no signal.
    assert same(trained[0], trained[3])
    assert not same(trained[0], trained[1]) and not same(trained[1], trained[2])


def test_grokadamw_steps_without_a_word() -> None:
    model, optimizer = started(settings("grokadamw"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, optimizer, range(1))


@pytest.mark.parametrize("optim", ["adamw_anyprecision", "stable_adamw"])
def test_optim_args_kahan_summation_is_on_for_half_precision_unless_switched_off(optim: str) -> None:
    said = ["", "kahan_sum=true", "kahan_sum=false"]
    if optim == "adamw_anyprecision":
        said += ["use_kahan_summation=true", "use_kahan_summation=false"]
    trained: dict[str, list[Any]] = {"on": [], "off": []}
    for arguments in said:
        model, optimizer = started(settings(optim, learning_rate=1e-3, optim_args=arguments or None), torch.bfloat16)
        train(model, optimizer, range(6))
        trained["off" if arguments.endswith("false") else "on"].append(weights(model))
    assert all(same(trained[kind][0], other) for kind in trained for other in trained[kind])
    assert not same(trained["on"][0], trained["off"][0])


def test_losses_are_noted_by_no_other() -> None:
    _, optimizer = started(settings("sgd"))
    note_losses(optimizer, train_loss=1.0, eval_loss=2.0)
    assert "train_loss" not in optimizer.param_groups[0]


def test_grokadamw_keeps_the_losses_with_its_state() -> None:
    _, optimizer = started(settings("grokadamw"))
    note_losses(optimizer, train_loss=1.0, eval_loss=2.0)
    _, other = started(settings("grokadamw"))
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["eval_loss"] == 2.0


class Wordy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(128, 64)
        self.layer = nn.Linear(64, 128)


def test_optim_of_8_bits_keeps_embeddings_in_32() -> None:
    for _ in range(2):
        model = Wordy()
        optimizer = build_optimizer(model, settings("adamw_bnb_8bit"))
        for value in model.parameters():
            value.grad = torch.ones_like(value)
        optimizer.step()
        kinds = {name: optimizer.state[value]["state1"].dtype for name, value in model.named_parameters()}
        assert kinds == {
            "words.weight": torch.float32,
            "layer.weight": torch.uint8,
            # Below min_8bit_size.
            "layer.bias": torch.float32,
        }
        # The next model has its layers in another order.
        assert not hasattr(optimizer.mng, "get") and optimizer.mng.index2config == {}  # type: ignore[attr-defined]


def test_optim_args_min_8bit_size_is_the_border() -> None:
    for size, kind in ((4096, torch.uint8), (8192, torch.uint8), (8193, torch.float32)):
        model = nn.Linear(64, 128)
        optimizer = build_optimizer(model, settings("adamw_8bit", optim_args={"min_8bit_size": size}))
        for value in model.parameters():
            value.grad = torch.ones_like(value)
        optimizer.step()
        assert optimizer.state[model.weight]["state1"].dtype is kind


FUSED, FOREACH = (True, False), (False, True)
FORMS: list[Any] = [
    pytest.param("adamw_torch", "cpu", False, {}, FUSED, id="adamw"),
    pytest.param("adamw_torch", "meta", False, {}, FOREACH, id="adamw-elsewhere"),
    pytest.param("adamw_torch", "cpu", False, {"foreach": True}, (None, True), id="adamw-foreach"),
    pytest.param("adamw_torch", "cpu", False, {"fused": False}, (False, None), id="adamw-neither"),
    pytest.param("sgd", "cpu", False, {}, FUSED, id="sgd"),
    pytest.param("sgd", "cpu", True, {}, FOREACH, id="sgd-sparse"),
    pytest.param("adagrad", "cpu", False, {}, FUSED, id="adagrad"),
    pytest.param("adagrad", "cpu", True, {}, FOREACH, id="adagrad-sparse"),
]


@pytest.mark.parametrize("optim, device, sparse, arguments, expected", FORMS)
def test_optim_takes_the_fastest_form_that_works(
    optim: str, device: str, sparse: bool, arguments: dict[str, Any], expected: tuple[Any, Any]
) -> None:
    model = nn.Sequential(nn.Embedding(4, 4, sparse=sparse), nn.Linear(4, 4)).to(device)
    optimizer = build_optimizer(model, settings(optim, optim_args=arguments))
    assert (optimizer.defaults["fused"], optimizer.defaults["foreach"]) == expected
    if device == "cpu":
        model(torch.tensor([1, 2])).sum().backward()
        optimizer.step()
