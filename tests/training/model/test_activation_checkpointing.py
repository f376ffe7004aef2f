"""Recomputing gives the same numbers for less memory, and is gone afterwards."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.model.activation_checkpointing import (
    enable,
    find_nothing_to_recompute,
    recomputing,
    repeated_blocks,
)

Arguments = Callable[..., TrainingArguments]


class Block(nn.Module):
    def __init__(self, width: int, norm: Callable[[int], nn.Module], dropout: float) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm, self.dropout = norm(width), nn.Dropout(dropout)
        self.calls = 0

    def forward(self, hidden: Tensor, scale: Tensor | None = None) -> Tensor:
        self.calls += 1
        change = self.down(self.dropout(self.up(self.norm(hidden)).tanh().square()))
        return hidden + (change if scale is None else change * scale)


class Stack(nn.Module):
    """Blocks on an embedding of ones; the scale goes to the blocks by keyword."""

    def __init__(self, blocks: int = 3, norm: Callable[[int], nn.Module] = nn.LayerNorm, dropout: float = 0.2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.enter = nn.Linear(4, 8)
        self.scale = nn.Parameter(torch.ones(8))
        self.blocks = nn.ModuleList(Block(8, norm, dropout) for _ in range(blocks))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.enter(inputs)
        for block in self.blocks:
            hidden = block(hidden, scale=self.scale)
        return hidden.square().mean()

    def calls(self) -> list[int]:
        return [block.calls for block in self.blocks]  # type: ignore[misc]


def _train_once(model: nn.Module, rows: int = 5) -> tuple[dict[str, Tensor], int, Tensor]:
    """Gradients, bytes kept for the backward pass, and what is drawn next from the random numbers."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(torch.randn(rows, 4))
    weights = {value.untyped_storage().data_ptr() for value in model.parameters()}
    loss.backward()
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    return gradients, sum(size for place, size in kept.items() if place not in weights), torch.rand(3)


KWARGS: list[Any] = [None, {"use_reentrant": False}, {"use_reentrant": True}, {"determinism_check": "none"}]


@pytest.mark.parametrize("kwargs", KWARGS, ids=["default", "new", "reentrant", "unchecked"])
def test_gradients_are_the_same_and_less_is_kept(kwargs: dict[str, Any] | None) -> None:
    plain, saving = Stack(), Stack()
    undo = enable(saving, kwargs)
    expected, kept, drawn = _train_once(plain)
    gradients, kept_less, drawn_too = _train_once(saving)
    assert plain.calls() == [1, 1, 1] and saving.calls() == [2, 2, 2]
    assert kept_less < kept / 3
    assert gradients.keys() == expected.keys()
    assert all(torch.equal(gradients[name], expected[name]) for name in expected)
    assert torch.equal(drawn, drawn_too)
    undo()
    _train_once(saving)
    assert saving.calls() == [3, 3, 3]


@given(blocks=st.integers(2, 4), rows=st.integers(2, 6), dropout=st.sampled_from([0.0, 0.5]), old=st.booleans())
def test_gradients_are_the_same_for_any_stack(blocks: int, rows: int, dropout: float, old: bool) -> None:
    plain, saving = Stack(blocks, dropout=dropout), Stack(blocks, dropout=dropout)
    enable(saving, {"use_reentrant": old})
    expected, gradients = _train_once(plain, rows)[0], _train_once(saving, rows)[0]
    assert saving.calls() == [2] * blocks
    assert all(torch.equal(gradients[name], expected[name]) for name in expected)


def test_preserve_rng_state_false_draws_anew() -> None:
    plain, saving = Stack(dropout=0.5), Stack(dropout=0.5)
    enable(saving, {"preserve_rng_state": False})
    expected, gradients = _train_once(plain)[0], _train_once(saving)[0]
    assert any(not torch.equal(gradients[name], expected[name]) for name in expected)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_batch_counts_once_in_running_statistics(old: bool, momentum: float | None) -> None:
    def norm(width: int) -> nn.Module:
        return nn.BatchNorm1d(width, momentum=momentum)

    plain, saving = Stack(norm=norm), Stack(norm=norm)
    enable(saving, {"use_reentrant": old})
    expected, gradients = _train_once(plain)[0], _train_once(saving)[0]
    assert all(torch.equal(gradients[name], expected[name]) for name in expected)
    assert all(torch.equal(value, saving.state_dict()[name]) for name, value in plain.state_dict().items())


@pytest.mark.parametrize("old", [False, True])
def test_frozen_parts_change_nothing_for_the_others(old: bool) -> None:
    plain, saving = Stack(), Stack()
    for model in (plain, saving):
        model.enter.requires_grad_(False)
        model.blocks[0].requires_grad_(False)
        model.scale.requires_grad_(False)
    enable(saving, {"use_reentrant": old})
    expected, gradients = _train_once(plain)[0], _train_once(saving)[0]
    assert gradients.keys() == expected.keys() and any(name.startswith("blocks.1") for name in expected)
    assert all(torch.equal(gradients[name], expected[name]) for name in expected)


@pytest.mark.parametrize("evaluates", [True, False], ids=["evaluation-mode", "no-gradients"])
def test_evaluation_recomputes_nothing(evaluates: bool) -> None:
    model = Stack().train(not evaluates)
    enable(model)
    with torch.set_grad_enabled(evaluates):
        model(torch.ones(1, 4))
    assert model.calls() == [1, 1, 1]


def test_state_dict_keys_stay_and_the_block_is_itself_again(arguments: Arguments) -> None:
    model = Stack()
    with pytest.raises(KeyboardInterrupt), recomputing(model, arguments(gradient_checkpointing=True)):
        assert list(model.state_dict()) == list(Stack().state_dict())
        assert "forward" in model.blocks[0].__dict__
        raise KeyboardInterrupt
    assert "forward" not in model.blocks[0].__dict__


def test_a_forward_that_somebody_put_into_a_block_is_used_and_put_back() -> None:
    model = Stack()
    block = model.blocks[1]
    before = block.forward
    block.forward = lambda hidden, scale: before(hidden, scale=scale * 2)  # type: ignore[assignment]
    doubled = block.forward
    undo = enable(model)
    _train_once(model)
    assert model.calls() == [2, 2, 2]
    undo()
    assert block.forward is doubled


def test_a_deep_copy_computes_on_its_own_weights() -> None:
    model = Stack(dropout=0)
    enable(model)
    average = copy.deepcopy(model)
    with torch.no_grad():
        for value in average.blocks.parameters():
            value.zero_()
    average(torch.ones(1, 4)).backward()
    assert model.calls() == [0, 0, 0] and average.calls() == [2, 2, 2]


def test_a_compiled_model_recomputes_too() -> None:
    plain, saving = Stack(dropout=0), Stack(dropout=0)
    compiled: Any = torch.compile(saving, backend="aot_eager")
    enable(compiled)
    expected, gradients = _train_once(plain)[0], _train_once(compiled)[0]
    for name, value in expected.items():
        torch.testing.assert_close(gradients[f"_orig_mod.{name}"], value)


def _sequential(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(*modules)


def _block(width: int = 4) -> Block:
    return Block(width, nn.LayerNorm, 0.0)


def _transformer() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 2, enable_nested_tensor=False)


MODELS: list[Any] = [
    pytest.param(Stack(), 3, id="module-list"),
    pytest.param(_sequential(_block(), _block()), 2, id="sequential"),
    pytest.param(_transformer(), 2, id="encoder"),
    pytest.param(_sequential(nn.Linear(1, 4), _block(), nn.Tanh(), _block()), 2, id="among-others"),
    pytest.param(nn.ModuleDict({"a": Stack(2), "b": Stack(3)}), 5, id="two-stacks"),
    pytest.param(_sequential(_block()), 0, id="one-block"),
    pytest.param(_sequential(nn.Linear(4, 4), nn.Linear(4, 4)), 0, id="single-layers"),
    pytest.param(nn.ModuleList([_block()] * 3), 0, id="the-same-block-again"),
    pytest.param(nn.Linear(1, 1), 0, id="no-list"),
]


@pytest.mark.parametrize("model, count", MODELS)
def test_what_the_blocks_are(arguments: Arguments, model: nn.Module, count: int) -> None:
    assert len(repeated_blocks(model)) == count
    machine = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
    found = list(
        find_nothing_to_recompute(arguments(gradient_checkpointing=True), machine, Job(model, None, None, None))
    )
    assert [item.code for item in found] == ([] if count else ["RUN162"])
    assert all("nn.ModuleList" in item.message for item in found)
    assert not list(find_nothing_to_recompute(arguments(), machine, Job(model, None, None, None)))
    if not count:
        with pytest.raises(ValueError, match="ModuleList"):
            enable(model)


class Own(nn.Module):
    """Says itself what to recompute."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: Any = None) -> None:
        self.told.append(gradient_checkpointing_kwargs)

    def gradient_checkpointing_disable(self) -> None:
        self.told.append("off")


class Simple(Own):
    def gradient_checkpointing_enable(self) -> None:  # type: ignore[override]
        self.told.append("on")


def test_a_model_that_knows_itself_what_to_recompute_is_asked() -> None:
    model = Own()
    enable(model, {"preserve_rng_state": False})()
    assert model.told == [{"use_reentrant": False, "preserve_rng_state": False}, "off"]


def test_arguments_that_the_model_does_not_take_are_found(arguments: Arguments) -> None:
    machine = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
    asked = arguments(gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": True})
    assert [e.code for e in find_nothing_to_recompute(asked, machine, Job(Simple(), None, None, None))] == ["RUN171"]
    assert not list(find_nothing_to_recompute(asked, machine, Job(Own(), None, None, None)))
    model = Simple()
    enable(model)()
    assert model.told == ["on", "off"]


@pytest.mark.parametrize("old", [False, True], ids=["new", "reentrant"])
@pytest.mark.parametrize("adapted", [False, True], ids=["whole", "peft"])
def test_a_model_of_transformers_recomputes_its_layers(arguments: Arguments, old: bool, adapted: bool) -> None:
    transformers = pytest.importorskip("transformers")

    def build() -> Any:
        torch.manual_seed(0)
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=32, **sizes))
        if adapted:
            peft = pytest.importorskip("peft")
            model = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj"], init_lora_weights=False))
        return model.train()

    def gradients(model: Any) -> tuple[dict[str, Tensor], int]:
        calls: list[None] = []
        first = next(module for name, module in model.named_modules() if name.endswith("layers.0.mlp"))
        hook = first.register_forward_pre_hook(lambda *_: calls.append(None))
        ids = torch.arange(12).reshape(2, 6)
        model(input_ids=ids, labels=ids).loss.backward()
        hook.remove()
        return {name: value.grad for name, value in model.named_parameters() if value.grad is not None}, len(calls)

    plain, saving = build(), build()
    asked = arguments(gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": old})
    with warnings.catch_warnings(record=True) as warned, recomputing(saving, asked):
        assert saving.config.use_cache is False
        (expected, once), (found, twice) = gradients(plain), gradients(saving)
    assert not [item for item in warned if "renamed" in str(item.message) or "deprecated" in str(item.message)]
    assert (once, twice) == (1, 2) and found.keys() == expected.keys() and expected
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert saving.config.use_cache is True
    assert gradients(saving)[1] == 1
