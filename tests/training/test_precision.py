"""Half precision, loss scaling and TF32."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, entries, weights
from torch import Tensor, nn

from trainspec.training.precision import tf32


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
