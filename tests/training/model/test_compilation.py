"""A compiled model computes what the model computes, and leaves it as it is."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.training.errors import TrainingError
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.model.compilation import compile_model, find_uncompilable
from trainspec.training.model.inside import unwrap

Arguments = Callable[..., TrainingArguments]


@pytest.fixture(autouse=True)
def nothing_compiled_stays() -> Iterator[None]:
    yield
    torch.compiler.reset()


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(4, 8)
        self.last = nn.Linear(8, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.first(inputs).tanh()).square().mean()


def _losses(model: nn.Module, count: int = 4) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for number in range(count):
        loss = model(torch.full((2, 4), float(number)))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_compiled_model_trains_as_the_model_does(arguments: Arguments, backend: str) -> None:
    model = Small()
    compiled = compile_model(model, arguments(torch_compile_backend=backend))
    assert compiled is not model
    assert _losses(compiled) == pytest.approx(_losses(Small()), rel=1e-5)


def test_a_model_is_not_compiled_unless_asked(arguments: Arguments) -> None:
    model = Small()
    assert compile_model(model, arguments()) is model


def test_weights_keep_their_names(arguments: Arguments) -> None:
    model = Small()
    compiled = compile_model(model, arguments(torch_compile_backend="eager"))
    assert all(name.startswith("_orig_mod.") for name in compiled.state_dict())
    assert unwrap(compiled) is model and unwrap(model) is model
    assert list(unwrap(compiled).state_dict()) == list(Small().state_dict())


def test_a_model_that_is_compiled_already_is_compiled_once(arguments: Arguments) -> None:
    model = Small()
    compiled = compile_model(
        compile_model(model, arguments(torch_compile_backend="eager")), arguments(torch_compile_backend="eager")
    )
    assert compiled._modules["_orig_mod"] is model


def test_training_and_evaluation_mode_reach_the_model(arguments: Arguments) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    compiled = compile_model(model, arguments(torch_compile_backend="eager"))
    compiled.eval()
    assert not model.training and not model[1].training
    assert torch.equal(compiled(torch.ones(1, 2)), model(torch.ones(1, 2)))


def test_a_backend_that_is_not_there_is_an_error_when_the_model_is_called(arguments: Arguments) -> None:
    model = Small()
    compiled = compile_model(model, arguments(torch_compile_backend="no_such"))
    assert unwrap(compiled) is model
    with pytest.raises(TrainingError, match="'no_such'"):
        compiled(torch.ones(1, 4))


CPU = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
JOB = Job(Small(), None, None, None)


@pytest.mark.filterwarnings("ignore:.*PRF402")
@pytest.mark.parametrize(
    "settings, codes, said",
    [
        ({}, [], ""),
        ({"torch_compile": True}, [], ""),
        ({"torch_compile_backend": "aot_eager"}, [], ""),
        ({"torch_compile_backend": "indctor"}, ["RUN160"], "did you mean 'inductor'"),
        ({"torch_compile_backend": "zzzz"}, ["RUN160"], "use one of"),
    ],
    ids=["not-compiled", "default", "known", "misspelt", "unknown"],
)
def test_a_backend_that_is_not_there_is_found(
    arguments: Arguments, settings: dict[str, Any], codes: list[str], said: str
) -> None:
    found = list(find_uncompilable(arguments(**settings), CPU, JOB))
    assert [item.code for item in found] == codes
    assert all(said in item.remedy and "inductor" in item.remedy for item in found)


@pytest.mark.parametrize("backend, codes", [("inductor", ["RUN161"]), ("aot_eager", [])])
def test_a_missing_compiler_is_found(arguments: Arguments, backend: str, codes: list[str]) -> None:
    from torch._inductor import config, cpp_builder

    cpp_builder.cpp_compiler_search.cache_clear()
    try:
        with config.patch("cpp.cxx", ("no-such-compiler",)):
            found = list(find_uncompilable(arguments(torch_compile_backend=backend), CPU, JOB))
    finally:
        cpp_builder.cpp_compiler_search.cache_clear()
    assert [item.code for item in found] == codes


@pytest.mark.parametrize("device, codes", [("cuda", ["RUN161"]), ("xpu", ["RUN161"]), ("mps", [])])
def test_missing_triton_is_found_where_it_is_needed(
    arguments: Arguments, monkeypatch: pytest.MonkeyPatch, device: str, codes: list[str]
) -> None:
    monkeypatch.setattr("torch.utils._triton.has_triton_package", lambda: False)
    machine = Machine(torch.device(device), world_size=1, bf16=True, tf32=True)
    found = list(find_uncompilable(arguments(torch_compile=True), machine, JOB))
    assert [item.code for item in found] == codes


def test_the_compiler_is_not_imported_for_a_model_that_is_not_compiled() -> None:
    program = (
        "import sys, trainspec.training.precision.precision; from torch import nn; "
        "from trainspec.training.model.compilation import unwrap; unwrap(nn.Linear(1, 1)); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
