"""Liger's own function is called with the model it knows and the kernels that were chosen.

The kernels need an accelerator, and the package a gigabyte, so that a package of the same shape stands in for it.
"""

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.model.liger import apply_liger, find_no_liger

Arguments = Callable[..., TrainingArguments]
GPU = Machine(torch.device("cuda"), world_size=1, bf16=True, tf32=True)


class Llama(nn.Linear):
    def __init__(self, kind: Any = "llama") -> None:
        super().__init__(1, 1)
        self.config = SimpleNamespace(model_type=kind)


class Adapted(nn.Module):
    """Wrapped as PEFT wraps."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Llama()

    def get_base_model(self) -> nn.Module:
        return self.inner


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    names = ("liger_kernel", "liger_kernel.transformers", "liger_kernel.transformers.monkey_patch")
    modules: dict[str, Any] = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, loader=None)
        monkeypatch.setitem(sys.modules, name, module)
    modules["liger_kernel.transformers"]._apply_liger_kernel_to_instance = lambda **given: made.append(given)
    modules["liger_kernel.transformers.monkey_patch"].MODEL_TYPE_TO_APPLY_LIGER_FN = {"llama": None, "qwen2": None}
    return made


@pytest.fixture
def liger(arguments: Arguments) -> Arguments:
    return lambda **more: arguments(**{"use_cpu": False, "use_liger_kernel": True, **more})


@pytest.mark.parametrize(
    "config, kernels",
    [(None, {}), ({"rope": True, "cross_entropy": False}, {"rope": True, "cross_entropy": False})],
    ids=["all", "chosen"],
)
def test_the_chosen_kernels_are_applied(
    calls: list[dict[str, Any]], liger: Arguments, config: Any, kernels: dict[str, bool]
) -> None:
    model = Llama()
    apply_liger(model, liger(liger_kernel_config=config))
    assert calls == [{"model": model, **kernels}]


def test_a_wrapped_model_is_reached_inside(calls: list[dict[str, Any]], liger: Arguments) -> None:
    model = Adapted()
    apply_liger(torch.compile(model, backend="eager"), liger())  # type: ignore[arg-type]
    assert calls == [{"model": model.inner}]
    assert not list(find_no_liger(liger(), GPU, Job(model, None, None, None)))


def test_nothing_is_applied_unless_asked(calls: list[dict[str, Any]], arguments: Arguments) -> None:
    apply_liger(Llama(), arguments())
    assert calls == []


@pytest.mark.parametrize(
    "model, codes",
    [(Llama(), []), (Llama("bert"), ["RUN167"]), (Llama(None), ["RUN167"]), (nn.Linear(1, 1), ["RUN167"])],
    ids=["known", "unknown", "no-kind", "plain"],
)
def test_a_model_that_liger_does_not_know_is_found(
    calls: list[dict[str, Any]], liger: Arguments, model: nn.Module, codes: list[str]
) -> None:
    found = list(find_no_liger(liger(), GPU, Job(model, None, None, None)))
    assert [item.code for item in found] == codes
    assert all("llama, qwen2" in item.remedy for item in found)


def test_a_missing_package_is_found_with_what_installs_it(liger: Arguments, arguments: Arguments) -> None:
    (item,) = find_no_liger(liger(), GPU, Job(Llama(), None, None, None))
    assert item.code == "RUN166" and "pip install liger-kernel" in item.remedy
    assert not list(find_no_liger(arguments(), GPU, Job(Llama(), None, None, None)))
