"""Noise on embeddings: uniform, as large as the formula says, while training only, and gone afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.model.neftune import find_no_embeddings, input_embeddings, noisy_embeddings

Arguments = Callable[..., TrainingArguments]


class Words(nn.Module):
    def __init__(self, dimension: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Embedding(16, dimension)
        self.second = nn.Embedding(16, dimension)

    def forward(self, ids: Tensor) -> Tensor:
        return self.first(ids)


@given(
    alpha=st.floats(0.01, 100),
    length=st.integers(1, 40),
    dimension=st.integers(1, 32),
    rows=st.integers(1, 4),
)
def test_the_noise_is_uniform_within_the_bound(alpha: float, length: int, dimension: int, rows: int) -> None:
    model = Words(dimension)
    nn.init.zeros_(model.first.weight)
    ids = torch.zeros(rows, length, dtype=torch.int64)
    with noisy_embeddings(model, alpha):
        noise = torch.cat([model(ids).detach().flatten() for _ in range(1 + 400 // ids.numel())])
    bound = alpha / (length * dimension) ** 0.5
    assert noise.abs().max() <= bound * (1 + 1e-6)
    assert noise.abs().max() > 0.9 * bound or noise.numel() < 400
    assert abs(noise.mean()) < 0.2 * bound or noise.numel() < 400


def test_one_token_a_row_has_the_length_one() -> None:
    model = Words(4)
    nn.init.zeros_(model.first.weight)
    with noisy_embeddings(model, 1.0):
        assert float(model(torch.zeros(500, dtype=torch.int64)).detach().abs().max()) == pytest.approx(0.5, rel=0.02)


def test_evaluation_has_no_noise_and_afterwards_nobody() -> None:
    model = Words()
    ids = torch.arange(6).reshape(2, 3)
    plain = model(ids)
    with pytest.raises(KeyboardInterrupt), noisy_embeddings(model, 5.0):
        assert not torch.equal(model(ids), plain)
        assert torch.equal(model.eval()(ids), plain)
        model.train()
        raise KeyboardInterrupt
    assert torch.equal(model(ids), plain) and not model.first._forward_hooks


def test_no_alpha_no_noise() -> None:
    model = Words()
    ids = torch.arange(6).reshape(2, 3)
    with noisy_embeddings(model, None):
        assert torch.equal(model(ids), model.first.weight[ids])


def test_the_noise_follows_the_seed_and_lets_gradients_through() -> None:
    model = Words()
    drawn = []
    with noisy_embeddings(model, 5.0):
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(model(torch.arange(4)[None]))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    drawn[0].sum().backward()
    assert torch.equal(model.first.weight.grad[:4], torch.ones(4, 8))  # type: ignore[index]


def test_a_compiled_model_has_noise_as_long_as_it_is_wanted() -> None:
    model = Words()
    compiled: Any = torch.compile(model, backend="aot_eager")
    ids = torch.arange(6).reshape(2, 3)
    with noisy_embeddings(compiled, 5.0):
        assert not torch.equal(compiled(ids), compiled(ids))
        assert torch.equal(compiled.eval()(ids), model.first.weight[ids])
        compiled.train()
    assert torch.equal(compiled(ids), model.first.weight[ids])
    torch.compiler.reset()


class Named(Words):
    def get_input_embeddings(self) -> nn.Module:
        return self.second


class Unnamed(Words):
    def get_input_embeddings(self) -> nn.Module:
        raise NotImplementedError


MODELS: list[Any] = [
    pytest.param(Words(), "first", id="first-embedding"),
    pytest.param(Named(), "second", id="what-the-model-says"),
    pytest.param(Unnamed(), "first", id="the-model-cannot-say"),
    pytest.param(nn.Linear(1, 1), None, id="none"),
]


@pytest.mark.parametrize("model, name", MODELS)
def test_which_embeddings_are_meant(arguments: Arguments, model: nn.Module, name: str | None) -> None:
    assert input_embeddings(model) is (None if name is None else getattr(model, name))
    machine = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
    found = list(find_no_embeddings(arguments(neftune_noise_alpha=5.0), machine, Job(model, None, None, None)))
    assert [item.code for item in found] == (["RUN163"] if name is None else [])
    assert not list(find_no_embeddings(arguments(), machine, Job(model, None, None, None)))
    if name is None:
        with pytest.raises(ValueError, match="Linear has no input embeddings"), noisy_embeddings(model, 5.0):
            pass


def test_peft_and_transformers_are_looked_into() -> None:
    transformers, peft = pytest.importorskip("transformers"), pytest.importorskip("peft")
    config = transformers.GPT2Config(vocab_size=16, n_positions=8, n_embd=8, n_layer=1, n_head=1)
    model = transformers.GPT2LMHeadModel(config)
    own = model.get_input_embeddings()
    assert input_embeddings(peft.get_peft_model(model, peft.LoraConfig(target_modules=["c_attn"]))) is own
