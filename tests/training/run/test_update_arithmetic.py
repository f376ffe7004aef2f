"""One update is what the settings say it is, whatever micro-batches it is made of."""

from itertools import chain
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor, nn

from trainspec.training.model.counting import IGNORED_LABEL


def _double(**changes: Any) -> dict[str, Any]:
    return {"model": Line(torch.float64), "train_dataset": Rows(22, torch.float64), **changes}


@pytest.mark.parametrize("micro, accumulation", [(2, 4), (4, 2), (1, 8)])
def test_gradient_accumulation_steps_give_the_update_of_the_big_batch(
    make_trainer: Make, micro: int, accumulation: int
) -> None:
    # 22 rows: the last window of an epoch is short, and with micro-batches of 4 its last one is short too.
    usual = {"num_train_epochs": 2, "weight_decay": 0.1, "logging_steps": 1}
    big = make_trainer(**_double(per_device_train_batch_size=8, **usual))
    small = make_trainer(
        **_double(per_device_train_batch_size=micro, gradient_accumulation_steps=accumulation, **usual)
    )
    big.train()
    small.train()
    assert small.state.global_step == big.state.global_step == 6
    for name, value in weights(big).items():
        torch.testing.assert_close(weights(small)[name], value, rtol=1e-12, atol=1e-13)
    expected = [entry["loss"] for entry in entries(big, "loss")]
    assert [entry["loss"] for entry in entries(small, "loss")] == pytest.approx(expected, rel=1e-12)


class Tagger(nn.Module):
    """A class for each of three places in a row; ignored places do not count in the mean."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 5, dtype=torch.float64)

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        scores = self.layer(inputs).flatten(0, 1)
        return {"loss": nn.functional.cross_entropy(scores, labels.flatten(), ignore_index=IGNORED_LABEL)}


def _tagged_rows() -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    rows = []
    for number in range(10):
        labels = torch.randint(5, (3,), generator=generator)
        labels[: number % 4] = IGNORED_LABEL
        rows.append({"inputs": torch.randn(3, 4, generator=generator, dtype=torch.float64), "labels": labels})
    return rows


def test_gradient_accumulation_steps_weigh_micro_batches_by_their_labels(make_trainer: Make) -> None:
    # Row 3 and row 7 have no label at all: with micro-batches of one, their mean loss is nan and must not count.
    usual = {
        "train_dataset": _tagged_rows(),
        "num_train_epochs": 2,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
    }
    big = make_trainer(model=Tagger(), per_device_train_batch_size=5, **usual)
    small = make_trainer(model=Tagger(), per_device_train_batch_size=1, gradient_accumulation_steps=5, **usual)
    big.train()
    small.train()
    for name, value in weights(big).items():
        torch.testing.assert_close(weights(small)[name], value, rtol=1e-12, atol=1e-13)
    assert not torch.equal(weights(small)["layer.weight"], Tagger().layer.weight)
    expected = [entry["loss"] for entry in entries(big, "loss")]
    assert [entry["loss"] for entry in entries(small, "loss")] == pytest.approx(expected, rel=1e-12)


def test_per_device_train_batch_size_is_the_rows_of_a_forward(make_trainer: Make) -> None:
    trainer = make_trainer(per_device_train_batch_size=7)
    trainer.train()
    assert [len(batch) for batch in trainer.model.seen] == [7, 7, 7, 3]


def test_max_grad_norm_bounds_the_update_and_logs_the_norm_before(make_trainer: Make) -> None:
    clipped = make_trainer(max_grad_norm=0.1, max_steps=1, logging_steps=1)
    free = make_trainer(max_grad_norm=0, max_steps=1, logging_steps=1)
    seen: dict[str, float] = {}
    for name, trainer in (("clipped", clipped), ("free", free)):
        optimizer = trainer.create_optimizer()
        trainer.given = (optimizer, None)

        def remember(opt: torch.optim.Optimizer, *_: Any, name: str = name) -> None:
            grads = [p.grad for group in opt.param_groups for p in group["params"]]
            seen[name] = float(torch.stack([grad.norm() for grad in grads]).norm())

        optimizer.register_step_pre_hook(remember)
        trainer.train()
    logged = entries(free, "grad_norm")[0]["grad_norm"]
    assert seen["clipped"] == pytest.approx(0.1, rel=1e-4)
    assert seen["free"] == pytest.approx(logged) and logged > 0.2
    assert entries(clipped, "grad_norm")[0]["grad_norm"] == pytest.approx(logged)


@pytest.mark.parametrize("epochs, updates", [(1, 6), (0.5, 3), (0.51, 4), (2.5, 15), (0, 0)])
def test_num_train_epochs_ends_inside_an_epoch(make_trainer: Make, epochs: float, updates: int) -> None:
    trainer = make_trainer(num_train_epochs=epochs)
    trainer.train()
    assert trainer.state.global_step == len(trainer.model.seen) == updates
    assert trainer.state.epoch == pytest.approx(updates / 6)


def test_max_steps_overrides_epochs_and_cycles_the_data(make_trainer: Make) -> None:
    trainer = make_trainer(max_steps=14)
    trainer.train()
    epochs = [sorted(chain.from_iterable(trainer.model.seen[start : start + 6])) for start in (0, 6)]
    assert len(trainer.model.seen) == 14
    assert epochs == [list(range(24))] * 2
    assert trainer.model.seen[:6] != trainer.model.seen[6:12]


def test_frozen_parameters_stay(make_trainer: Make) -> None:
    trainer = make_trainer(weight_decay=0.5)
    trainer.model.layer.bias.requires_grad_(False)
    before = weights(trainer)
    trainer.train()
    assert torch.equal(weights(trainer)["layer.bias"], before["layer.bias"])
    assert not torch.equal(weights(trainer)["layer.weight"], before["layer.weight"])
