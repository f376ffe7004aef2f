"""An optimizer's state under the names of parameters: it comes back whole, and to the parameters it belongs to."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.optimizers.test_every_optimizer import EVERY
from tests.training.optimizers.toy import Network, same, started, stored, train, weights
from tests.training.optimizers.toy import settings as arguments
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import saving, training_mode
from trainspec.training.parallel.named_state import NamedStateError, by_name, by_number, is_named

NAMES = [name for name, _ in Network().named_parameters()]


@pytest.fixture(autouse=True)
def only_our_own_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(autouse=True)
def nothing_is_compiled() -> Iterator[None]:
    """Those of torchao compile their steps, for half a minute each; test_every_optimizer.py lets them."""
    with torch.compiler.set_stance("force_eager"):
        yield


def reordered(model: nn.Module) -> nn.Module:
    """The same modules, which come in another order: so do their parameters, and have other numbers."""
    for name in reversed(list(model._modules)):
        model._modules[name] = model._modules.pop(name)
    return model


@pytest.mark.parametrize("optim, changes, dtype", EVERY)
def test_every_optimizer_goes_on_as_it_would_have(optim: str, changes: dict[str, Any], dtype: torch.dtype) -> None:
    args = arguments(optim, **changes)
    model, optimizer = started(args, dtype)
    train(model, optimizer, range(6))
    with saving(optimizer):
        named = by_name(optimizer.state_dict(), optimizer, model)
        saved = stored({"model": model.state_dict(), "optimizer": named}, optim)
    names = [name for name, _ in model.named_parameters()]
    assert is_named(named) and set(named["state"]) <= set(names)
    assert sorted(key for group in named["param_groups"] for key in group["params"]) == sorted(names)
    train(model, optimizer, range(6, 9))

    # GrokAdamW's momentum hangs on the place of a parameter in its group.
    resumed = type(model)(dtype) if optim == "grokadamw" else reordered(type(model)(dtype))
    assert ([name for name, _ in resumed.named_parameters()] == names) == (optim == "grokadamw")
    resumed.load_state_dict(saved["model"])
    its_optimizer = build_optimizer(resumed, args)
    its_optimizer.load_state_dict(dict(by_number(saved["optimizer"], its_optimizer, resumed)))
    training_mode(its_optimizer)
    train(resumed, its_optimizer, range(6, 9))
    assert same(weights(model), weights(resumed))


RATES = {name: 10.0 ** -(1 + number % 4) for number, name in enumerate(NAMES)}


def grouped(model: nn.Module, names: list[list[str]]) -> Optimizer:
    """One group for each list, with the rate that its first parameter has in RATES."""
    values = dict(model.named_parameters())
    groups = [{"params": [values[name] for name in group], "lr": RATES[group[0]]} for group in names]
    return AdamW(groups, foreach=False)


@st.composite
def orders(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    """The same groups twice: each with its parameters, and all groups, in an order of its own."""
    shuffled = draw(st.permutations(NAMES))
    cuts = sorted(draw(st.sets(st.integers(1, len(NAMES) - 1), max_size=4)))
    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(NAMES)], strict=True)]
    again = [[group[0], *draw(st.permutations(group[1:]))] for group in parts]
    return parts, draw(st.permutations(again))


@settings(max_examples=25)
@given(orders())
def test_any_order_of_groups_and_parameters_finds_its_own_state(both: tuple[list[list[str]], list[list[str]]]) -> None:
    model, other = Network(), Network()
    optimizer, its_optimizer = grouped(model, both[0]), grouped(other, both[1])
    train(model, optimizer, range(2))
    for group in optimizer.param_groups:
        group["lr"] /= 2
    named = by_name(optimizer.state_dict(), optimizer, model)
    its_optimizer.load_state_dict(dict(by_number(named, its_optimizer, other)))
    mine, its = dict(model.named_parameters()), dict(other.named_parameters())
    for name in NAMES:
        for key, value in optimizer.state[mine[name]].items():
            assert torch.equal(its_optimizer.state[its[name]][key], value), name
    assert [group["lr"] for group in its_optimizer.param_groups] == [RATES[group[0]] / 2 for group in both[1]]
    assert by_name(its_optimizer.state_dict(), its_optimizer, other)["state"].keys() == named["state"].keys()


def test_numbers_of_older_checkpoints_pass_through() -> None:
    model, optimizer = started(arguments("adamw_torch"))
    train(model, optimizer, range(1))
    state = optimizer.state_dict()
    assert by_number(state, optimizer, model) is state and not is_named(state)
    unusual = {"step": 3, "state": [1, 2]}
    assert by_name(unusual, optimizer, model) is unusual and by_number(unusual, optimizer, model) is unusual


class Tied(nn.Module):
    def __init__(self, *, head_first: bool) -> None:
        super().__init__()
        embedding, head = nn.Embedding(4, 3), nn.Linear(3, 4, bias=False)
        head.weight = embedding.weight
        for name, module in (("head", head), ("words", embedding))[:: 1 if head_first else -1]:
            self.add_module(name, module)


@pytest.mark.parametrize("head_first", [True, False])
def test_a_tied_parameter_has_its_first_name_and_is_known_by_any(head_first: bool) -> None:
    model, other = Tied(head_first=head_first), Tied(head_first=not head_first)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    model.words.weight.grad = torch.ones(4, 3)
    optimizer.step()
    named = by_name(optimizer.state_dict(), optimizer, model)
    name = "head.weight" if head_first else "words.weight"
    assert list(named["state"]) == named["param_groups"][0]["params"] == [name]
    its_optimizer = SGD(other.parameters(), lr=0.1, momentum=0.9)
    its_optimizer.load_state_dict(dict(by_number(named, its_optimizer, other)))
    assert torch.equal(its_optimizer.state[other.words.weight]["momentum_buffer"], torch.ones(4, 3))


def test_what_is_not_the_models_keeps_a_number() -> None:
    model, extra = nn.Linear(2, 1), [nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2))]
    optimizer = SGD([{"params": extra[:1]}, {"params": [model.weight, extra[1]]}, {"params": []}], 0.1, momentum=0.9)
    for value in (model.weight, *extra):
        value.grad = torch.full_like(value, float(value.numel()))
    optimizer.step()
    named = by_name(optimizer.state_dict(), optimizer, model)
    assert [group["params"] for group in named["param_groups"]] == [[0], ["weight", 1], []]
    its_optimizer = SGD(
        [{"params": [extra[0], extra[1]]}, {"params": []}, {"params": [model.weight]}], 0.2, momentum=0.9
    )
    its_optimizer.load_state_dict(dict(by_number(named, its_optimizer, model)))
    assert [its_optimizer.state[value]["momentum_buffer"].tolist() for value in extra] == [[1.0], [2.0, 2.0]]
    assert its_optimizer.state[model.weight]["momentum_buffer"].tolist() == [[2.0, 2.0]]
    assert [group["lr"] for group in its_optimizer.param_groups] == [0.1, 0.1, 0.1]


def test_names_that_torch_keeps_follow_the_order() -> None:
    model = nn.Linear(2, 1)
    optimizer = AdamW(model.named_parameters())
    named = by_name(optimizer.state_dict(), optimizer, model)
    its_optimizer = AdamW(reversed(list(model.named_parameters())))
    its_optimizer.load_state_dict(dict(by_number(named, its_optimizer, model)))
    assert its_optimizer.param_groups[0]["param_names"] == ["bias", "weight"]


def test_other_parameters_are_all_listed() -> None:
    model, extra = Network(), nn.Parameter(torch.ones(1))
    optimizer = AdamW(model.parameters())
    named = by_name(optimizer.state_dict(), optimizer, model)
    fewer = AdamW([value for name, value in model.named_parameters() if name != "up.bias"])
    more = AdamW([*model.parameters(), extra])
    for its_optimizer, told in ((fewer, "only there: up.bias$"), (more, "it lacks: number 0 of those outside")):
        with pytest.raises(NamedStateError, match=told):
            by_number(named, its_optimizer, model)
    renamed = {**named, "param_groups": [{**named["param_groups"][0], "params": ["old.weight", *NAMES[1:]]}]}
    with pytest.raises(NamedStateError, match=r"it lacks: words\.weight; only there: old\.weight$"):
        by_number(renamed, optimizer, model)
    tied = Tied(head_first=True)
    twice = {"state": {}, "param_groups": [{"params": ["head.weight", "words.weight"]}]}
    with pytest.raises(NamedStateError, match=r"more than once: head\.weight$"):
        by_number(twice, SGD(tied.parameters(), 0.1), tied)


def test_groups_that_cannot_be_joined_are_refused() -> None:
    model = Network()
    apart = grouped(model, [NAMES[:1], NAMES[1:]])
    named = by_name(apart.state_dict(), apart, model)
    together = grouped(model, [NAMES])
    with pytest.raises(NamedStateError, match=r"group 0 .* words\.weight and norm\.weight.*\['lr'\]"):
        by_number(named, together, model)
    for group in named["param_groups"]:
        group["lr"] = torch.tensor(0.5)
    together.load_state_dict(dict(by_number(named, together, model)))
    assert together.param_groups[0]["lr"] == 0.5
