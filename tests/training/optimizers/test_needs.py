"""What keeps an optimizer from working is found before it is built: packages, devices, modules, arguments."""

from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, settings
from torch import nn

from trainspec.training.findings.facts import Job, Machine
from trainspec.training.optimizers import OPTIMIZERS, build_optimizer
from trainspec.training.optimizers import entry as entries
from trainspec.training.optimizers.optimizer_needs import find_optimizer_needs

pytestmark = pytest.mark.filterwarnings("ignore")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
TARGETS: dict[str, Any] = {"optim_target_modules": ["up"]}


def machine(device: torch.device = CPU, processes: int = 1) -> Machine:
    return Machine(device=device, world_size=processes, bf16=True, tf32=True)


def findings(optim: str, where: Machine | None = None, model: nn.Module | None = None, **changes: Any) -> list[Any]:
    job = Job(Network() if model is None else model, [1], None, None)
    return list(find_optimizer_needs(settings(optim, **changes), where or machine(), job))


def apollo(optim: str = "apollo_adamw", modules: Any = "all-linear", **arguments: Any) -> dict[str, Any]:
    return {"optim": optim, "optim_target_modules": modules, "optim_args": arguments}


TWO = machine(processes=2)
ROWS: list[Any] = [
    pytest.param({"optim": "adamw_torch"}, None, [], id="usual"),
    pytest.param({"optim": "lomo"}, None, [], id="lomo"),
    pytest.param({"optim": "lomo", "fp16": True}, None, ["RUN134"], id="lomo-under-fp16"),
    pytest.param({"optim": "lomo", "bf16": True}, None, [], id="lomo-under-bf16"),
    pytest.param({"optim": "galore_adamw_layerwise", **TARGETS}, None, [], id="layerwise"),
    pytest.param(
        {"optim": "galore_adamw_layerwise", **TARGETS, "fp16": True}, None, ["RUN134"], id="layerwise-under-fp16"
    ),
    pytest.param({"optim": "galore_adamw", **TARGETS, "fp16": True}, TWO, [], id="not-layerwise"),
    pytest.param({"optim": "adalomo"}, None, ["RUN131"], id="adalomo"),
    pytest.param({"optim": "adalomo"}, machine(CUDA), [], id="adalomo-on-cuda"),
    pytest.param({"optim": "galore_adamw_8bit", **TARGETS}, None, ["RUN131"], id="galore-8bit"),
    pytest.param({"optim": "galore_adamw_8bit", **TARGETS}, machine(CUDA), [], id="galore-8bit-on-cuda"),
    pytest.param({"optim": "galore_adamw_8bit_layerwise", **TARGETS}, None, ["RUN131"], id="galore-8bit-layerwise"),
    pytest.param({"optim": "adamw_torch_xla"}, None, ["RUN130", "RUN131"], id="xla"),
    pytest.param({"optim": "adamw_torch_npu_fused"}, None, ["RUN130", "RUN131"], id="npu"),
    pytest.param({"optim": "adamw_apex_fused"}, None, [], id="apex"),
    pytest.param({"optim": "galore_adamw", "optim_target_modules": ["up", "dwn"]}, None, ["RUN133"], id="one-idle"),
    pytest.param({"optim": "galore_adamw", "optim_target_modules": ["dwn"]}, None, ["RUN132"], id="none-matched"),
    pytest.param({"optim": "galore_adamw", "optim_target_modules": "u"}, None, ["RUN132"], id="text-is-whole"),
    pytest.param({"optim": "galore_adamw", "optim_target_modules": "u("}, None, ["RUN132"], id="no-expression"),
    pytest.param({"optim": "galore_adamw", "optim_target_modules": "u."}, None, [], id="an-expression"),
    pytest.param(apollo(proj_type="full"), None, ["RUN136"], id="apollo-random-full"),
    pytest.param(apollo(proj_type="full", proj="svd"), None, ["RUN136"], id="apollo-svd-full"),
    pytest.param(apollo(proj_type="full", proj="svd", scale_type="tensor"), None, [], id="apollo-full-tensor"),
    pytest.param(apollo(modules=["up"], proj_type="right"), None, [], id="apollo-tall-right"),
    pytest.param(apollo(modules=["up"], proj_type="left"), None, ["RUN136"], id="apollo-tall-left"),
    pytest.param(apollo(modules=["down"], proj_type="left"), None, [], id="apollo-wide-left"),
    pytest.param(apollo(modules=["down"], proj_type="right"), None, ["RUN136"], id="apollo-wide-right"),
    pytest.param(apollo(proj_type="reverse_std"), None, ["RUN136"], id="apollo-reverse"),
    pytest.param(apollo(proj_type="reverse_std", scale_type="tensor"), None, [], id="apollo-reverse-tensor"),
    pytest.param(apollo(modules="u(", proj_type="left"), None, ["RUN132"], id="apollo-no-expression"),
    pytest.param({"optim": "adamw_torch", "optim_args": "differentiable=true"}, None, ["RUN136"], id="differentiable"),
    pytest.param({"optim": "adamw_torch", "optim_args": "capturable=true"}, None, ["RUN136"], id="capturable"),
    pytest.param({"optim": "rmsprop", "optim_args": "capturable=true"}, machine(CUDA), [], id="capturable-on-cuda"),
    pytest.param(
        {"optim": "adamw_anyprecision", "optim_args": "kahan_sum=true,use_kahan_summation=false"},
        None,
        ["RUN136"],
        id="kahan-both-ways",
    ),
    pytest.param(
        {"optim": "adamw_anyprecision", "optim_args": "kahan_sum=true,use_kahan_summation=true"},
        None,
        [],
        id="kahan-twice",
    ),
    pytest.param({"optim": "stable_adamw", "optim_args": "triton=true"}, None, ["RUN139"], id="no-triton"),
    pytest.param({"optim": "rmsprop_bnb", "optim_args": "alpha=0"}, None, ["RUN139"], id="bnb-refuses"),
    pytest.param({"optim": "muon"}, None, [], id="muon"),
    pytest.param({"optim": "muon", "model": nn.LayerNorm(3)}, None, ["RUN137"], id="muon-without-matrix"),
    pytest.param(
        {"optim": "adafactor", "optim_args": "relative_step=true", "lr_scheduler_type": "cosine"},
        None,
        ["RUN138"],
        id="schedule-under-relative-step",
    ),
    pytest.param({"optim": "adafactor", "optim_args": "relative_step=true"}, None, [], id="relative-step"),
    pytest.param({"optim": "adamw_torch_fused"}, None, [], id="fused"),
    pytest.param({"optim": "adamw_torch_fused", "model": Network().to("meta")}, None, ["RUN108"], id="fused-elsewhere"),
    pytest.param({"optim": "adamw_torch", "model": Network().to("meta")}, None, [], id="not-fused-elsewhere"),
    pytest.param(
        {"optim": "sgd", "optim_args": "fused=true", "model": Network().to("meta")},
        None,
        ["RUN108"],
        id="sgd-elsewhere",
    ),
    pytest.param({"optim": "adagrad", "optim_args": "fused=true"}, None, [], id="adagrad-fused"),
    pytest.param({"optim": "adamw_torch", "model": nn.Linear(2, 2).requires_grad_(False)}, None, [], id="frozen"),
]


@pytest.mark.parametrize("changes, where, expected", ROWS)
def test_findings(changes: dict[str, Any], where: Machine | None, expected: list[str]) -> None:
    given = dict(changes)
    assert [item.code for item in findings(given.pop("optim"), where, **given)] == expected


@pytest.mark.parametrize("optim", sorted(name for name, entry in OPTIMIZERS.items() if entry.package is not None))
def test_optim_whose_package_is_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, optim: str) -> None:
    monkeypatch.setattr(entries, "find_spec", lambda name: None)
    changes = TARGETS if OPTIMIZERS[optim].low_rank else {}  # type: ignore[index]
    first = findings(optim, **changes)[0]
    assert first.code == "RUN130" and first.severity == "error"
    package = OPTIMIZERS[optim].package  # type: ignore[index]
    assert package is not None
    assert f"pip install {package.quoted}" in first.remedy and package.requirement in first.message


def test_optim_target_modules_that_match_nothing_are_told_what_there_is() -> None:
    found = findings("galore_adamw", optim_target_modules=["attention"])[0]
    assert found.severity == "error" and "up, down, head" in found.remedy
    many = nn.Sequential(*[nn.Linear(2, 2) for _ in range(20)])
    assert "and 8 more" in findings("galore_adamw", model=many, optim_target_modules=["attention"])[0].remedy
    none = findings("galore_adamw", model=nn.LayerNorm(2), optim_target_modules="all-linear")[0]
    assert "no Linear module to train" in none.remedy


def test_looking_leaves_the_model_alone() -> None:
    model = Network()
    for optim in ("lomo", "galore_adamw_layerwise", "muon"):
        changes = TARGETS if optim.startswith("galore") else {}
        assert findings(optim, model=model, **changes) == []
    before = model.up.weight.detach().clone()
    model(torch.zeros(2, 3, dtype=torch.long)).sum().backward()
    assert torch.equal(before, model.up.weight) and model.up.weight.grad is not None


@pytest.mark.parametrize("side", ["std", "reverse_std", "left", "right", "full"])
@pytest.mark.parametrize("rank", [4, 31, 32, 200])
@pytest.mark.parametrize("module", ["up", "down"])
def test_optim_args_of_galore_are_refused_exactly_where_a_step_fails(module: str, rank: int, side: str) -> None:
    changes = apollo("galore_adafactor", modules=[module], rank=rank, proj_type=side)
    assert (findings(**changes) != []) is fails_to_step(changes)


@pytest.mark.parametrize("scale_type", ["channel", "tensor"])
@pytest.mark.parametrize("side", ["std", "reverse_std", "left", "right", "full"])
@pytest.mark.parametrize("kind", ["random", "svd"])
@pytest.mark.parametrize("module", ["up", "down"])
def test_optim_args_of_apollo_are_refused_exactly_where_a_step_fails(
    module: str, kind: str, side: str, scale_type: str
) -> None:
    """The dimensions of a tall matrix (up) and a wide one (down) decide."""
    changes = apollo(modules=[module], rank=4, proj=kind, proj_type=side, scale_type=scale_type)
    assert (findings(**changes) != []) is fails_to_step(changes)


def fails_to_step(changes: dict[str, Any]) -> bool:
    model = Network()
    optimizer = build_optimizer(model, settings(**changes))
    model(torch.zeros(2, 3, dtype=torch.long)).square().sum().backward()
    try:
        optimizer.step()
    except (RuntimeError, NotImplementedError):
        return True
    return False
