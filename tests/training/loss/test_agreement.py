"""Logged train loss, eval loss and a plain loop in float64 are one number, whatever is masked, however rows are cut."""

import logging
import math
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.loss.test_items_in_batch import (
    CLASSES,
    IGNORED,
    Divides,
    Mean,
    OlderSignature,
    OverrideThatDivides,
    OverrideThatIgnores,
    OverrideThatPassesOn,
    Shifts,
    Tokens,
    divides,
    takes_the_mean,
)
from tests.training.small_job import Make, entries
from torch import Tensor, nn
from torch.nn import functional

from trainspec import Trainer, TrainingArguments


def _by_hand(rows: Any, *, epsilon: float = 0.0, shifted: bool = False) -> float:
    """The mean over all labels that count, label by label."""
    losses = []
    for row in rows:
        scores, labels = Mean().layer(row["inputs"]).detach().double(), row["labels"].tolist()
        places = zip(scores[:-1], labels[1:], strict=True) if shifted else zip(scores, labels, strict=True)
        for place, label in places:
            if label != IGNORED:
                surprise = [math.log(sum(math.exp(x) for x in place.tolist())) - x for x in place.tolist()]
                losses.append((1 - epsilon) * surprise[label] + epsilon * sum(surprise) / len(surprise))
    return sum(losses) / len(losses) if losses else math.nan


class StepOverride(Trainer):
    """Its prediction_step takes no mean: a loss for each label."""

    def prediction_step(self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        with torch.no_grad():
            logits = model(inputs["inputs"])["logits"].flatten(0, 1)
        return functional.cross_entropy(logits, inputs["labels"].flatten(), reduction="none"), None, None


class NeedsItems(Divides):
    """Without the count it gives a sum."""

    def forward(self, inputs: Tensor, labels: Tensor, num_items_in_batch: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return super().forward(inputs, labels, num_items_in_batch)


WAYS: dict[str, dict[str, Any]] = {
    "model": {"model": Mean},
    "model divides": {"model": Divides},
    "model needs the items": {"model": NeedsItems},
    "model shifts": {"model": Shifts},
    "old override": {"model": Mean, "kind": OlderSignature},
    "override divides": {"model": Mean, "kind": OverrideThatDivides},
    "override ignores": {"model": Mean, "kind": OverrideThatIgnores},
    "override passes on": {"model": Divides, "kind": OverrideThatPassesOn},
    "function divides": {"model": Mean, "compute_loss_func": divides},
    "function is a mean": {"model": Mean, "compute_loss_func": takes_the_mean},
    "smoothed": {"model": Mean, "label_smoothing_factor": 0.2},
    "prediction_step by label": {"model": Mean, "kind": StepOverride},
}


def _trainer(rows: Any, **way: Any) -> Trainer:
    kind, model = way.pop("kind", Trainer), way.pop("model")
    function = way.pop("compute_loss_func", None)
    quiet = {"output_dir": "memory://agreement", "report_to": "none", "save_strategy": "no", "disable_tqdm": True}
    usual = {"use_cpu": True, "log_level": "error", "do_eval": True, "optim": "sgd", "logging_steps": 1}
    args = TrainingArguments(**quiet, **usual, num_train_epochs=1, **way)
    trainer: Trainer = kind(model(), args, train_dataset=rows, eval_dataset=rows, compute_loss_func=function)
    return trainer


@settings(max_examples=60, deadline=None)
@given(
    labelled=st.lists(st.integers(0, Tokens.LENGTH), min_size=1, max_size=9),
    eval_size=st.integers(1, 10),
    size=st.integers(1, 10),
    name=st.sampled_from(sorted(WAYS)),
)
def test_train_loss_eval_loss_and_a_plain_loop_agree(labelled: list[int], eval_size: int, size: int, name: str) -> None:
    rows = Tokens(labelled)
    way = WAYS[name]
    true = _by_hand(rows, epsilon=way.get("label_smoothing_factor", 0.0), shifted=way["model"] is Shifts)
    cut = {"per_device_eval_batch_size": eval_size, "per_device_train_batch_size": size}
    trainer = _trainer(rows, **way, **cut, gradient_accumulation_steps=-(-len(rows) // size))
    assert trainer.evaluate()["eval_loss"] == pytest.approx(true, rel=1e-12, nan_ok=True)
    if math.isnan(true):
        return
    trainer.train()
    assert entries(trainer, "grad_norm")[0]["loss"] == pytest.approx(true, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=8), size=st.integers(1, 9))
def test_ragged_rows_agree_too(lengths: list[int], size: int) -> None:
    def padded(rows: Any) -> dict[str, Tensor]:
        batch = {}
        for key, fill in (("inputs", 0.0), ("labels", IGNORED)):
            batch[key] = nn.utils.rnn.pad_sequence([row[key] for row in rows], batch_first=True, padding_value=fill)
        return batch

    rows = [{key: value[:length] for key, value in Tokens([6])[0].items()} for length in lengths]
    trainer = _trainer(rows, model=Mean, per_device_eval_batch_size=size)
    trainer.data_collator = padded
    output = trainer.predict(rows)
    assert output.metrics["test_loss"] == pytest.approx(_by_hand(rows), rel=1e-12)
    assert output.label_ids.shape == (len(rows), max(len(row["labels"]) for row in rows))
    assert (output.label_ids != IGNORED).sum() == sum(len(row["labels"]) for row in rows)
    assert output.predictions.shape == (*output.label_ids.shape, CLASSES)


def test_all_labels_masked_is_said_once_and_is_nan(make_trainer: Make, caplog: Any) -> None:
    trainer = make_trainer(model=Mean(), eval_dataset=Tokens([0, 0]), per_device_eval_batch_size=1)
    with caplog.at_level(logging.WARNING):
        assert [math.isnan(trainer.evaluate()["eval_loss"]) for _ in range(3)] == [True] * 3
    said = [record.message for record in caplog.records if "RUN155" in record.message]
    assert len(said) == 1 and "'labels'" in said[0] and "-100" in said[0]


def test_a_masked_batch_does_not_touch_the_best_model(make_trainer: Make) -> None:
    trainer = make_trainer(
        model=Mean(),
        train_dataset=Tokens([6] * 4),
        eval_dataset=Tokens([3, 0, 0, 2]),
        per_device_eval_batch_size=1,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        num_train_epochs=2,
    )
    trainer.train()
    assert math.isfinite(trainer.state.best_metric or math.nan) and trainer.state.best_model_checkpoint


class TwoColumns(Mean):
    """A mean over the labels of both columns together."""

    def forward(self, inputs: Tensor, labels: Tensor, more_labels: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        logits = self.layer(inputs).flatten(0, 1)
        both = torch.cat([logits, logits]), torch.cat([labels.flatten(), more_labels.flatten()])
        return {"loss": functional.cross_entropy(*both), "logits": logits}


@pytest.mark.parametrize("masked", ["labels", "more_labels", "neither", "both in a batch"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_two_columns_of_labels_count_together(make_trainer: Make, masked: str, size: int) -> None:
    rows = [{**row, "more_labels": (row["labels"] + 1) % 3} for row in Tokens([6, 2, 1])]
    for row in rows if masked in ("labels", "more_labels") else rows[:1] if "both" in masked else []:
        for key in ("labels", "more_labels") if "both" in masked else (masked,):
            row[key] = torch.full_like(row[key], IGNORED)
    batch = {key: torch.stack([row[key] for row in rows]) for key in rows[0]}
    true = TwoColumns()(**batch)["loss"].item()
    cut = {"per_device_eval_batch_size": size, "per_device_train_batch_size": size}
    steps = {"gradient_accumulation_steps": -(-3 // size), "logging_steps": 1, "num_train_epochs": 1}
    trainer = make_trainer(model=TwoColumns(), train_dataset=rows, eval_dataset=rows, **cut, **steps)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(true, rel=1e-12)
    trainer.train()
    assert entries(trainer, "grad_norm")[0]["loss"] == pytest.approx(true, rel=1e-12)


def test_the_losses_of_rows_weigh_up_to_the_eval_loss(make_trainer: Make) -> None:
    seen: list[Any] = []
    labelled = [6, 1, 0, 0, 2]
    trainer = make_trainer(
        model=Mean(),
        eval_dataset=Tokens(labelled),
        per_device_eval_batch_size=2,
        include_for_metrics=["loss"],
        compute_metrics=lambda p: seen.append(p.losses) or {},
    )
    loss = trainer.evaluate()["eval_loss"]
    assert seen[0].shape == (5,)
    assert numpy.average(seen[0], weights=[6, 1, 0, 0, 2]) == pytest.approx(loss, rel=1e-6)


class SumOfMeans(TwoColumns):
    """As models with several heads have it: nan where one of them has nothing to learn."""

    def forward(self, inputs: Tensor, labels: Tensor, more_labels: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        logits = self.layer(inputs).flatten(0, 1)
        columns = (labels, more_labels)
        return {"loss": torch.stack([functional.cross_entropy(logits, c.flatten()) for c in columns]).sum()}


def test_a_column_masked_throughout_a_batch_does_not_make_the_loss_nan(make_trainer: Make, caplog: Any) -> None:
    rows = [{**row, "more_labels": row["labels"]} for row in Tokens([6, 6, 6, 6])]
    rows[3]["more_labels"] = torch.full_like(rows[3]["labels"], IGNORED)
    trainer = make_trainer(model=SumOfMeans(), eval_dataset=rows, per_device_eval_batch_size=1)
    with caplog.at_level(logging.WARNING):
        found = [trainer.evaluate()["eval_loss"] for _ in range(2)]
    assert found == pytest.approx([2 * _by_hand(rows[:3])] * 2, rel=1e-12)
    assert caplog.text.count("RUN155") == 1 and "the loss of 1 batches is nan" in caplog.text
