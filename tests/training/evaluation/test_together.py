"""Evaluation by several processes is evaluation by one: each row once, in order, and the same metrics everywhere."""

import tempfile
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
import torch
from tests.training.parallel.world import run_in
from tests.training.ranks import small_trainer
from tests.training.small_job import Line, Rows
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from trainspec.training.trainer import Trainer

COUNTS = (1, 9, 14)


class Ragged(nn.Module):
    """Outputs of several lengths in two dimensions, in a nest; a number a batch; labels that are masked."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1, dtype=torch.float64)
        nn.init.constant_(self.layer.weight, 0.25)
        nn.init.zeros_(self.layer.bias)

    def forward(self, inputs: Tensor, labels: Tensor, number: Tensor) -> dict[str, Any]:
        longest = int(number.max()) % 5 + 1
        output = self.layer(inputs)
        wide = output[:, :, None].expand(-1, longest, longest + 1)
        loss = nn.functional.mse_loss(output, labels)
        return {"loss": loss, "wide": wide, "nest": (number, {"half": output.to(torch.bfloat16)}), "one": loss * 2}


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        rows = Rows(14, torch.float64)
        return (rows[number] for number in range(len(rows)))


def metrics(prediction: Any) -> dict[str, Any]:
    rows = prediction.label_ids
    difference = numpy.abs(numpy.asarray(prediction.predictions) - rows)
    worst = int(difference.argmax())
    return {"rows": len(rows), "mae": float(difference.mean()), "worst": worst, "order": rows[:, 0].tolist()}


class ByBatch:
    """Collects; `calls` says which of them were the last."""

    def __init__(self) -> None:
        self.calls: list[bool] = []
        self.rows: list[float] = []

    def __call__(self, prediction: Any, compute_result: bool) -> dict[str, Any]:
        self.calls.append(compute_result)
        self.rows += prediction.label_ids[:, 0].tolist()
        if prediction.losses is not None and len(prediction.losses) != len(prediction.label_ids):
            raise AssertionError("a loss for each row")
        return {"rows": len(self.rows), "order": self.rows, "calls": list(self.calls)} if compute_result else {}


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, numpy.ndarray) else value


def _without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if "runtime" not in name and "per_second" not in name}


def _evaluated(folder: str, rows: Any = None, **more: Any) -> dict[str, Any]:
    """On `rows`; what evaluate and predict give, and who called compute_metrics how often."""
    known = {"eval_dataset": rows, "per_device_eval_batch_size": 2, "compute_metrics": metrics, **more}
    trainer = small_trainer(folder, **known)
    evaluated = trainer.evaluate()
    predicted = trainer.predict(rows)
    return {
        "metrics": _without_times(evaluated),
        "times": {name: value for name, value in evaluated.items() if "runtime" in name},
        "predictions": _plain(predicted.predictions),
        "labels": _plain(predicted.label_ids),
        "test": _without_times(predicted.metrics),
        "logged": _without_times(trainer.state.log_history[0]),
    }


def _scenarios(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for count in COUNTS:
        found[f"{count} rows"] = _evaluated(folder, Rows(count, torch.float64))
    rows = Rows(14, torch.float64)
    found["stream"] = _evaluated(folder, Stream())
    found["workers"] = _evaluated(folder, rows, dataloader_num_workers=2)
    found["moved"] = _evaluated(folder, rows, eval_accumulation_steps=1)
    found["with inputs"] = _evaluated(
        folder, rows, compute_metrics=_with_extras, include_for_metrics=["inputs", "loss"]
    )
    found["by batch"] = _evaluated(folder, rows, compute_metrics=ByBatch(), batch_eval_metrics=True)
    found["several"] = _of_several(folder)
    ragged = {"compute_metrics": None, "model": Ragged(), "label_names": ["labels"]}
    found["ragged"] = _evaluated(folder, rows, **ragged)
    found["separate"] = _evaluated(folder, rows, **ragged, eval_do_concat_batches=False)
    return found


def _with_extras(prediction: Any) -> dict[str, Any]:
    return {"inputs": float(prediction.inputs.sum()), "losses": [round(float(loss), 5) for loss in prediction.losses]}


def _of_several(folder: str) -> dict[str, Any]:
    sets = {"one": Rows(5, torch.float64), "other": Rows(3, torch.float64)}
    trainer = small_trainer(
        folder,
        eval_dataset=sets,
        compute_metrics=metrics,
        eval_on_start=True,
        eval_strategy="steps",
        eval_steps=2,
        max_steps=2,
    )
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "eval_one_rows" in entry]
    return {"steps": [entry["step"] for entry in entries], "first": _without_times(entries[0])}


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return _scenarios(folder)


@pytest.fixture(scope="module", params=[2, 3])
def several(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        return run_in(request.param, _scenarios, folder)


SAME = [f"{count} rows" for count in COUNTS] + ["stream", "workers", "moved", "with inputs", "several"]


def _agree(here: Any, there: Any, where: str) -> None:
    if isinstance(here, dict):
        assert list(here) == list(there), where
        for name in here:
            _agree(here[name], there[name], f"{where}.{name}")
    elif isinstance(here, list):
        assert len(here) == len(there), where
        for number, pair in enumerate(zip(here, there, strict=True)):
            _agree(*pair, f"{where}[{number}]")
    elif isinstance(here, float):
        assert here == pytest.approx(there, rel=1e-12, abs=1e-12), where
    else:
        assert here == there, where


@pytest.mark.parametrize("name", [*SAME, "ragged", "separate", "by batch"])
def test_several_processes_say_what_one_says(one: dict[str, Any], several: list[dict[str, Any]], name: str) -> None:
    for rank, found in enumerate(several):
        told = {key: value for key, value in found[name].items() if key != "times"}
        _agree(told, {key: value for key, value in one[name].items() if key != "times"}, f"rank {rank}: {name}")
        if "times" in found[name]:
            assert found[name]["times"] == several[0][name]["times"], "one process's watch for all"


def test_the_last_call_by_batch_is_known(one: dict[str, Any]) -> None:
    assert one["by batch"]["metrics"]["eval_calls"] == [False] * 6 + [True]


def _failing(prediction: Any) -> dict[str, Any]:
    raise ZeroDivisionError("no rows of that class")


def _caught(call: Any) -> str:
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


class Texts(Trainer):
    def prediction_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        loss, _, labels = super().prediction_step(model, inputs, *rest, **more)
        return loss, [f"row {number}" for number in inputs["number"].tolist()], labels


def _odd(folder: str) -> dict[str, Any]:
    rows = Rows(7, torch.float64)
    known: dict[str, Any] = {"eval_dataset": rows, "per_device_eval_batch_size": 2}
    found = {"failing": _caught(small_trainer(folder, **known, compute_metrics=_failing).evaluate)}
    texts = small_trainer(folder, kind=Texts, **known)
    found["texts"] = _caught(lambda: texts.predict(rows))
    sent = small_trainer(folder, kind=Texts, **known, eval_use_gather_object=True)
    found["sent"] = list(sent.predict(rows).predictions)  # type: ignore[assignment]
    sampler = DistributedSampler(rows, shuffle=False)
    own = DataLoader(rows, batch_size=2, sampler=sampler)
    kept = small_trainer(folder, **known, compute_metrics=metrics)
    output = kept.evaluation_loop(own, prediction_loss_only=False)
    found["own sampler"] = output.metrics["eval_rows"]  # type: ignore[assignment]
    found["seen"] = len(kept.model.seen)  # type: ignore[union-attr, arg-type]
    masked = small_trainer(folder, **known, model=Line(torch.float64))
    found["preflight"] = _caught(masked.preflight)
    return found


def test_what_goes_wrong_is_told_by_all_and_objects_are_sent_where_they_may_be() -> None:
    with tempfile.TemporaryDirectory() as folder:
        zero, one = run_in(2, _odd, folder)
    assert zero["failing"] == "ZeroDivisionError: no rows of that class"
    assert one["failing"].startswith("OtherProcessError: the evaluation failed in rank 0")
    assert "ZeroDivisionError: no rows of that class" in one["failing"]
    for found in (zero, one):
        assert found["texts"].startswith("OutputsError") and "eval_use_gather_object: true" in found["texts"]
        assert found["sent"] == [f"row {number}" for number in range(7)]
        assert found["own sampler"] == 8, "its sampler repeats a row"
        assert found["preflight"] == "nothing"
