"""What optim_target_modules means, and which groups follow from it."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.optimizers.toy import Network, settings
from torch import nn

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.target_modules import linear_layers, target_layers

NAMES = ["layers.0.q_proj", "layers.0.k_proj", "layers.1.q_proj", "layers.1.k_proj", "head"]


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(3, 4)
        layer = [nn.ModuleDict({"q_proj": nn.Linear(4, 4), "k_proj": nn.Linear(4, 4)}) for _ in range(2)]
        self.layers = nn.ModuleList(layer)
        self.head = nn.Linear(4, 2)


ROWS: list[Any] = [
    pytest.param("all-linear", NAMES, id="all"),
    pytest.param("all_linear", NAMES, id="all-underscore"),
    pytest.param(r".*q_proj", NAMES[::2][:2], id="expression"),
    pytest.param(r"layers\.1\..*", NAMES[2:4], id="expression-of-a-layer"),
    pytest.param("head", ["head"], id="whole-name"),
    pytest.param("q_proj", [], id="an-expression-matches-the-whole-name"),
    pytest.param("words", [], id="no-linear-module"),
    pytest.param(["q_proj"], NAMES[::2][:2], id="part-of-a-name"),
    pytest.param(["layers.0"], NAMES[:2], id="beginning-of-a-name"),
    pytest.param(["q_proj", "head"], ["layers.0.q_proj", "layers.1.q_proj", "head"], id="several"),
    pytest.param([r".*\.[01]\.k.*"], ["layers.0.k_proj", "layers.1.k_proj"], id="expression-in-a-list"),
    pytest.param(["he(ad"], [], id="no-expression-in-a-list"),
    pytest.param(["layers", "layers.0.q_proj"], NAMES[:4], id="twice"),
]


@pytest.mark.parametrize("wanted, expected", ROWS)
def test_optim_target_modules_are_those_meant(wanted: Any, expected: list[str]) -> None:
    assert list(target_layers(Two(), wanted)) == expected


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_whole_names_in_a_list_mean_themselves(names: set[str]) -> None:
    assert set(target_layers(Two(), sorted(names))) == names


def test_frozen_layers_are_not_among_them() -> None:
    model = Two()
    model.head.requires_grad_(False)
    assert "head" not in linear_layers(model) and list(target_layers(model, "all-linear")) == NAMES[:4]


@pytest.mark.parametrize(
    "optim, projection",
    [
        ("galore_adamw", {"rank": 3, "update_proj_gap": 200, "scale": 0.25, "proj_type": "std"}),
        ("apollo_adamw", {"rank": 3, "update_proj_gap": 200, "scale": 1.0, "proj": "random", "scale_type": "channel"}),
    ],
)
def test_optim_target_modules_part_the_decay_groups(optim: str, projection: dict[str, Any]) -> None:
    model = Two()
    changes: dict[str, Any] = {"optim_target_modules": [".k_proj"], "optim_args": "rank=3", "weight_decay": 0.1}
    groups = build_optimizer(model, settings(optim, **changes)).param_groups
    named = {id(value): name for name, value in model.named_parameters()}
    told = {(group["weight_decay"], "rank" in group): {named[id(v)] for v in group["params"]} for group in groups}
    assert told == {
        (0.1, True): {"layers.0.k_proj.weight", "layers.1.k_proj.weight"},
        (0.1, False): {"words.weight", "layers.0.q_proj.weight", "layers.1.q_proj.weight", "head.weight"},
        (0.0, False): {name for name in named.values() if name.endswith("bias")},
    }
    projected = next(group for group in groups if "rank" in group)
    assert projection.items() <= projected.items()


def test_optim_target_modules_are_the_only_ones_with_a_small_state() -> None:
    model = Network()
    args = settings("galore_adamw", optim_target_modules=["up"], optim_args={"rank": 2})
    optimizer = build_optimizer(model, args)
    for value in model.parameters():
        value.grad = torch.randn_like(value)
    optimizer.step()
    sizes = {name: optimizer.state[value]["exp_avg"].numel() for name, value in model.named_parameters()}
    assert sizes.pop("up.weight") == 144 * 2
    assert sizes == {name: value.numel() for name, value in model.named_parameters() if name != "up.weight"}
