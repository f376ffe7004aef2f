"""Evaluation gives the numbers one gets by hand, and keeps as little as the settings say."""

from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows
from torch import Tensor, nn

from trainspec.training.errors import NoBatchesError
from trainspec.training.evaluation.results import EvalPrediction


def _by_hand(model: Line, rows: Rows) -> float:
    with torch.no_grad():
        return nn.functional.mse_loss(model.layer(rows.inputs), rows.targets).item()


@pytest.mark.parametrize("size", [1, 3, 4, 10, 100])
def test_per_device_eval_batch_size_does_not_change_the_loss(make_trainer: Make, size: int) -> None:
    trainer = make_trainer(per_device_eval_batch_size=size)
    batches = []
    trainer.model.register_forward_hook(lambda *_: batches.append(1))
    metrics = trainer.evaluate()
    assert metrics["eval_loss"] == pytest.approx(_by_hand(trainer.model, Rows(10)), rel=1e-6)
    assert len(batches) == -(-10 // size)
    assert {"eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "epoch"} == set(metrics)


def test_evaluation_leaves_training_as_it_was(make_trainer: Make) -> None:
    quiet = make_trainer(model=Line(dropout=0.5), num_train_epochs=2)
    quiet.train()
    busy = make_trainer(model=Line(dropout=0.5), num_train_epochs=2, eval_strategy="steps", eval_steps=1)
    busy.train()
    assert busy.model.seen == quiet.model.seen
    assert torch.equal(busy.model.layer.weight, quiet.model.layer.weight)
    assert busy.model.training


def test_compute_metrics_gets_every_row_in_order(make_trainer: Make) -> None:
    got: list[EvalPrediction] = []

    def metrics(prediction: EvalPrediction) -> dict[str, Any]:
        got.append(prediction)
        return {"worst": numpy.float32(2.5), "eval_named": 1}

    trainer = make_trainer(compute_metrics=metrics, per_device_eval_batch_size=4)
    returned = trainer.evaluate()
    rows = Rows(10)
    assert returned["eval_worst"] == 2.5 and type(returned["eval_worst"]) is float
    assert returned["eval_named"] == 1
    numpy.testing.assert_array_equal(got[0].label_ids, rows.targets.numpy())
    numpy.testing.assert_allclose(got[0].predictions, trainer.model.layer(rows.inputs).detach().numpy(), rtol=1e-5)


def test_eval_do_concat_batches_false_gives_lists(make_trainer: Make) -> None:
    got: list[EvalPrediction] = []

    def metrics(prediction: EvalPrediction) -> dict[str, float]:
        got.append(prediction)
        return {}

    make_trainer(compute_metrics=metrics, per_device_eval_batch_size=4, eval_do_concat_batches=False).evaluate()
    assert [len(batch) for batch in got[0].predictions] == [4, 4, 2]
    assert [len(batch) for batch in got[0].label_ids] == [4, 4, 2]


def test_prediction_loss_only_keeps_no_predictions(make_trainer: Make) -> None:
    def metrics(prediction: EvalPrediction) -> dict[str, float]:
        raise AssertionError("there is nothing to compute metrics from")

    trainer = make_trainer(compute_metrics=metrics, prediction_loss_only=True)
    assert "eval_loss" in trainer.evaluate()
    output = trainer.predict(Rows(10))
    assert output.predictions is None and output.label_ids is None


@pytest.mark.parametrize("steps, most", [(None, 5), (2, 2), (1, 1)])
def test_eval_accumulation_steps_bound_what_stays_on_the_device(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, steps: int | None, most: int
) -> None:
    from trainspec.training.evaluation import joined

    held: list[int] = []
    real = joined.Gathered.add

    def add(self: joined.Gathered, value: Any, *names: Any) -> None:
        on_device = len(self._on_device) + 1
        real(self, value, *names)
        held.append(on_device)

    monkeypatch.setattr(joined.Gathered, "add", add)
    trainer = make_trainer(eval_accumulation_steps=steps, per_device_eval_batch_size=2)
    output = trainer.predict(Rows(10))
    assert max(held) == most
    assert len(output.predictions) == 10


def test_batch_eval_metrics_keeps_one_batch_at_a_time(make_trainer: Make) -> None:
    calls: list[tuple[int, bool]] = []

    def metrics(prediction: EvalPrediction, compute_result: bool) -> dict[str, float]:
        calls.append((len(prediction.predictions), compute_result))
        return {"rows": float(sum(size for size, _ in calls))} if compute_result else {}

    trainer = make_trainer(compute_metrics=metrics, batch_eval_metrics=True, per_device_eval_batch_size=4)
    output = trainer.evaluation_loop(trainer.get_eval_dataloader(), prediction_loss_only=False)
    assert calls == [(4, False), (4, False), (2, True)]
    assert output.metrics["eval_rows"] == 10
    assert output.predictions is None


class TwoLabels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, inputs: Tensor, labels: Tensor, number: Tensor) -> dict[str, Tensor]:
        return {"loss": (self.layer(inputs) - labels).pow(2).mean(), "logits": self.layer(inputs)}


@pytest.mark.parametrize("names, kinds", [(None, "one"), (["number"], "one"), (["labels", "number"], "two")])
def test_label_names(make_trainer: Make, names: list[str] | None, kinds: str) -> None:
    trainer = make_trainer(model=TwoLabels(), label_names=names)
    labels = trainer.predict(Rows(6)).label_ids
    if kinds == "two":
        assert isinstance(labels, tuple) and [part.shape for part in labels] == [(6, 1), (6,)]
    else:
        assert labels.shape == ((6, 1) if names is None else (6,))


def test_predict_without_labels_gives_predictions_and_no_loss(make_trainer: Make) -> None:
    rows = [{"inputs": row["inputs"]} for row in Rows(5)]
    output = make_trainer().predict(rows)
    assert output.predictions.shape == (5, 1) and output.label_ids is None
    assert "test_loss" not in output.metrics


def test_predictions_of_different_lengths_are_filled_up(make_trainer: Make) -> None:
    class Echo(nn.Module):
        def forward(self, row: Tensor) -> Tensor:
            return row

    trainer = make_trainer(model=Echo(), per_device_eval_batch_size=1)
    output = trainer.predict([torch.ones(2), torch.ones(3)])
    numpy.testing.assert_array_equal(output.predictions, [[1, 1, -100], [1, 1, 1]])


def test_nothing_to_evaluate_on_is_said(make_trainer: Make) -> None:
    with pytest.raises(NoBatchesError, match="gave no batch"):
        make_trainer().evaluate([])
    with pytest.raises(ValueError, match="pass eval_dataset"):
        make_trainer(eval_dataset=None).evaluate()
