"""What each evaluation setting does, seen in what a run evaluated, kept and returned."""

from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries
from torch import Tensor

from trainspec import EvalPrediction


def _evaluated_at(trainer: Any) -> list[int]:
    return [entry["step"] for entry in entries(trainer, "eval_loss")]


@pytest.mark.parametrize(
    "settings, steps",
    [
        pytest.param({"eval_strategy": "no"}, [], id="no"),
        pytest.param({"eval_strategy": "steps", "eval_steps": 5}, [5, 10], id="steps"),
        pytest.param({"eval_strategy": "epoch"}, [6, 12], id="epoch"),
    ],
)
def test_eval_strategy_says_when_evaluation_runs(make_trainer: Make, settings: Any, steps: list[int]) -> None:
    trainer = make_trainer(num_train_epochs=2, **settings)
    trainer.train()
    assert _evaluated_at(trainer) == steps


@pytest.mark.parametrize(
    "interval, steps",
    [
        pytest.param({"eval_steps": 1}, list(range(1, 13)), id="every"),
        pytest.param({"eval_steps": 12}, [12], id="the-last"),
        pytest.param({"eval_steps": 13}, [], id="beyond-the-end"),
        pytest.param({"eval_steps": 0.3}, [4, 8, 12], id="a-share-rounded-up"),
        pytest.param({"logging_steps": 7}, [7], id="as-often-as-logs"),
    ],
)
def test_eval_steps_are_the_updates_between_evaluations(make_trainer: Make, interval: Any, steps: list[int]) -> None:
    trainer = make_trainer(num_train_epochs=2, eval_strategy="steps", **interval)
    trainer.train()
    assert _evaluated_at(trainer) == steps


@pytest.mark.parametrize(
    "settings, steps",
    [
        pytest.param({"eval_strategy": "steps", "eval_steps": 3, "eval_delay": 6}, [6, 9, 12], id="steps-at-it"),
        pytest.param({"eval_strategy": "steps", "eval_steps": 3, "eval_delay": 7}, [9, 12], id="steps-past-it"),
        pytest.param({"eval_strategy": "epoch", "eval_delay": 1}, [6, 12], id="epochs-at-the-border"),
        pytest.param({"eval_strategy": "epoch", "eval_delay": 1.1}, [12], id="epochs-past-it"),
    ],
)
def test_eval_delay_holds_evaluations_back(make_trainer: Make, settings: Any, steps: list[int]) -> None:
    trainer = make_trainer(num_train_epochs=2, **settings)
    trainer.train()
    assert _evaluated_at(trainer) == steps


@pytest.mark.parametrize("on_start", [True, False])
def test_eval_on_start_evaluates_the_untrained_model(make_trainer: Make, on_start: bool) -> None:
    trainer = make_trainer(eval_on_start=on_start)
    untrained = make_trainer().evaluate()["eval_loss"]
    trainer.train()
    assert [entry["eval_loss"] for entry in entries(trainer, "eval_loss")] == ([untrained] if on_start else [])
    assert trainer.state.best_metric is None


@pytest.mark.parametrize("joined", [True, False])
def test_eval_do_concat_batches_false_hands_over_a_list_of_batches(make_trainer: Make, joined: bool) -> None:
    got: list[EvalPrediction] = []
    trainer = make_trainer(
        eval_do_concat_batches=joined,
        per_device_eval_batch_size=4,
        compute_metrics=lambda prediction: got.append(prediction) or {},
        preprocess_logits_for_metrics=None,
    )
    trainer.evaluate()
    predictions, labels = got[0]
    rows = Rows(10).targets.numpy()
    if joined:
        assert predictions.shape == (10, 1)
        numpy.testing.assert_array_equal(labels, rows)
    else:
        assert [len(batch) for batch in predictions] == [4, 4, 2] == [len(batch) for batch in labels]
        numpy.testing.assert_array_equal(numpy.concatenate(labels), rows)


@pytest.mark.parametrize("loss_only", [True, False])
def test_prediction_loss_only_keeps_no_predictions(make_trainer: Make, loss_only: bool) -> None:
    asked: list[int] = []
    trainer = make_trainer(
        prediction_loss_only=loss_only, compute_metrics=lambda prediction: asked.append(1) or {"score": 1.0}
    )
    predictions, labels, metrics = trainer.predict(Rows(10))
    assert ((predictions is None), (labels is None), ("test_score" in metrics)) == (loss_only, loss_only, not loss_only)
    assert "test_loss" in metrics and len(asked) == (not loss_only)


class Held(Line):
    """Counts how many of the predictions it returned are still alive at each forward."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: list[int] = []
        self.returned: list[Any] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        import weakref

        self.alive.append(sum(reference() is not None for reference in self.returned))
        output = super().forward(inputs, labels, number)
        self.returned.append(weakref.ref(output["logits"].untyped_storage()))
        return output


def test_batch_eval_metrics_are_computed_batch_by_batch_and_no_row_is_kept(make_trainer: Make) -> None:
    calls: list[tuple[int, bool]] = []

    def metrics(prediction: EvalPrediction, compute_result: bool) -> dict[str, float]:
        assert isinstance(prediction.predictions, Tensor)
        calls.append((len(prediction.label_ids), compute_result))
        return {"rows": float(sum(rows for rows, _ in calls))} if compute_result else {}

    trainer = make_trainer(batch_eval_metrics=True, compute_metrics=metrics, per_device_eval_batch_size=3)
    assert trainer.evaluate()["eval_rows"] == 10
    assert calls == [(3, False), (3, False), (3, False), (1, True)]
    kept = trainer.evaluation_loop(trainer.get_eval_dataloader(), prediction_loss_only=False)
    assert kept.predictions is None and kept.label_ids is None


def test_batch_eval_metrics_leave_a_prediction_its_predictions_and_labels(make_trainer: Make) -> None:
    def metrics(prediction: EvalPrediction, compute_result: bool) -> dict[str, float]:
        return {"last": float(len(prediction.label_ids))} if compute_result else {}

    trainer = make_trainer(batch_eval_metrics=True, compute_metrics=metrics, per_device_eval_batch_size=3)
    output = trainer.predict(Rows(10))
    assert output.predictions.shape == output.label_ids.shape == (10, 1)
    assert output.metrics["test_last"] == 1
    plain = make_trainer(per_device_eval_batch_size=3).predict(Rows(10))
    numpy.testing.assert_array_equal(output.predictions, plain.predictions)


@pytest.mark.parametrize("every, moves", [(None, [4]), (1, [1, 1, 1, 1]), (3, [3, 1])])
def test_eval_accumulation_steps_move_predictions_to_the_host(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, every: int | None, moves: list[int]
) -> None:
    from trainspec.training.evaluation import joined

    moved: list[int] = []
    real = joined.Gathered._move

    def counted(self: Any) -> None:
        if self._on_device and isinstance(self._on_device[0], Tensor) and self._on_device[0].shape[1] == 2:
            moved.append(len(self._on_device))
        real(self)

    monkeypatch.setattr(joined.Gathered, "_move", counted)
    trainer = make_trainer(
        eval_accumulation_steps=every,
        per_device_eval_batch_size=3,
        compute_metrics=lambda prediction: {},
        preprocess_logits_for_metrics=lambda logits, labels: logits.expand(-1, 2),
    )
    trainer.evaluate()
    assert moved == moves


@pytest.mark.parametrize(
    "asked, given",
    [
        ([], (False, False)),
        (["inputs"], (True, False)),
        (["loss"], (False, True)),
        (["inputs", "loss"], (True, True)),
    ],
)
def test_include_for_metrics_reach_compute_metrics(
    make_trainer: Make, asked: list[str], given: tuple[bool, bool]
) -> None:
    got: list[EvalPrediction] = []
    trainer = make_trainer(
        include_for_metrics=asked,
        per_device_eval_batch_size=4,
        compute_metrics=lambda prediction: got.append(prediction) or {},
    )
    metrics = trainer.evaluate()
    (prediction,) = got
    assert ((prediction.inputs is not None), (prediction.losses is not None)) == given
    if given[0]:
        numpy.testing.assert_array_equal(prediction.inputs, Rows(10).inputs.numpy())
    if given[1]:
        assert prediction.losses.shape == (10,)
        assert prediction.losses.mean() == pytest.approx(metrics["eval_loss"], rel=1e-6)


class Memory(Line):
    """Returns what it was given as memory, plus one."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[float | None] = []

    def forward(self, inputs: Tensor, labels: Tensor | None = None, mems: Any = None) -> Any:  # type: ignore[override]
        self.given.append(None if mems is None else mems.item())
        output = super().forward(inputs, labels)
        return {**output, "mems": torch.zeros(()) if mems is None else mems + 1}


@pytest.mark.parametrize("index, given", [(2, [None, 0, 1, 2, 3, 4]), (-1, [None] * 6)])
def test_past_index_feeds_an_output_back(make_trainer: Make, index: int, given: list[Any]) -> None:
    trainer = make_trainer(model=Memory(), past_index=index, num_train_epochs=1)
    trainer.train()
    assert trainer.model.given == given
    trainer.model.given.clear()
    trainer.evaluate()
    assert trainer.model.given[0] is None, "evaluation starts with no memory"
