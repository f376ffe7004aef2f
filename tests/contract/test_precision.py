"""In what numbers a run computes, and that the weights are float32 unless something else was asked for."""

import math
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries
from torch import Tensor, nn

from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.contents import unpack
from trainspec.training.preflight.preflight import PreflightError

WHOLE, HALF, BRAIN = torch.float32, torch.float16, torch.bfloat16


class Formats(Line):
    """Notes what its layer computes in, what its weight is meanwhile, and what inputs are, while training or not."""

    def __init__(self) -> None:
        super().__init__()
        self.training_in: set[Any] = set()
        self.evaluating_in: set[Any] = set()

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        outputs = super().forward(inputs, labels, number)
        met = (outputs["logits"].dtype, self.layer.weight.dtype, inputs.dtype)
        (self.training_in if self.training else self.evaluating_in).add(met)
        return outputs


class Small(nn.Module):
    """Its gradient is `slope`, which float16 holds only when the loss is scaled up."""

    def __init__(self, slope: float = 2.0**-30) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1))
        self.slope = slope

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        rows = inputs.new_full((1, 1), self.slope * 2**12)
        return nn.functional.linear(rows, self.weight).float().sum() * 2.0**-12


class Overflowing(nn.Module):
    """Its gradient is 1, but overflows while the loss scale is above `limit`."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.limit = limit

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        value = self.weight * 1.0
        value.register_hook(lambda slope: slope * (torch.inf if slope > self.limit else 1.0))
        return value


@pytest.mark.parametrize("device_free", [False, True], ids=["alone", "with-evaluation"])
def test_bf16_computes_in_bfloat16_and_keeps_whole_weights(make_trainer: Make, device_free: bool) -> None:
    trainer = make_trainer(model=Formats(), bf16=True)
    trainer.train()
    assert trainer.model.training_in == {(BRAIN, WHOLE, WHOLE)}
    assert trainer.parts.precision.scaler is None and not entries(trainer, "loss_scale")
    if device_free:
        trainer.evaluate()
        assert trainer.model.evaluating_in == {(BRAIN, WHOLE, WHOLE)}


def test_fp16_computes_in_float16_under_a_scale_that_saves_small_gradients(make_trainer: Make) -> None:
    trainer = make_trainer(model=Formats(), fp16=True)
    trainer.train()
    assert trainer.model.training_in == {(HALF, WHOLE, WHOLE)}
    norms = {}
    for name, more in {"whole": {}, "fp16": {"fp16": True}, "o3": {"fp16": True, "fp16_opt_level": "O3"}}.items():
        run = make_trainer(model=Small(), logging_steps=1, max_steps=1, max_grad_norm=0, adam_epsilon=1e-3, **more)
        run.train()
        norms[name] = entries(run, "grad_norm")[0]["grad_norm"]
    assert norms["fp16"] == norms["whole"] == 2.0**-30 and norms["o3"] == 0


def test_fp16_skips_overflowing_steps_and_saves_the_scale(make_trainer: Make) -> None:
    usual = {"fp16": True, "logging_steps": 1, "max_grad_norm": 0, "save_steps": 2, "save_strategy": "steps"}
    trainer = make_trainer(model=Overflowing(10_000), **usual, stop_on_nonfinite=False)
    trainer.train()
    # The scale starts at 65,536: three steps are skipped, and the schedule waits for them.
    assert [entry["loss_scale"] for entry in entries(trainer, "loss_scale")] == [32768, 16384, 8192, 8192, 8192, 8192]
    rates = [entry["learning_rate"] for entry in entries(trainer, "learning_rate")]
    assert rates == pytest.approx([0.01] * 4 + [0.01 * 5 / 6, 0.01 * 4 / 6])
    assert float(trainer.model.weight) == pytest.approx(-sum(rates[3:]), rel=1e-4)
    saved = unpack(open_checkpoint(f"{trainer.args.output_dir}/checkpoint-2"))
    assert saved.scaler is not None and saved.scaler["scale"] == 16384
    resumed = make_trainer(model=Overflowing(10_000), **usual, stop_on_nonfinite=False)
    resumed.train(resume_from_checkpoint=f"{trainer.args.output_dir}/checkpoint-2")
    assert float(resumed.model.weight) == float(trainer.model.weight)
    assert resumed.parts.precision.loss_scale() == 8192


# What the layer computes in, its weight meanwhile, its inputs; and its weight afterwards.
LEVELS: list[Any] = [
    pytest.param("O0", (WHOLE, WHOLE, WHOLE), WHOLE, id="O0"),
    pytest.param("O1", (HALF, WHOLE, WHOLE), WHOLE, id="O1"),
    pytest.param("O2", (HALF, HALF, WHOLE), WHOLE, id="O2"),
    pytest.param("O3", (HALF, HALF, HALF), HALF, id="O3"),
]


@pytest.mark.parametrize("level, met, kept", LEVELS)
def test_fp16_opt_level_says_what_is_half(
    make_trainer: Make, level: str, met: tuple[torch.dtype, ...], kept: torch.dtype
) -> None:
    trainer = make_trainer(
        model=Formats(), fp16=True, fp16_opt_level=level, adam_epsilon=1e-4, save_strategy="epoch", num_train_epochs=8
    )
    trainer.train()
    trainer.evaluate()
    assert trainer.model.training_in == trainer.model.evaluating_in == {met}
    assert trainer.model.layer.weight.dtype is kept
    weights = unpack(open_checkpoint(f"{trainer.args.output_dir}/checkpoint-48")).model
    assert {value.dtype for value in weights.values()} == {kept}
    whole = make_trainer(num_train_epochs=8, adam_epsilon=1e-4)
    whole.train()
    torch.testing.assert_close(weights["layer.weight"].float(), whole.model.layer.weight.detach(), rtol=0, atol=0.1)
    assert torch.equal(weights["layer.weight"], whole.model.layer.weight) == (level == "O0")


@pytest.mark.parametrize("backend", ["auto", "cpu_amp"])
def test_half_precision_backend_is_torchs_own(make_trainer: Make, backend: str) -> None:
    trainer = make_trainer(model=Formats(), bf16=True, half_precision_backend=backend)
    trainer.train()
    assert trainer.model.training_in == {(BRAIN, WHOLE, WHOLE)}


def test_half_precision_backend_apex_is_refused_with_what_to_do(make_trainer: Make) -> None:
    with pytest.raises(PreflightError, match="RUN164") as caught:
        make_trainer(fp16=True, half_precision_backend="apex", use_cpu=False).train()
    assert "levels O0 to O3" in str(caught.value) and "leave half_precision_backend out" in str(caught.value)


def _evaluates_entirely_in(make_trainer: Make, setting: str, dtype: torch.dtype) -> None:
    trainer = make_trainer(model=Formats(), eval_strategy="steps", eval_steps=2, **{setting: True})
    plain = make_trainer(eval_strategy="steps", eval_steps=2)
    trainer.train()
    plain.train()
    assert trainer.model.training_in == {(WHOLE, WHOLE, WHOLE)}
    assert trainer.model.evaluating_in == {(dtype, dtype, dtype)}
    # Training does not notice: every bit of the weights is what it would be.
    assert torch.equal(trainer.model.layer.weight, plain.model.layer.weight)
    losses = [[entry["eval_loss"] for entry in entries(run, "eval_loss")] for run in (trainer, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02) and losses[0] != losses[1]
    assert trainer.predict(Rows(3)).label_ids.dtype.name == "float32"


def test_bf16_full_eval_evaluates_entirely_in_bfloat16(make_trainer: Make) -> None:
    _evaluates_entirely_in(make_trainer, "bf16_full_eval", BRAIN)


def test_fp16_full_eval_evaluates_entirely_in_float16(make_trainer: Make) -> None:
    _evaluates_entirely_in(make_trainer, "fp16_full_eval", HALF)


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_bf16_full_eval_comes_before_the_autocast_of_training(make_trainer: Make) -> None:
    trainer = make_trainer(model=Formats(), fp16=True, bf16_full_eval=True, eval_strategy="epoch")
    trainer.train()
    assert trainer.model.training_in == {(HALF, WHOLE, WHOLE)}
    assert trainer.model.evaluating_in == {(BRAIN, BRAIN, BRAIN)}
    assert math.isfinite(entries(trainer, "eval_loss")[0]["eval_loss"])


class Switches(Line):
    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        self.during = _switches()
        return super().forward(*args, **kwargs)


def _switches() -> tuple[Any, ...]:
    backends: Any = torch.backends
    return backends.cuda.matmul.fp32_precision, torch.get_float32_matmul_precision(), backends.cudnn.conv.fp32_precision


@pytest.mark.parametrize(
    "wanted, during",
    [(True, ("tf32", "high", "tf32")), (False, ("ieee", "highest", "ieee")), (None, None)],
    ids=["on", "off", "left-alone"],
)
def test_tf32_holds_during_the_run_and_is_put_back(make_trainer: Make, wanted: bool | None, during: Any) -> None:
    before = _switches()
    trainer = make_trainer(model=Switches(), tf32=wanted, use_cpu=False)
    trainer.train()
    assert trainer.model.during == (during or before) and _switches() == before
