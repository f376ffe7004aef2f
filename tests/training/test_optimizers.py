"""The optimizer that the settings name is the one that steps, with decay where it belongs."""

from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, weights
from torch import Tensor, nn

from trainspec import OptimizerNames
from trainspec.training.optimizers import OPTIMIZERS, decay_parameter_names


class ScaleNorm(nn.Module):
    """A normalisation of somebody's own, known by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4))


class Many(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(3, 4)
        self.norm = nn.LayerNorm(4)
        self.batch = nn.BatchNorm1d(4)
        self.rms = nn.RMSNorm(4)
        self.own = ScaleNorm()
        self.attention = nn.MultiheadAttention(4, 2)
        # Named like a norm without being one, and a weight whose name has "bias" in it.
        self.norm_projection = nn.Linear(4, 4)
        self.bias_scale = nn.Parameter(torch.ones(2))
        self.head = nn.Linear(4, 3, bias=False)
        self.head.weight = nn.Parameter(self.embed.weight.detach().clone())
        self.tied = self.head


def test_weight_decay_leaves_out_biases_and_normalisation_layers() -> None:
    assert set(decay_parameter_names(Many())) == {
        "embed.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "norm_projection.weight",
        "bias_scale",
        "head.weight",
    }


def test_weight_decay_is_what_shrinks_the_weights(make_trainer: Make) -> None:
    class Idle(Line):
        def forward(
            self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None
        ) -> dict[str, Tensor]:
            return {"loss": 0 * (self.layer.weight.sum() + self.layer.bias.sum())}

    trainer = make_trainer(model=Idle(), weight_decay=0.5, learning_rate=0.1, lr_scheduler_type="constant")
    before = weights(trainer)
    trainer.train()
    torch.testing.assert_close(weights(trainer)["layer.weight"], before["layer.weight"] * (1 - 0.05) ** 6)
    assert torch.equal(weights(trainer)["layer.bias"], before["layer.bias"])


def test_adam_beta1_adam_beta2_adam_epsilon_learning_rate_follow_the_formula(make_trainer: Make) -> None:
    rate, beta1, beta2, epsilon = 0.1, 0.5, 0.75, 0.01
    trainer = make_trainer(
        model=Line(torch.float64),
        learning_rate=rate,
        adam_beta1=beta1,
        adam_beta2=beta2,
        adam_epsilon=epsilon,
        max_grad_norm=0,
        lr_scheduler_type="constant",
        train_dataset=_same_row(),
        max_steps=2,
        per_device_train_batch_size=1,
    )
    value = trainer.model.layer.bias.detach().clone()
    weight = trainer.model.layer.weight.detach().clone()
    first = second = torch.zeros(1, dtype=torch.float64)
    first_w = second_w = torch.zeros(1, 4, dtype=torch.float64)
    row = _same_row()[0]
    for step in (1, 2):
        slope = 2 * (row["inputs"] @ weight.T + value - row["labels"])
        slope_w = slope[:, None] * row["inputs"]
        first, first_w = beta1 * first + (1 - beta1) * slope, beta1 * first_w + (1 - beta1) * slope_w
        second, second_w = beta2 * second + (1 - beta2) * slope**2, beta2 * second_w + (1 - beta2) * slope_w**2
        scale = [1 - beta1**step, 1 - beta2**step]
        value = value - rate * first / scale[0] / ((second / scale[1]).sqrt() + epsilon)
        weight = weight - rate * first_w / scale[0] / ((second_w / scale[1]).sqrt() + epsilon)
    trainer.train()
    torch.testing.assert_close(trainer.model.layer.bias.detach(), value, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(trainer.model.layer.weight.detach(), weight, rtol=1e-10, atol=1e-12)


def _same_row() -> list[dict[str, Tensor]]:
    row = {"inputs": torch.tensor([1.0, -1.0, 2.0, 0.5]), "labels": torch.tensor([3.0])}
    return [{key: value.double() for key, value in row.items()}]


@pytest.mark.parametrize("name", ["adamw_torch", "adamw_torch_fused"])
def test_optim_is_the_one_built(make_trainer: Make, name: str) -> None:
    optimizer = make_trainer(optim=name).create_optimizer()
    assert type(optimizer) is torch.optim.AdamW and optimizer.defaults["fused"] is True


def test_optim_adamw_torch_takes_foreach_where_fused_does_not_work(make_trainer: Make) -> None:
    trainer = make_trainer()
    trainer.model = trainer.model.to("meta")
    optimizer = trainer.create_optimizer()
    assert (optimizer.defaults["fused"], optimizer.defaults["foreach"]) == (False, True)


def test_every_optimizer_of_the_registry_is_a_choice_of_the_setting() -> None:
    assert set(OPTIMIZERS) <= {str(name) for name in OptimizerNames}


def test_an_optimizer_and_schedule_of_ones_own_are_used(make_trainer: Make) -> None:
    model = Line()
    own = torch.optim.SGD(model.parameters(), lr=0.5)
    halving = torch.optim.lr_scheduler.StepLR(own, step_size=1, gamma=0.5)
    trainer = make_trainer(model=model, optimizers=(own, halving), logging_steps=1, max_steps=3)
    trainer.train()
    rates: list[Any] = [e["learning_rate"] for e in trainer.state.log_history if "learning_rate" in e]
    assert trainer.optimizer is own and rates == [0.5, 0.25, 0.125]
