"""The optimizer's own numbers: its rate, its decay, Adam's constants and the limit of the gradient norm."""

import math
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor

from trainspec.training.trainer import Trainer

FLAT: dict[str, Any] = {"lr_scheduler_type": "constant", "max_grad_norm": 0}
RATE, BETA1, BETA2, EPSILON = 0.1, 0.5, 0.75, 0.01
ADAM = {"adam_beta1": BETA1, "adam_beta2": BETA2, "adam_epsilon": EPSILON}


class Idle(Line):
    """Its loss never asks for a change."""

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        return {"loss": 0 * (self.layer.weight.sum() + self.layer.bias.sum())}


def way(trainer: Trainer) -> Tensor:
    """How far training has moved the weights, as one vector."""
    before = weights(trainer)
    trainer.train()
    return torch.cat([(value - before[name]).flatten() for name, value in weights(trainer).items()])


@pytest.mark.parametrize("rate", [1e-3, 2e-3, 0.25])
def test_learning_rate_is_the_length_of_a_step_of_descent(make_trainer: Make, rate: float) -> None:
    slow, fast = (
        way(make_trainer(model=Line(torch.float64), train_dataset=_rows(), optim="sgd", max_steps=1, **FLAT, **changes))
        for changes in ({"learning_rate": 1.0}, {"learning_rate": rate})
    )
    torch.testing.assert_close(fast, slow * rate, rtol=1e-9, atol=0)


def test_learning_rate_of_nought_moves_nothing(make_trainer: Make) -> None:
    assert not way(make_trainer(learning_rate=0.0)).any()


@pytest.mark.parametrize("optim", ["adamw_torch", "lion_32bit", "adafactor", "lomo", "muon", "stable_adamw"])
def test_weight_decay_is_what_shrinks_the_weights_and_no_bias(make_trainer: Make, optim: str) -> None:
    trainer = make_trainer(model=Idle(), optim=optim, weight_decay=0.5, learning_rate=0.1, lr_scheduler_type="constant")
    before = weights(trainer)
    trainer.train()
    torch.testing.assert_close(weights(trainer)["layer.weight"], before["layer.weight"] * (1 - 0.05) ** 6)
    assert torch.equal(weights(trainer)["layer.bias"], before["layer.bias"])


def test_weight_decay_of_nought_shrinks_nothing(make_trainer: Make) -> None:
    assert not way(make_trainer(model=Idle(), learning_rate=0.1)).any()


def adam(trainer: Trainer, updates: int, **changes: Any) -> dict[str, Tensor]:
    """Adam by its formula, on the one row there is."""
    known = {**ADAM, **changes}
    beta1, beta2 = known["adam_beta1"], known["adam_beta2"]
    values = weights(trainer)
    first, second = ({name: torch.zeros_like(value) for name, value in values.items()} for _ in range(2))
    row = _rows()[0]
    for step in range(1, updates + 1):
        slope = 2 * (row["inputs"] @ values["layer.weight"].T + values["layer.bias"] - row["labels"])
        slopes = {"layer.bias": slope, "layer.weight": slope[:, None] * row["inputs"]}
        for name, pull in slopes.items():
            first[name] = beta1 * first[name] + (1 - beta1) * pull
            second[name] = beta2 * second[name] + (1 - beta2) * pull**2
            root = (second[name] / (1 - beta2**step)).sqrt() + known["adam_epsilon"]
            values[name] = values[name] - RATE * first[name] / (1 - beta1**step) / root
    return values


def _rows() -> list[dict[str, Tensor]]:
    row = {"inputs": torch.tensor([1.0, -1.0, 2.0, 0.5]), "labels": torch.tensor([3.0])}
    return [{key: value.double() for key, value in row.items()}]


def follows_adam(make_trainer: Make, **changes: Any) -> None:
    parts: dict[str, Any] = {"model": Line(torch.float64), "train_dataset": _rows(), "per_device_train_batch_size": 1}
    trainer = make_trainer(**parts, learning_rate=RATE, max_steps=3, **FLAT, **{**ADAM, **changes})
    expected = adam(trainer, 3, **changes)
    others = adam(trainer, 3, **ADAM)
    trainer.train()
    for name, value in weights(trainer).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-12)
        assert changes == {} or not torch.allclose(value, others[name])


@pytest.mark.parametrize("value", [0.0, 0.9])
def test_adam_beta1_is_the_memory_of_gradients(make_trainer: Make, value: float) -> None:
    follows_adam(make_trainer, adam_beta1=value)


@pytest.mark.parametrize("value", [0.0, 0.99])
def test_adam_beta2_is_the_memory_of_squares(make_trainer: Make, value: float) -> None:
    follows_adam(make_trainer, adam_beta2=value)


@pytest.mark.parametrize("value", [1e-8, 1.0])
def test_adam_epsilon_is_added_to_the_root(make_trainer: Make, value: float) -> None:
    follows_adam(make_trainer, adam_epsilon=value)


def test_adam_beta1_adam_beta2_adam_epsilon_learning_rate_follow_the_formula(make_trainer: Make) -> None:
    follows_adam(make_trainer)


class Measured(Trainer):
    """Notes the norm of the gradients that the optimizer is given."""

    def create_optimizer(self, *rest: Any) -> torch.optim.Optimizer:
        optimizer = super().create_optimizer(*rest)
        self.norms: list[float] = []
        values = list(self.model.parameters())

        def note(*_: Any) -> None:
            self.norms.append(
                math.sqrt(sum(float((value.grad**2).sum()) for value in values if value.grad is not None))
            )

        optimizer.register_step_pre_hook(note)
        return optimizer


def measured(make_trainer: Make, **changes: Any) -> tuple[list[float], list[float]]:
    """The norms that are logged, and those of the gradients that were stepped with."""
    trainer = make_trainer(
        kind=Measured, model=Line(torch.float64), train_dataset=Rows(24, torch.float64), logging_steps=1, **changes
    )
    trainer.train()
    return [entry["grad_norm"] for entry in entries(trainer, "grad_norm")], trainer.norms  # type: ignore[attr-defined]


@pytest.mark.parametrize("limit", [0.5, 1.0, 4.0])
def test_max_grad_norm_scales_the_global_norm_to_the_limit(make_trainer: Make, limit: float) -> None:
    logged, used = measured(make_trainer, max_grad_norm=limit)
    assert len(logged) == len(used) == 6 and any(norm > limit for norm in logged)
    for before, after in zip(logged, used, strict=True):
        assert after == pytest.approx(min(before, limit), rel=1e-5)


def test_max_grad_norm_leaves_smaller_gradients_as_they_are(make_trainer: Make) -> None:
    logged, used = measured(make_trainer, max_grad_norm=1e6)
    assert used == pytest.approx(logged, rel=1e-12)


def test_max_grad_norm_0_switches_clipping_off_and_the_norm_is_logged_all_the_same(make_trainer: Make) -> None:
    logged, used = measured(make_trainer, max_grad_norm=0)
    assert used == pytest.approx(logged, rel=1e-12) and max(used) > 1.0


def test_max_grad_norm_is_of_the_whole_window_and_after_unscaling(make_trainer: Make) -> None:
    plain, _ = measured(make_trainer, max_grad_norm=0.5, per_device_train_batch_size=8)
    in_parts, used = measured(
        make_trainer, max_grad_norm=0.5, per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    assert in_parts == pytest.approx(plain, rel=1e-9) and used == pytest.approx([0.5] * 3, rel=1e-5)


def test_max_grad_norm_is_of_the_true_gradients_under_loss_scaling(make_trainer: Make) -> None:
    trainer = make_trainer(kind=Measured, max_grad_norm=0.5, fp16=True, logging_steps=1, max_steps=10)
    trainer.train()
    logged = [entry["grad_norm"] for entry in entries(trainer, "grad_norm")]
    # The first scales overflow; those updates are skipped.
    pairs = [pair for pair in zip(logged, trainer.norms, strict=True) if math.isfinite(pair[0])]  # type: ignore[attr-defined]
    assert len(pairs) >= 4
    for before, after in pairs:
        assert 0.5 < before < 100 and after == pytest.approx(0.5, rel=1e-4)
