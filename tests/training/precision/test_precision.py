"""Half precision, loss scaling and TF32."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, entries, weights
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.precision.precision import (
    Precision,
    choose_precision,
    find_apex,
    find_lost_epsilon,
    find_number_formats,
    tf32,
)


class Formats(Line):
    """Notes the number format that its layer computes in."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[torch.dtype] = []
        self.layer.register_forward_hook(lambda module, inputs, output: self.formats.append(output.dtype))


@pytest.mark.parametrize(
    "settings, expected",
    [({}, torch.float32), ({"bf16": True}, torch.bfloat16), ({"fp16": True}, torch.float16)],
    ids=["fp32", "bf16", "fp16"],
)
def test_bf16_fp16_compute_in_half_and_keep_whole_weights(
    make_trainer: Make, settings: dict[str, bool], expected: torch.dtype
) -> None:
    trainer = make_trainer(model=Formats(), **settings)
    trainer.train()
    trainer.evaluate()
    assert set(trainer.model.formats) == {expected}
    assert trainer.model.layer.weight.dtype == torch.float32
    assert trainer.predict(trainer.eval_dataset).predictions.dtype.name in ("float32", "float16")


class Overflowing(nn.Module):
    """Its gradient is 1 for the weight, but overflows while the loss scale is above `limit`."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.limit = limit

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        value = self.weight * 1.0
        value.register_hook(lambda slope: slope * (torch.inf if slope > self.limit else 1.0))
        return value


def test_fp16_overflow_skips_the_step_and_the_schedule(make_trainer: Make) -> None:
    # The scale starts at 65,536 and halves with each overflow: three steps are skipped.
    trainer = make_trainer(model=Overflowing(10_000), fp16=True, logging_steps=1, max_grad_norm=0)
    trainer.train()
    scales = [entry["loss_scale"] for entry in entries(trainer, "loss_scale")]
    rates = [entry["learning_rate"] for entry in entries(trainer, "learning_rate")]
    assert scales == [32768.0, 16384.0, 8192.0, 8192.0, 8192.0, 8192.0]
    assert rates == pytest.approx([0.01] * 4 + [0.01 * 5 / 6, 0.01 * 4 / 6])
    # Adam's step on a constant gradient of 1 is the learning rate itself.
    assert float(weights(trainer)["weight"]) == pytest.approx(-sum(rates[3:]), rel=1e-4)


def test_fp16_scale_starts_anew_with_each_run(make_trainer: Make) -> None:
    trainer = make_trainer(model=Overflowing(10_000), fp16=True, logging_steps=1, max_steps=2)
    scales = []
    for _ in range(2):
        trainer.train()
        scales.append([entry["loss_scale"] for entry in entries(trainer, "loss_scale")])
    assert scales == [[32768.0, 16384.0]] * 2


def test_fp16_clips_the_unscaled_gradient(make_trainer: Make) -> None:
    usual = {"logging_steps": 1, "max_steps": 4, "max_grad_norm": 0.5}
    whole, half = (make_trainer(model=Overflowing(1e9), **usual, **more) for more in ({}, {"fp16": True}))
    whole.train()
    half.train()
    norms: list[Any] = [[entry["grad_norm"] for entry in entries(run, "grad_norm")] for run in (whole, half)]
    assert norms[0] == norms[1] == pytest.approx([1.0] * 4)


def _tf32() -> tuple[Any, ...]:
    backends: Any = torch.backends
    # A mix of torch's old and new interfaces would make the reads of the old ones raise.
    return (
        backends.cuda.matmul.allow_tf32,
        backends.cudnn.allow_tf32,
        backends.cuda.matmul.fp32_precision,
        torch.get_float32_matmul_precision(),
        backends.cudnn.conv.fp32_precision,
        backends.cudnn.rnn.fp32_precision,
    )


class Watching(Line):
    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        self.during = _tf32()
        return super().forward(inputs, labels, number)


@pytest.mark.parametrize(
    "wanted, during",
    [
        (True, (True, True, "tf32", "high", "tf32", "tf32")),
        (False, (False, False, "ieee", "highest", "ieee", "ieee")),
        (None, None),
    ],
)
def test_tf32_holds_during_the_run_and_is_put_back(
    make_trainer: Make, wanted: bool | None, during: tuple[Any, ...] | None
) -> None:
    before = _tf32()
    trainer = make_trainer(model=Watching(), tf32=wanted, use_cpu=False)
    trainer.train()
    assert trainer.model.during == (during or before)
    assert _tf32() == before


def test_tf32_is_put_back_after_an_error() -> None:
    before = _tf32()
    with pytest.raises(KeyboardInterrupt), tf32(True):
        raise KeyboardInterrupt
    assert _tf32() == before


def test_half_precision_backend_cpu_amp_is_torchs_own(make_trainer: Make) -> None:
    trainer = make_trainer(model=Formats(), bf16=True, half_precision_backend="cpu_amp")
    trainer.train()
    assert set(trainer.model.formats) == {torch.bfloat16}


class Reads(TorchDispatchMode):
    """Counts the numbers that the host waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def _update(precision: Precision, optimizer: torch.optim.Optimizer, slope: float) -> bool:
    weight = optimizer.param_groups[0]["params"][0]
    precision.backward((weight * slope).sum())
    precision.unscale(optimizer)
    stepped = precision.step(optimizer)
    optimizer.zero_grad()
    return stepped


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "not-fused"])
def test_fp16_waits_for_the_device_once_an_update(fused: bool, arguments: Callable[..., TrainingArguments]) -> None:
    precision = choose_precision(arguments(fp16=True), torch.device("cpu"))
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)], fused=fused)
    _update(precision, optimizer, 1.0)
    stepped = []
    for slope in (1.0, math.inf, 1.0, math.nan):
        with Reads() as reads:
            stepped.append(_update(precision, optimizer, slope))
        assert reads.count == 1
    assert stepped == [True, False, True, False]
    assert precision.loss_scale() == 65536 / 4


@pytest.mark.parametrize("settings", [{}, {"bf16": True}, {"fp16": True, "fp16_opt_level": "O3"}])
def test_without_a_scale_no_step_waits(settings: dict[str, Any], arguments: Callable[..., TrainingArguments]) -> None:
    precision = choose_precision(arguments(**settings), torch.device("cpu"))
    optimizer = torch.optim.AdamW([torch.ones(3, requires_grad=True)], fused=True)
    _update(precision, optimizer, 1.0)
    with Reads() as reads:
        assert _update(precision, optimizer, 1.0)
    assert reads.count == 0
    assert precision.loss_scale() is None and precision.state_dict() is None


def test_the_scale_grows_after_so_many_steps(arguments: Callable[..., TrainingArguments]) -> None:
    precision = choose_precision(arguments(fp16=True), torch.device("cpu"))
    assert precision.scaler is not None
    precision.scaler.set_growth_interval(3)
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)])
    assert [_update(precision, optimizer, 1.0) for _ in range(3)] == [True] * 3
    assert precision.loss_scale() == 131072


def test_a_saved_scale_goes_on(arguments: Callable[..., TrainingArguments]) -> None:
    first, second = (choose_precision(arguments(fp16=True), torch.device("cpu")) for _ in range(2))
    optimizer = torch.optim.SGD([torch.ones(3, requires_grad=True)])
    for slope in (math.inf, 1.0, 1.0):
        _update(first, optimizer, slope)
    assert second.loss_scale() == 65536
    second.load_state_dict(first.state_dict())
    assert second.loss_scale() == 32768 and second.state_dict() == first.state_dict()
    second.load_state_dict(None)
    assert second.loss_scale() == 32768


def test_paused_precision_leaves_formats_alone(arguments: Callable[..., TrainingArguments]) -> None:
    precision = choose_precision(arguments(bf16=True), torch.device("cpu"))
    layer = nn.Linear(2, 2)
    with precision.paused(), precision.autocast():
        assert layer(torch.ones(1, 2)).dtype is torch.float32
    with precision.autocast():
        assert layer(torch.ones(1, 2)).dtype is torch.bfloat16


LAPTOP = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)
OLD_GPU = Machine(torch.device("cuda"), world_size=1, bf16=False, tf32=False)
FINDINGS: list[Any] = [
    pytest.param({}, LAPTOP, [], id="fine"),
    pytest.param({"bf16": True}, LAPTOP, [], id="bf16"),
    pytest.param({"bf16": True}, OLD_GPU, ["RUN104"], id="bf16-on-an-old-gpu"),
    pytest.param({"bf16_full_eval": True}, OLD_GPU, ["RUN104"], id="bf16-evaluation-on-an-old-gpu"),
    pytest.param({"fp16_full_eval": True}, OLD_GPU, [], id="fp16-evaluation-on-an-old-gpu"),
    pytest.param({"tf32": True, "use_cpu": False}, OLD_GPU, ["RUN105"], id="tf32-on-an-old-gpu"),
    pytest.param({"fp16": True, "half": True}, LAPTOP, ["RUN106"], id="half-weights"),
    pytest.param({"fp16": True, "fp16_opt_level": "O2", "half": True}, LAPTOP, ["RUN106"], id="half-masters"),
    pytest.param({"half": True}, LAPTOP, [], id="half-weights-without-fp16"),
    pytest.param({"fp16": True, "fp16_opt_level": "O3", "adam_epsilon": 1e-4, "half": True}, LAPTOP, [], id="o3"),
    pytest.param({"fp16": True, "fp16_opt_level": "O3"}, LAPTOP, ["RUN165"], id="epsilon-lost"),
    pytest.param({"fp16": True, "fp16_opt_level": "O3", "adam_epsilon": 2.0**-25}, LAPTOP, ["RUN165"], id="border"),
    pytest.param({"fp16": True, "fp16_opt_level": "O3", "adam_epsilon": 2.99e-8}, LAPTOP, [], id="above-the-border"),
    pytest.param({"fp16": True, "fp16_opt_level": "O2"}, LAPTOP, [], id="epsilon-in-masters"),
    pytest.param({"fp16": True, "half_precision_backend": "apex", "use_cpu": False}, OLD_GPU, ["RUN164"], id="apex"),
    pytest.param({"fp16": True, "half_precision_backend": "cpu_amp"}, LAPTOP, [], id="cpu-amp"),
]


@pytest.mark.parametrize("given, machine, codes", FINDINGS)
def test_what_does_not_go_together_is_found(
    arguments: Callable[..., TrainingArguments], given: dict[str, Any], machine: Machine, codes: list[str]
) -> None:
    model = nn.Linear(1, 1).half() if given.pop("half", False) else nn.Linear(1, 1)
    args, job = arguments(**given), Job(model, None, None, None)
    needs = (find_number_formats, find_lost_epsilon, find_apex)
    found = [item for need in needs for item in need(args, machine, job)]
    assert [item.code for item in found] == codes


@pytest.mark.parametrize("epsilon", [2.0**-25, 2.99e-8])
def test_the_border_of_a_lost_epsilon_is_that_of_float16(epsilon: float) -> None:
    assert (torch.tensor(epsilon).half() == 0) == (epsilon <= 2.0**-25)
