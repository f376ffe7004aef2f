"""Label smoothing against formulas of the test's own, in float64."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.small_job import Make
from torch import Tensor, nn

from trainspec.training.errors import ModelOutputError
from trainspec.training.loss.label_smoothing import LabelSmoother

IGNORED = -100


def _by_hand(logits: Tensor, labels: Tensor, epsilon: float) -> list[float]:
    """The loss of each label that counts."""
    losses = []
    for scores, label in zip(logits.double().reshape(-1, logits.shape[-1]), labels.reshape(-1).tolist(), strict=True):
        if label != IGNORED:
            surprise = -(scores - scores.exp().sum().log())
            losses.append(float((1 - epsilon) * surprise[label] + epsilon * surprise.mean()))
    return losses


def _case(seed: int, rows: int, places: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, places, classes, generator=generator, dtype=torch.float64) * 3
    labels = torch.randint(0, classes, (rows, places), generator=generator)
    labels[torch.rand(rows, places, generator=generator) < 0.3] = IGNORED
    return logits, labels


CASES = (st.integers(0, 999), st.integers(1, 4), st.integers(1, 5), st.integers(2, 6))


@given(*CASES, st.sampled_from([0.0, 0.1, 0.5, 0.99]))
def test_label_smoother_is_the_mean_over_labels_that_count(
    seed: int, rows: int, places: int, classes: int, epsilon: float
) -> None:
    logits, labels = _case(seed, rows, places, classes)
    expected = _by_hand(logits, labels, epsilon)
    loss = LabelSmoother(epsilon)({"logits": logits}, labels)
    assert float(loss) == pytest.approx(sum(expected) / max(1, len(expected)), rel=1e-12, abs=1e-12)


@given(*CASES)
def test_label_smoother_over_a_window_is_that_of_one_batch(seed: int, rows: int, places: int, classes: int) -> None:
    logits, labels = _case(seed, 2 * rows, places, classes)
    items = int((labels != IGNORED).sum())
    smoother = LabelSmoother()
    halves = [
        smoother({"logits": logits[part]}, labels[part], num_items_in_batch=torch.tensor(max(1, items)))
        for part in (slice(rows), slice(rows, None))
    ]
    assert float(sum(halves)) == pytest.approx(float(smoother({"logits": logits}, labels)), rel=1e-12, abs=1e-12)


def test_label_smoother_is_what_torch_calls_so() -> None:
    logits, labels = _case(1, 3, 4, 5)
    theirs = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=0.2)
    assert torch.allclose(LabelSmoother(0.2)({"logits": logits}, labels), theirs, rtol=1e-13)


def test_label_smoother_shifts_labels_by_one_place() -> None:
    logits, labels = _case(2, 3, 4, 5)
    expected = _by_hand(logits[:, :-1], labels[:, 1:], 0.1)
    loss = LabelSmoother()({"logits": logits}, labels, shift_labels=True)
    assert float(loss) == pytest.approx(sum(expected) / len(expected), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_label_smoother_in_half_precision_sums_in_float32(dtype: torch.dtype) -> None:
    # In float16 the sum over 40,000 classes overflows, and that over rows of 3,000 loses its small parts.
    logits = torch.randn(4, 40_000, generator=torch.Generator().manual_seed(0)).to(dtype)
    labels = torch.tensor([0, 1, 2, IGNORED])
    loss = LabelSmoother(0.5)({"logits": logits}, labels)
    expected = _by_hand(logits, labels, 0.5)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(sum(expected) / 3, rel=1e-6)


def test_label_smoother_without_a_label_that_counts_is_zero_and_teaches_nothing() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = LabelSmoother()({"logits": logits}, torch.tensor([IGNORED, IGNORED]))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_label_smoother_ignores_another_index() -> None:
    logits, labels = torch.randn(3, 4), torch.tensor([0, 3, 0])
    assert LabelSmoother(ignore_index=0)({"logits": logits}, labels) == LabelSmoother()(
        {"logits": logits[1:2]}, labels[1:2]
    )


@pytest.mark.parametrize(
    "shape", [lambda x: {"logits": x}, lambda x: (x, None), lambda x: SimpleNamespace(logits=x), lambda x: x]
)
def test_label_smoother_takes_what_models_return(shape: Callable[[Tensor], Any]) -> None:
    logits, labels = torch.randn(3, 4), torch.tensor([[0], [1], [2]])
    assert LabelSmoother(0.0)(shape(logits), labels).item() == pytest.approx(
        nn.functional.cross_entropy(logits, labels.squeeze()).item()
    )


@pytest.mark.parametrize("returned", [{"scores": torch.ones(1)}, (), None, "text"])
def test_label_smoother_says_that_there_are_no_logits(returned: Any) -> None:
    with pytest.raises(ModelOutputError, match="needs logits"):
        LabelSmoother()(returned, torch.tensor([0]))


class Classes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 3, dtype=torch.float64)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def _rows() -> list[dict[str, Tensor]]:
    inputs = torch.randn(12, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    labels = [0, 1, 2, IGNORED, 1, 0, 2, 2, 1, IGNORED, IGNORED, IGNORED]
    return [{"inputs": row, "labels": torch.tensor(label)} for row, label in zip(inputs, labels, strict=True)]


@pytest.mark.parametrize("factor", [0.0, 0.2])
@pytest.mark.parametrize("size, accumulation", [(12, 1), (4, 3)])
def test_label_smoothing_factor_is_in_the_loss_of_training_and_evaluation(
    make_trainer: Make, factor: float, size: int, accumulation: int
) -> None:
    model, rows = Classes(), _rows()
    logits = model.layer(torch.stack([row["inputs"] for row in rows])).detach()
    expected = _by_hand(logits, torch.stack([row["labels"] for row in rows]), factor)
    trainer = make_trainer(
        model=model,
        train_dataset=rows,
        eval_dataset=rows[:9],
        label_smoothing_factor=factor,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
        per_device_eval_batch_size=9,
        logging_steps=1,
    )
    evaluated = trainer.evaluate()["eval_loss"]
    assert evaluated == pytest.approx(sum(expected) / len(expected), rel=1e-12)
    assert trainer.train().training_loss == pytest.approx(sum(expected) / len(expected), rel=1e-12)


class OtherLabels(nn.Module):
    """Its labels are no classes."""

    def __init__(self, outputs: int, lossy: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.lossy = nn.Linear(4, outputs), lossy

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        return {"logits": logits} if labels is None else {"loss": self.lossy(logits, labels), "logits": logits}


def _multi_label(logits: Tensor, labels: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, labels.float())


OTHERS: dict[str, tuple[int, Callable[[Tensor, Tensor], Tensor], Tensor]] = {
    "multi-label": (3, _multi_label, torch.tensor([1.0, 0.0, 1.0])),
    "multi-label in whole numbers": (3, _multi_label, torch.tensor([1, 0, 1])),
    "multi-label in flags": (3, _multi_label, torch.tensor([True, False, True])),
    "regression": (1, lambda logits, labels: (logits - labels).pow(2).mean(), torch.tensor([0.5])),
    "regression in whole numbers": (1, lambda logits, labels: (logits - labels).pow(2).mean(), torch.tensor([3])),
    "another shape": (3, lambda logits, labels: (logits.sum(1) - labels.sum(1)).pow(2).mean(), torch.ones(5).long()),
}


@pytest.mark.parametrize("name", OTHERS)
def test_label_smoothing_factor_is_off_with_a_warning_where_labels_are_no_classes(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    outputs, lossy, labels = OTHERS[name]
    rows = [{"inputs": torch.full((4,), float(number)), "labels": labels} for number in range(8)]

    def trained(factor: float) -> Any:
        settings = {"label_smoothing_factor": factor, "gradient_accumulation_steps": 2, "logging_steps": 1}
        trainer = make_trainer(model=OtherLabels(outputs, lossy), train_dataset=rows, eval_dataset=rows, **settings)
        return trainer.train().training_loss, trainer.evaluate()["eval_loss"]

    plain = trained(0.0)
    caplog.clear()
    assert trained(0.1) == pytest.approx(plain)
    said = [record.message for record in caplog.records if "RUN158" in record.message]
    assert len(said) == 1 and "label_smoothing_factor = 0.1" in said[0]
