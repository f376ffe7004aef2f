"""Settings that change how fast a run is and how much memory it takes, but none of its numbers."""

import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_job import Line, Make, Rows, entries
from torch import Tensor, nn

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer


def _losses(trainer: Trainer) -> list[float]:
    trainer.train()
    return [entry["loss"] for entry in entries(trainer, "loss")]


class Watched:
    """A backend of torch.compile that notes what it is asked for, and runs the graph as it is."""

    _tags = ()

    def __init__(self) -> None:
        self.graphs: list[dict[str, Any]] = []

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Tensor], **options: Any) -> Callable[..., Any]:
        self.graphs.append(options)
        return graph.forward


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Watched]]:
    """Two backends, `watched` and, in the place of the default one, `inductor`."""
    from torch._dynamo.backends import registry

    made = {"watched": Watched(), "inductor": Watched()}
    registry.list_backends()
    monkeypatch.setitem(registry._COMPILER_FNS, "watched", made["watched"])
    monkeypatch.setitem(registry._BACKENDS, "watched", None)
    # torch comes to its own backend by another way.
    monkeypatch.setattr("torch._inductor.compile_fx.compile_fx", made["inductor"])
    yield made
    torch.compiler.reset()


@pytest.fixture
def make(make_trainer: Make) -> Make:
    return lambda **given: make_trainer(**{"logging_steps": 1, "model": Plain(), **given})


class Plain(nn.Module):
    """Nothing in it that a compiler would stumble over."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(4, 1)

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        output = self.layer(inputs)
        return {"loss": nn.functional.mse_loss(output, labels), "logits": output}


def test_torch_compile_compiles_and_keeps_numbers_and_names(make: Make, tmp_path: Path) -> None:
    plain, compiled = make(), make(torch_compile=True, save_strategy="epoch")
    assert _losses(compiled) == pytest.approx(_losses(plain), rel=1e-5)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    compiled.save_model()
    assert list(load_file(tmp_path / "out" / "model.safetensors")) == ["layer.bias", "layer.weight"]
    (checkpoint,) = (tmp_path / "out").glob("checkpoint-*")
    assert list(load_file(checkpoint / "model.safetensors")) == ["layer.bias", "layer.weight"]
    torch.compiler.reset()


def test_torch_compile_off_compiles_nothing(make: Make, backends: dict[str, Watched]) -> None:
    make().train()
    assert not backends["inductor"].graphs
    make(torch_compile=True).train()
    assert backends["inductor"].graphs


def test_torch_compile_backend_is_the_one_that_compiles(make: Make, backends: dict[str, Watched]) -> None:
    assert _losses(make(torch_compile_backend="watched")) == pytest.approx(_losses(make()), rel=1e-5)
    assert backends["watched"].graphs and not backends["inductor"].graphs
    with pytest.raises(PreflightError, match="RUN160"):
        make(torch_compile_backend="no_such").train()


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_torch_compile_mode_reaches_the_backend(make: Make, backends: dict[str, Watched]) -> None:
    make(torch_compile_mode="max-autotune-no-cudagraphs", torch_compile_backend="watched").train()
    assert backends["watched"].graphs[0]["mode"] == "max-autotune-no-cudagraphs"
    torch.compiler.reset()
    make(torch_compile_backend="watched").train()
    assert "mode" not in backends["watched"].graphs[-1]


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_torchdynamo_is_the_old_name_of_the_backend(make: Make, backends: dict[str, Watched]) -> None:
    make(torchdynamo="watched").train()
    assert backends["watched"].graphs and not backends["inductor"].graphs


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("steps, emptied", [(None, 0), (1, 6), (4, 1), (6, 1), (7, 0)])
def test_torch_empty_cache_steps_empties_every_so_many_updates(
    make: Make, monkeypatch: pytest.MonkeyPatch, steps: int | None, emptied: int
) -> None:
    # The CPU has no cache, so that the device's is watched where the loop asks for it.
    asked: list[torch.device] = []
    monkeypatch.setattr("trainspec.training.run.loop.empty_cache", asked.append)
    make(torch_empty_cache_steps=steps, gradient_accumulation_steps=1).train()
    assert asked == [torch.device("cpu")] * emptied


class Counting(Line):
    """Counts how often its own code evaluates."""

    evaluated = 0

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        self.evaluated += not self.training
        return super().forward(inputs, labels, number)


def test_jit_mode_eval_replays_a_trace(make_trainer: Make) -> None:
    results, runs = [], []
    for traced in (False, True):
        model = Counting(dropout=0.3)
        trainer = make_trainer(model=model, jit_mode_eval=traced, per_device_eval_batch_size=2, eval_strategy="epoch")
        trainer.train()
        predictions = trainer.predict(Rows(10)).predictions
        results.append((entries(trainer, "eval_loss")[0]["eval_loss"], predictions.tolist()))
        runs.append(model.evaluated)
    assert results[0] == results[1]
    # Five batches of an evaluation and five of a prediction; a trace takes one, and another to make sure of it.
    assert runs == [10, 4]


class Untraceable(Counting):
    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        if torch.jit.is_tracing():
            raise RuntimeError("not this one")
        return super().forward(*args, **kwargs)


def test_jit_mode_eval_falls_back_with_one_warning(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    trainer = make_trainer(model=Untraceable(), jit_mode_eval=True, per_device_eval_batch_size=2)
    expected = make_trainer().evaluate()["eval_loss"]
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected)
    assert caplog.text.count("not this one") == 1


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.dropout, self.down = nn.Linear(4, 16), nn.Dropout(0.2), nn.Linear(16, 4)
        self.calls = 0

    def forward(self, hidden: Tensor) -> Tensor:
        self.calls += 1
        return hidden + self.down(self.dropout(self.up(hidden).tanh()))


class Deep(nn.Module):
    """Three blocks; notes how many bytes each step keeps for its backward pass."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.blocks = nn.Sequential(Block(), Block(), Block())
        self.out = nn.Linear(4, 1)
        self.kept = 0

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        def keep(tensor: Tensor) -> Tensor:
            self.kept += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            output = self.out(self.blocks(inputs))
        return {"loss": nn.functional.mse_loss(output, labels), "logits": output}


def test_gradient_checkpointing_same_numbers_less_memory(make: Make) -> None:
    plain, saving = make(model=Deep()), make(model=Deep(), gradient_checkpointing=True)
    assert _losses(plain) == _losses(saving)
    assert [block.calls for block in plain.model.blocks] == [6] * 3
    assert [block.calls for block in saving.model.blocks] == [12] * 3
    assert saving.model.kept < plain.model.kept / 2
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value, saving.model.state_dict()[name])
    assert not any("forward" in vars(block) for block in saving.model.blocks)


def test_gradient_checkpointing_of_nothing_is_refused(make: Make) -> None:
    with pytest.raises(PreflightError, match="RUN162"):
        make(gradient_checkpointing=True).train()


def test_gradient_checkpointing_kwargs_reach_torch(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _losses(make(model=Deep(), gradient_checkpointing=True))
    kwargs = {"preserve_rng_state": False, "determinism_check": "none"}
    # Without the random state dropout is another one the second time, and so are the gradients.
    assert _losses(make(model=Deep(), gradient_checkpointing=True, gradient_checkpointing_kwargs=kwargs)) != plain
    old = make(model=Deep(), gradient_checkpointing=True, gradient_checkpointing_kwargs={"use_reentrant": True})
    assert _losses(old) == plain
    assert [block.calls for block in old.model.blocks] == [12] * 3


class Llama(Plain):
    """Of a kind that the stand-in for Liger knows; `scale` is the kernel that it exchanges."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type="llama")
        self.scale = 1.0

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return super().forward(inputs * self.scale, labels)


@pytest.fixture
def liger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package in the shape of Liger's, whose kernels need an accelerator: rope doubles, rms_norm halves."""
    names = ("liger_kernel", "liger_kernel.transformers", "liger_kernel.transformers.monkey_patch")
    modules: dict[str, Any] = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, loader=None)
        monkeypatch.setitem(sys.modules, name, module)

    def exchange(model: Any, rope: bool = True, rms_norm: bool = True) -> None:
        model.scale *= (2.0 if rope else 1.0) * (0.5 if rms_norm else 1.0)

    modules["liger_kernel.transformers"]._apply_liger_kernel_to_instance = exchange
    modules["liger_kernel.transformers.monkey_patch"].MODEL_TYPE_TO_APPLY_LIGER_FN = {"llama": exchange}


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_use_liger_kernel_exchanges_kernels(make: Make, liger: None) -> None:
    trainer = make(model=Llama(), use_liger_kernel=True, use_cpu=False, liger_kernel_config={"rms_norm": False})
    trainer.train()
    assert trainer.model.scale == 2.0
    with pytest.raises(PreflightError, match="RUN167"):
        make(use_liger_kernel=True, use_cpu=False).train()


def test_use_liger_kernel_without_the_package_is_refused(make: Make) -> None:
    with pytest.raises(PreflightError, match="pip install liger-kernel"):
        make(model=Llama(), use_liger_kernel=True, use_cpu=False).train()


@pytest.mark.parametrize("config, scale", [({"rope": True}, 1.0), ({"rope": False}, 0.5), ({"rms_norm": False}, 2.0)])
def test_liger_kernel_config_chooses_kernels(make: Make, liger: None, config: dict[str, bool], scale: float) -> None:
    trainer = make(model=Llama(), use_liger_kernel=True, use_cpu=False, liger_kernel_config=config)
    trainer.train()
    assert trainer.model.scale == scale
