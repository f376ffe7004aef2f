"""What DeepSpeed needs here is told before a run, all of it, and without importing it."""

import logging
import shutil
import sys
from typing import Any

import pytest
import torch
from tests.training.parallel.deepspeed_engine.ranks import Words, settings

from trainspec import validate
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.parallel.deepspeed_engine import compiled, library, needs

OFFLOADED = {"stage": 2, "offload_optimizer": {"device": "cpu"}}
OWN = {"optimizer": {"type": "AdamW", "params": {"lr": "auto"}}}


def told(
    world_size: int = 1, device: str = "cpu", model: Any = None, job: Any = None, **changes: Any
) -> dict[str, str]:
    args = settings(**{"deepspeed": {"zero_optimization": {"stage": 2}}, **changes})
    machine = Machine(torch.device(device), world_size, bf16=True, tf32=False)
    known = Job(Words() if model is None else model, None, None, None, **(job or {}))
    return {item.code: item.severity for item in needs.find_deepspeed_needs(args, machine, known)}


def test_nothing_is_wrong_with_what_works() -> None:
    pytest.importorskip("deepspeed")
    before = "deepspeed" in sys.modules
    assert told() == {} and told(4, gradient_accumulation_steps=3) == {}
    assert told(deepspeed=None, auto_find_batch_size=True, world_size=2) == {}
    assert ("deepspeed" in sys.modules) is before


def test_a_batch_is_of_so_many_processes() -> None:
    said = {"deepspeed": {"train_batch_size": 32}, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2}
    assert told(1, **said) == {"RUN271": "error"}
    assert told(1, **said | {"gradient_accumulation_steps": 4}) == told(4, **said) == {}


def test_what_cannot_work_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(model=Words().double()) == {"RUN272": "error"}
    assert told(2, auto_find_batch_size=True) == {"RUN276": "error"} and told(1, auto_find_batch_size=True) == {}
    given = {"has_an_optimizer": True, "schedule": object()}
    own = {**OWN, "scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": "auto"}}}
    assert told(deepspeed=own, job=given) == {"RUN275": "error"} and told(job=given) == {}
    monkeypatch.setattr(needs, "_cpu_has_float16", lambda: False)
    assert told(fp16=True) == {"RUN277": "error"} and told(bf16=True) == {}


NVME = {"stage": 3, "offload_param": {"device": "nvme", "nvme_path": "/fast"}}


def test_what_is_not_tested_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(device="cuda") == {"RUN279": "warning"}
    assert told(deepspeed={"zero_optimization": OFFLOADED}) == {}
    for lacks, severity in ((None, "warning"), ("there is no ninja", "error")):
        monkeypatch.setattr(compiled, "lacking", lambda operation, found=lacks: found)
        assert told(deepspeed={"zero_optimization": OFFLOADED, **OWN}) == {"RUN274": severity}
        assert told(deepspeed={"zero_optimization": NVME}) == {"RUN273": severity}


@pytest.mark.parametrize(
    ("there", "named", "links", "adam", "files"),
    [
        ({"c++", "ninja"}, None, True, None, None),
        ({"c++", "ninja"}, None, False, None, "libaio"),
        ({"c++"}, None, True, "ninja", "ninja"),
        ({"ninja", "g++"}, None, True, "compiler c++", "compiler c++"),
        ({"g++-14", "ninja"}, "g++-14", True, None, None),
        ({"ccache", "ninja"}, "ccache g++-14 -m64", True, None, None),
        ({"c++", "ninja"}, "/opt/of_nobody/c++", True, "/opt/of_nobody/c++", "/opt/of_nobody/c++"),
    ],
)
def test_what_is_compiled_needs_its_tools(
    there: set[str],
    named: str | None,
    links: bool,
    adam: str | None,
    files: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    if named is not None:
        monkeypatch.setenv("CXX", named)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name in there else None)
    monkeypatch.setattr(compiled, "links", lambda *_: links)
    for operation, wanted in ((compiled.ADAM, adam), (compiled.FILES, files)):
        said = compiled.lacking(operation)
        assert said is None if wanted is None else wanted in str(said)
    monkeypatch.setattr(compiled, "_is_built", lambda _: True)
    assert compiled.lacking(compiled.ADAM) is compiled.lacking(compiled.FILES) is None


@pytest.mark.skipif(shutil.which("c++") is None, reason="nothing to link with")
def test_a_program_links_with_what_is_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.links("c++", "c", "abort") and not compiled.links("c++", "of_nobody", "abort")
    assert not compiled.links("c++", "c", "function_of_nobody")
    monkeypatch.setenv("LDFLAGS", "--flag-of-nobody")
    assert not compiled.links("c++", "c", "abort")


@pytest.mark.parametrize(
    "ours, theirs",
    [("DEBUG", "INFO"), ("INFO", "WARNING"), ("WARNING", "ERROR"), ("ERROR", "CRITICAL")],
)
def test_its_log_is_a_level_quieter_than_ours(monkeypatch: pytest.MonkeyPatch, ours: str, theirs: str) -> None:
    class Utilities:
        logger = logging.Logger("stands for DeepSpeed's")

    Utilities.logger.addHandler(logging.NullHandler())
    monkeypatch.setattr(library, "part", lambda name: Utilities)
    logging.getLogger("trainspec").setLevel(ours)
    library._quieten()
    assert logging.getLevelName(Utilities.logger.level) == theirs
    assert [logging.getLevelName(handler.level) for handler in Utilities.logger.handlers] == [theirs]


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("more", [{"torch_compile": True}, {"optim": "adafactor"}, {"deepspeed": {"pipeline": {}}}])
def test_a_file_is_warned_of_what_stops_a_run(more: dict[str, Any]) -> None:
    said = {"deepspeed": {"zero_optimization": {"stage": 2}}, **more}
    assert not [item for item in validate(said).diagnostics if item.severity == "error"]
    assert told(2, **more)["RUN278"] == "error"
    assert "RUN278" not in told(2)


def fine(threshold: int, stage: int = 3, device: str = "cpu") -> dict[str, str]:
    zero = {"stage": stage, "stage3_module_granularity_threshold": threshold}
    return told(2, device, deepspeed={"zero_optimization": zero})


def test_fine_modules_are_refused_where_there_are_some_and_no_accelerator() -> None:
    # Of the model: 365 parameters in it and four modules of its own that have some.
    model = Words()
    (name, grain), counted = needs.grains(model)[-1], sum(value.numel() for value in model.parameters())
    assert name == "" and grain == counted // 5
    assert fine(grain) == {"RUN280": "error"} and fine(grain - 1) == fine(0) == fine(grain, stage=2) == {}
    assert "RUN280" not in fine(grain, device="cuda")


def test_containers_are_no_modules_to_gather() -> None:
    inner = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())
    assert needs.grains(torch.nn.Sequential(inner)) == []
