"""The levels O0 to O3: what computes in half, what is kept whole, and that training works."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.model.activation_checkpointing import enable
from trainspec.training.model.compilation import compile_model
from trainspec.training.precision.precision import Precision, choose_precision

Arguments = Callable[..., TrainingArguments]
CPU = torch.device("cpu")
LEVELS = ("O0", "O1", "O2", "O3")


class Net(nn.Module):
    """An embedding, a normalised layer, a tied output; notes the formats it meets."""

    def __init__(self, norm: type[nn.Module] = nn.LayerNorm) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.layer, self.norm = nn.Embedding(8, 6), nn.Linear(6, 6), norm(6)
        self.out = nn.Linear(6, 8, bias=False)
        self.out.weight = self.words.weight
        self.blocks = nn.ModuleList(nn.TransformerEncoderLayer(6, 2, 12, 0.0, batch_first=True) for _ in range(2))
        self.met: dict[str, torch.dtype] = {}

    def forward(self, ids: Tensor, weights: Tensor, labels: Tensor) -> dict[str, Tensor]:
        hidden = self.words(ids) * weights
        self.met = {"weight": self.layer.weight.dtype, "norm": self.norm.weight.dtype, "hidden": hidden.dtype}  # type: ignore[dict-item, union-attr]
        assert self.out.weight is self.words.weight
        for block in self.blocks:
            hidden = block(hidden)
        normal = self.norm(hidden)
        logits = self.out(self.layer(normal))
        self.met |= {"normal": normal.dtype, "logits": logits.dtype, "input": weights.dtype}
        return {"loss": nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()), "logits": logits}


def _batch() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 8, (4, 5), generator=generator)
    # One factor for each word: a floating-point input.
    return {"ids": ids, "weights": torch.rand(4, 5, 1, generator=generator) + 0.5, "labels": (ids + 1) % 8}


def _fit(model: nn.Module, precision: Precision, steps: int = 40, called: nn.Module | None = None) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, eps=1e-4, foreach=True)
    losses = []
    for _ in range(steps):
        with precision.autocast():
            loss = (model if called is None else called)(**_batch())["loss"]
        precision.backward(loss)
        precision.unscale(optimizer)
        assert precision.step(optimizer)
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def _prepared(arguments: Arguments, model: nn.Module, level: str) -> Precision:
    precision = choose_precision(arguments(fp16=True, fp16_opt_level=level), CPU)
    precision.prepare(model)
    return precision


WHOLE, HALF = torch.float32, torch.float16
# Outside of forward: weights. Inside: weights, weights of norms, embeddings times input, norm's output, logits, inputs.
MET: dict[str, tuple[torch.dtype, ...]] = {
    "O0": (WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE),
    "O1": (WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, HALF, WHOLE),
    "O2": (WHOLE, HALF, WHOLE, WHOLE, HALF, HALF, WHOLE),
    "O3": (HALF, HALF, HALF, HALF, HALF, HALF, HALF),
}


@pytest.mark.parametrize("level", LEVELS)
def test_fp16_opt_level_what_is_half(arguments: Arguments, level: str) -> None:
    model = Net()
    precision = _prepared(arguments, model, level)
    _fit(model, precision, 1)
    met = model.met
    formats = [met[name] for name in ("weight", "norm", "hidden", "normal", "logits", "input")]
    assert (model.layer.weight.dtype, *formats) == MET[level]
    assert (precision.scaler is not None) == (level in ("O1", "O2"))
    assert {value.dtype for value in model.state_dict().values()} == {MET[level][0]}


class Bare(nn.Module):
    """Nothing here is on any list of autocast but the layers."""

    def __init__(self, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.words, self.norm, self.scale = nn.Embedding(4, 4), norm(4), nn.Parameter(torch.full((4,), 1 / 3))

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.words(ids)
        self.formats = hidden.dtype, self.norm(hidden).dtype, (self.norm(hidden) * self.scale).dtype
        return (hidden * self.scale).sum()


class RMSNorm(nn.Module):
    """Written by hand, as many models have it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, hidden: Tensor) -> Tensor:
        whole = hidden.float()
        return self.weight * whole * whole.square().mean(-1, keepdim=True).add(1e-6).rsqrt()


NORMS: list[Any] = [nn.LayerNorm, nn.BatchNorm1d, nn.RMSNorm, RMSNorm, lambda width: nn.GroupNorm(1, width)]


@pytest.mark.parametrize("norm", NORMS, ids=["layer", "batch", "rms", "by-hand", "group"])
def test_o2_keeps_norms_whole_and_their_results_half(arguments: Arguments, norm: Callable[[int], nn.Module]) -> None:
    model = Bare(norm)
    precision = _prepared(arguments, model, "O2")
    with precision.autocast():
        assert model.norm.weight.dtype is WHOLE and model.scale.dtype is HALF
        loss = model(torch.arange(4))
    assert model.formats == (HALF, HALF, HALF)
    assert not model.norm._forward_hooks
    loss.backward()
    assert model.scale.grad is not None and model.scale.grad.dtype is WHOLE
    # The weight took part as the nearest half number: the embedding's gradient says which.
    exact = torch.tensor(1 / 3).half().float()
    assert torch.equal(model.words.weight.grad[0], exact.expand(4))  # type: ignore[index]


@pytest.mark.parametrize("level", LEVELS)
def test_training_works_at_each_level(arguments: Arguments, level: str) -> None:
    expected, model = _fit(Net(), Precision(_whole())), Net()
    losses = _fit(model, _prepared(arguments, model, level))
    assert losses[0] == pytest.approx(expected[0], rel=2e-3)
    assert losses[-1] < 0.5 and losses[-1] == pytest.approx(expected[-1], abs=0.15)
    assert (losses == expected) == (level == "O0")


def _whole() -> Any:
    from trainspec.training.precision.half_models import Whole

    return Whole()


def test_o2_updates_smaller_than_half_can_hold_reach_the_masters(arguments: Arguments) -> None:
    moved: dict[str, float] = {}
    steps: dict[str, int] = {}
    for level in ("O2", "O3"):
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        precision = _prepared(arguments, model, level)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        for _ in range(20):
            with precision.autocast():
                loss = model(torch.ones(1, 1)).sum()
            precision.backward(loss)
            steps[level] = steps.get(level, 0) + precision.step(optimizer)
            optimizer.zero_grad()
        moved[level] = 1 - model.weight.item()
    # Halves just below 1 are 0.0005 apart. The first loss scale, 65,536, is above the largest half.
    assert moved["O2"] == pytest.approx(19e-4, rel=1e-3) and moved["O3"] == 0
    assert steps == {"O2": 19, "O3": 20}


@pytest.mark.parametrize("old", [False, True], ids=["new", "reentrant"])
def test_o2_goes_with_recomputed_activations(arguments: Arguments, old: bool) -> None:
    plain, saving = Net(), Net()
    enable(saving, {"use_reentrant": old})
    expected = _fit(plain, _prepared(arguments, plain, "O2"), 5)
    assert _fit(saving, _prepared(arguments, saving, "O2"), 5) == pytest.approx(expected, abs=1e-3)
    if not old:
        assert all(torch.equal(value, saving.state_dict()[name]) for name, value in plain.state_dict().items())


def test_o2_goes_with_a_compiled_model(arguments: Arguments) -> None:
    plain, model = Net(), Net()
    compiled = compile_model(model, arguments(torch_compile_backend="aot_eager"))
    expected = _fit(plain, _prepared(arguments, plain, "O2"), 3)
    assert _fit(model, _prepared(arguments, compiled, "O2"), 3, compiled) == pytest.approx(expected, rel=1e-2)
    torch.compiler.reset()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_o2_goes_with_recurrent_layers(arguments: Arguments, kind: type[nn.RNNBase]) -> None:
    model = kind(3, 4)
    before = [value.clone() for value in model.parameters()]
    precision = _prepared(arguments, model, "O2")
    with precision.autocast():
        output = model(torch.randn(5, 2, 3).half())[0]
    precision.backward(output.float().sum())
    assert output.dtype is HALF and all(value.grad is not None for value in model.parameters())
    assert all(torch.equal(value, old) for value, old in zip(model.parameters(), before, strict=True))
    assert model(torch.randn(5, 2, 3))[0].dtype is WHOLE


def test_weights_are_back_after_an_error(arguments: Arguments) -> None:
    model = Net()
    before = list(model.parameters())
    precision = _prepared(arguments, model, "O2")
    with pytest.raises(KeyboardInterrupt), precision.autocast():
        raise KeyboardInterrupt
    assert all(value is old for value, old in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize("level", ["O2", "O3"])
def test_a_level_that_changes_the_model_needs_it(arguments: Arguments, level: str) -> None:
    precision = choose_precision(arguments(fp16=True, fp16_opt_level=level), CPU)
    with pytest.raises(RuntimeError, match="prepare"), precision.autocast():
        pass
