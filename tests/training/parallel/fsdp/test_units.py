"""Which modules are gathered together: by class, by size, as the model says, and never a shared parameter apart."""

from typing import Any

import pytest
from tests.training.parallel.fsdp.toy import Tokens, settings
from torch import nn

from trainspec.training.parallel.fsdp.sharding import kept_whole
from trainspec.training.parallel.fsdp.units import units_of, wrapping_of


def names_of(model: nn.Module, **details: Any) -> list[list[str]]:
    args = settings(fsdp="full_shard auto_wrap", fsdp_config=details or None)
    known = {id(module): name for name, module in model.named_modules()}
    return [[known[id(module)] for module in members] for members in units_of(model, wrapping_of(args, model))]


BLOCKS = [["blocks.0"], ["blocks.1"], ["blocks.2"]]


@pytest.mark.parametrize(
    "details, expected",
    [
        ({}, BLOCKS),
        ({"transformer_layer_cls_to_wrap": "Block"}, BLOCKS),
        ({"transformer_layer_cls_to_wrap": ["Embedding", "Block"]}, [["words"], *BLOCKS]),
        ({"min_num_params": 78}, [["words"], *BLOCKS, ["head"]]),
        ({"min_num_params": 79}, BLOCKS),
        ({"min_num_params": 1000}, []),
        ({"min_num_params": 60, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP"}, BLOCKS),
        (
            {"transformer_layer_cls_to_wrap": "Linear", "auto_wrap_policy": "SIZE_BASED_WRAP", "min_num_params": 79},
            BLOCKS,
        ),
    ],
)
def test_by_class_or_by_size(details: dict[str, Any], expected: list[list[str]]) -> None:
    assert sorted(names_of(Tokens(), **details)) == sorted(expected)


def test_without_auto_wrap_there_is_none() -> None:
    assert wrapping_of(settings(fsdp="full_shard"), Tokens()) is None and units_of(Tokens(), None) == []


def test_a_model_of_transformers_says_what_is_not_to_be_split() -> None:
    model = Tokens()
    model._no_split_modules = {"LayerNorm"}  # type: ignore[assignment]
    assert names_of(model) == [["blocks.0.norm"], ["blocks.1.norm"], ["blocks.2.norm"]]


def test_inner_units_come_first() -> None:
    found = names_of(Tokens(), transformer_layer_cls_to_wrap=["Block", "Linear"])
    place = {name: number for number, (name,) in enumerate(found)}
    for name in ("blocks.0", "blocks.1", "blocks.2"):
        assert place[f"{name}.up"] < place[name] > place[f"{name}.down"]


def test_what_is_tied_to_the_rest_of_the_model_stays_with_it() -> None:
    assert ["head"] not in names_of(Tokens(tied=True), transformer_layer_cls_to_wrap=["Block", "Linear"])
    assert names_of(Tokens(tied=True), transformer_layer_cls_to_wrap=["Embedding"]) == []


def test_what_is_tied_to_each_other_is_one_unit() -> None:
    both = names_of(Tokens(tied=True), transformer_layer_cls_to_wrap=["Embedding", "Linear"])
    assert ["words", "head"] in both
    model = Tokens()
    model.blocks[2].up.weight = model.blocks[0].up.weight  # type: ignore[union-attr]
    model.blocks[1].norm = model.blocks[2].norm  # type: ignore[union-attr]
    assert names_of(model) == [["blocks.0", "blocks.1", "blocks.2"]]


def test_a_weight_that_a_unit_shares_with_one_inside_of_it_is_the_outer_ones() -> None:
    model = Tokens()
    model.blocks[0].again = nn.Linear(6, 5, bias=False).double()  # type: ignore[union-attr]
    model.blocks[0].own = model.blocks[0].again.weight  # type: ignore[union-attr]
    assert ["blocks.0.again"] not in names_of(model, transformer_layer_cls_to_wrap=["Linear", "Block"])


def test_attention_that_reads_the_weights_inside_of_it_is_not_taken_apart() -> None:
    model = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16), nn.Linear(8, 8))
    assert {name for (name,) in names_of(model, min_num_params=60)} == {"0.self_attn", "0.linear1", "0.linear2", "1"}


def test_what_is_kept_whole() -> None:
    model = Tokens()
    assert kept_whole(model, []) == ()
    model.scale = nn.Parameter(model.shift.sum().detach())  # type: ignore[assignment]
    model.blocks[0].norm = nn.LayerNorm(6)  # type: ignore[union-attr]
    model.blocks[1].norm.float().requires_grad_(False)  # type: ignore[union-attr]
    norm = model.blocks[0].norm  # type: ignore[union-attr]
    assert set(kept_whole(model, [[model.blocks[0]], [model.blocks[1]]])) == {model.scale, norm.weight, norm.bias}
