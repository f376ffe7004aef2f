"""What a model takes, whatever is wrapped around it."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line
from torch import Tensor, nn

from trainspec.training.data import ColumnFilter, accepted_names, collate
from trainspec.training.errors import UnusedColumnsError


class Anything(nn.Module):
    def forward(self, inputs: Tensor, *more: Tensor, scale: float = 1.0, **rest: Any) -> Tensor:
        return inputs * scale


class Positional(nn.Module):
    def forward(self, inputs: Tensor, *more: Tensor) -> Tensor:
        return inputs


class LikeTransformers(Anything):
    main_input_name = "inputs"


ACCEPTED: dict[str, tuple[nn.Module, set[str] | None]] = {
    "plain": (Line(), {"inputs", "labels", "number"}),
    "compiled": (torch.compile(Line(), backend="eager"), {"inputs", "labels", "number"}),
    "by position": (Positional(), {"inputs"}),
    "any keyword": (Anything(), None),
    "any keyword, of transformers": (LikeTransformers(), {"inputs", "scale"}),
}


@pytest.mark.parametrize("model, names", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted_names(model: nn.Module, names: set[str] | None) -> None:
    assert accepted_names(model) == names


@pytest.mark.parametrize("compiled", [False, True])
def test_accepted_names_of_a_peft_model_are_its_base_model_s(compiled: bool) -> None:
    peft = pytest.importorskip("peft")
    model = peft.get_peft_model(Line(), peft.LoraConfig(target_modules=["layer"]))
    wrapped = torch.compile(model, backend="eager") if compiled else model
    assert accepted_names(wrapped) == {"inputs", "labels", "number"}


def test_accepted_names_of_a_transformers_model_leave_out_its_keywords() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_layer=1, n_head=1, n_embd=4, vocab_size=8, n_positions=8)
    names = accepted_names(transformers.GPT2LMHeadModel(config))
    assert names is not None
    assert {"input_ids", "labels", "attention_mask"} <= names and not {"kwargs", "text", "self"} & names


KEPT: dict[str, tuple[set[str], list[str], dict[str, Any], set[str]]] = {
    "taken": ({"x"}, [], {"x": 1, "y": 2}, {"x"}),
    "label": ({"x"}, [], {"x": 1, "label": 2}, {"x", "labels"}),
    "label_ids": ({"x"}, [], {"x": 1, "label_ids": [2]}, {"x", "labels"}),
    "label names": ({"x"}, ["goal"], {"x": 1, "goal": 2, "aim": 3}, {"x", "goal"}),
    "nothing to drop": ({"x", "y"}, [], {"x": 1, "y": 2}, {"x", "y"}),
    "a model of labels alone": ({"labels"}, ["labels"], {"labels": 1, "y": 2}, {"labels"}),
}


@pytest.mark.parametrize("accepted, labels, row, kept", KEPT.values(), ids=KEPT)
def test_filter_keeps(accepted: set[str], labels: list[str], row: dict[str, Any], kept: set[str]) -> None:
    assert set(ColumnFilter(collate, accepted, labels)([row, row])) == kept


def test_filter_leaves_rows_without_keys_alone() -> None:
    assert torch.equal(ColumnFilter(collate, {"x"}, [])([torch.ones(2)]), torch.ones(1, 2))


@pytest.mark.parametrize("row", [{"y": 1}, {"labels": 1}, {"label": 1, "y": 2}, {"label_ids": 1}])
def test_filter_says_that_nothing_is_left_also_when_only_labels_are(row: dict[str, Any]) -> None:
    with pytest.raises(UnusedColumnsError, match=r"the model's forward takes \['labels', 'x'\]"):
        ColumnFilter(collate, {"x", "labels"}, ["labels"])([row])
