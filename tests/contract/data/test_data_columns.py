"""Which keys of a row reach the model, and which are labels."""

from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Make, Rows
from torch import Tensor, nn

from trainspec.training.errors import CollationError, UnusedColumnsError
from trainspec.training.evaluation.results import EvalPrediction
from trainspec.training.preflight.preflight import PreflightError


class TakesInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, inputs: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        logits = self.layer(inputs)
        return {"logits": logits} if labels is None else {"loss": (logits - labels).pow(2).mean(), "logits": logits}


def _rows(count: int = 8) -> list[dict[str, Any]]:
    return [{**row, "text": f"row {row['number']}", "ragged": [0] * int(row["number"])} for row in Rows(count)]


def test_remove_unused_columns_drops_keys_before_collation(make_trainer: Make) -> None:
    trainer = make_trainer(model=TakesInputs(), train_dataset=_rows())
    trainer.train()
    assert trainer.state.global_step == 2
    kept = make_trainer(model=TakesInputs(), train_dataset=_rows(), remove_unused_columns=False)
    with pytest.raises(CollationError, match="'ragged' cannot be stacked"):
        kept.train()


@pytest.mark.parametrize("remove, keys", [(True, {"inputs", "labels"}), (False, {"inputs", "labels", "number"})])
def test_remove_unused_columns_is_done_before_a_collator_of_ones_own(
    make_trainer: Make, remove: bool, keys: set[str]
) -> None:
    seen: list[set[str]] = []

    def collator(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        seen.append(set(rows[0]))
        return {key: torch.stack([row[key] for row in rows]) for key in ("inputs", "labels")}

    trainer = make_trainer(model=TakesInputs(), data_collator=collator, remove_unused_columns=remove)
    trainer.train()
    trainer.evaluate()
    assert all(found == keys for found in seen) and len(seen) > 6


def test_remove_unused_columns_keeps_labels_that_forward_does_not_name(make_trainer: Make) -> None:
    class TwoSteps(TakesInputs):
        def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override]
            result: Tensor = self.layer(inputs)
            return result

    seen: list[Any] = []

    def loss(outputs: Tensor, labels: Tensor, **more: Any) -> Tensor:
        seen.append(labels)
        return (outputs.squeeze() - labels).pow(2).mean()

    rows = [{"inputs": row["inputs"], "label": float(row["labels"])} for row in Rows(8)]
    from trainspec.training.trainer import Trainer

    class Own(Trainer):
        def compute_loss(self, model: nn.Module, inputs: Any, return_outputs: bool = False, **more: Any) -> Any:
            labels = inputs["labels"]
            outputs = model(inputs["inputs"])
            found = loss(outputs, labels)
            return (found, outputs) if return_outputs else found

    make_trainer(kind=Own, model=TwoSteps(), train_dataset=rows).train()
    assert torch.cat(seen).shape == (8,)


def test_remove_unused_columns_with_nothing_left_names_both_sides(make_trainer: Make) -> None:
    trainer = make_trainer(model=TakesInputs(), train_dataset=[{"pixels": 1.0, "label": 2}] * 4)
    with pytest.raises((UnusedColumnsError, PreflightError), match=r"\['label', 'pixels'\].*\['inputs', 'labels'\]"):
        trainer.train()


class Named(TakesInputs):
    """Its labels have a name that is not that of labels."""

    def forward(self, inputs: Tensor, goal: Tensor | None = None) -> dict[str, Tensor]:  # type: ignore[override]
        return super().forward(inputs, goal)


@pytest.mark.parametrize("names, evaluated", [(["goal"], True), (None, False)])
def test_label_names_are_what_metrics_compare_with(
    make_trainer: Make, names: list[str] | None, evaluated: bool
) -> None:
    rows = [{"inputs": row["inputs"], "goal": row["labels"]} for row in Rows(10)]
    given: list[Any] = []

    def metrics(prediction: EvalPrediction) -> dict[str, float]:
        given.append(prediction.label_ids)
        return {"rows": len(prediction.label_ids)}

    trainer = make_trainer(model=Named(), eval_dataset=rows, compute_metrics=metrics, label_names=names)
    found = trainer.evaluate()
    assert ("eval_rows" in found) is evaluated
    if evaluated:
        assert numpy.array_equal(given[0], Rows(10).targets.numpy())


def test_label_names_of_several_give_a_tuple_in_that_order(make_trainer: Make) -> None:
    rows = [{"inputs": row["inputs"], "labels": row["labels"], "number": row["number"]} for row in Rows(10)]
    trainer = make_trainer(eval_dataset=rows, label_names=["number", "labels"])
    numbers, labels = trainer.predict(rows).label_ids
    assert numbers.tolist() == list(range(10)) and numpy.array_equal(labels, Rows(10).targets.numpy())


def test_label_names_are_found_in_the_signature_of_forward(make_trainer: Make) -> None:
    class Answers(TakesInputs):
        def forward(self, inputs: Tensor, answer_labels: Tensor | None = None) -> dict[str, Tensor]:  # type: ignore[override]
            return super().forward(inputs, answer_labels)

    rows = [{"inputs": row["inputs"], "answer_labels": row["labels"]} for row in Rows(10)]
    trainer = make_trainer(model=Answers(), eval_dataset=rows)
    assert numpy.array_equal(trainer.predict(rows).label_ids, Rows(10).targets.numpy())
