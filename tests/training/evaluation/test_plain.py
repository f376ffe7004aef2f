"""Metrics of any library are plain numbers wherever they go; what no log can hold is named."""

import json
import logging
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.training.small_job import Make

from trainspec.training.errors import MetricError, UnknownMetricError
from trainspec.training.evaluation.plain import flat_numbers, plain, plain_metrics, without_nonfinite

PLAIN: dict[str, tuple[Any, Any]] = {
    "numpy's number": (numpy.float32(0.5), 0.5),
    "numpy's flag": (numpy.bool_(True), True),
    "numpy's text": (numpy.str_("a"), "a"),
    "an array": (numpy.array([0.5, 0.25]), [0.5, 0.25]),
    "an array of arrays": (numpy.eye(2, dtype=int), [[1, 0], [0, 1]]),
    "an array without dimension": (numpy.array(3), 3),
    "an array of objects": (numpy.array([Decimal("0.5"), None], dtype=object), [0.5, None]),
    "a tensor": (torch.tensor([1.0, 2.0], requires_grad=True), [1, 2]),
    "a tensor without dimension": (torch.tensor(2), 2),
    "half precision": (torch.tensor(1.0).bfloat16(), 1),
    "sparse": (torch.eye(2).to_sparse(), [[1, 0], [0, 1]]),
    "Decimal": (Decimal("0.25"), 0.25),
    "Fraction": (Fraction(1, 4), 0.25),
    "None": (None, None),
    "a list": ([numpy.int64(1), (torch.tensor(2),)], [1, [2]]),
    "a nest": ({"a": {"f1": numpy.float16(0.5), 3: numpy.bool_(False)}}, {"a": {"f1": 0.5, "3": False}}),
}


def _types(value: Any) -> set[type]:
    if isinstance(value, dict):
        return set().union(*map(_types, value.values()))
    return set().union(*map(_types, value)) if isinstance(value, list) else {type(value)}


@pytest.mark.parametrize("name", PLAIN)
def test_what_metrics_become(name: str) -> None:
    value, expected = PLAIN[name]
    found = plain(value, "f1")
    assert found == expected
    assert _types(found) <= {int, float, bool, str, type(None)}
    json.dumps(found)


@pytest.mark.parametrize(
    "value",
    [b"x", {1, 2}, 1j, object(), numpy.datetime64("2020-01-01"), numpy.array([1j])],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize("place, name", [(lambda v: v, "f1"), (lambda v: [1, v], "f1.1"), (lambda v: {"a": v}, "f1.a")])
def test_what_no_log_can_hold_is_named(value: Any, place: Any, name: str) -> None:
    with pytest.raises(MetricError, match=f"the metric '{name}"):
        plain(place(value), "f1")


def test_a_metric_that_holds_itself_is_named() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    with pytest.raises(MetricError, match="'f1' is nested"):
        plain(endless, "f1")


@pytest.mark.parametrize("value", [0.5, [1], "x", {1}])
def test_metrics_have_names(value: Any) -> None:
    with pytest.raises(MetricError, match=f"compute_metrics gave a {type(value).__name__}, not a dict"):
        plain_metrics(value, "compute_metrics")


nests = st.recursive(
    st.floats() | st.integers() | st.booleans() | st.none() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(nests)
def test_every_number_of_a_nest_is_found_and_json_can_hold_it(value: Any) -> None:
    def numbers(value: Any) -> int:
        if isinstance(value, (dict, list)):
            return sum(map(numbers, value.values() if isinstance(value, dict) else value))
        return isinstance(value, (int, float))

    assert len(list(flat_numbers("a", value))) == numbers(value)
    json.dumps(without_nonfinite(plain(value, "a")), allow_nan=False)


ALL: dict[str, Any] = {
    "arr": numpy.array([0.5, 0.75]),
    "nest": {"macro": numpy.float32(0.25), "flag": numpy.bool_(True)},
    "none": None,
    "many": numpy.zeros((30, 30)),
    "nan": numpy.float64("nan"),
    "nans": [numpy.nan, numpy.inf],
}


def _tensorboard(folder: Path) -> dict[str, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: dict[str, float] = {}
    for path in folder.rglob("events.out.tfevents.*"):
        events = EventAccumulator(str(path)).Reload()
        found |= {name: events.Scalars(name)[-1].value for name in events.Tags()["scalars"]}
    return found


def test_metrics_are_plain_in_logs_state_trackers_and_the_card(make_trainer: Make, tmp_path: Path, caplog: Any) -> None:
    seen: list[Any] = []
    trainer = make_trainer(
        compute_metrics=lambda prediction: ALL,
        eval_strategy="epoch",
        save_strategy="epoch",
        report_to=["jsonl", "tensorboard", "plot"],
    )
    real = trainer.fire
    trainer.fire = lambda event, **more: (seen.append(more.get("metrics")), real(event, **more))[1]  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        trainer.train()
    out = tmp_path / "out"
    logged = next(entry for entry in trainer.state.log_history if "eval_arr" in entry)
    assert logged["eval_arr"] == [0.5, 0.75] and logged["eval_nest"] == {"macro": 0.25, "flag": True}
    assert next(metrics for metrics in seen if metrics)["eval_arr"] == [0.5, 0.75]
    state = json.loads((out / "checkpoint-6" / "trainer_state.json").read_text())
    assert any(entry.get("eval_arr") == [0.5, 0.75] for entry in state["log_history"])
    lines = [json.loads(line, parse_constant=pytest.fail) for line in (out / "metrics.jsonl").read_text().splitlines()]
    entry = next(line for line in lines if "eval_arr" in line)
    assert entry["eval_nest"] == {"macro": 0.25, "flag": True} and entry["eval_nans"] == [None, None]
    assert len(entry["eval_many"]) == 30 and entry["eval_nan"] is None
    told = _tensorboard(out)
    assert (told["eval/arr/0"], told["eval/arr/1"], told["eval/nest/macro"]) == (0.5, 0.75, 0.25)
    assert not [name for name in told if "many" in name] and "is left out for the rest" not in caplog.text
    trainer.create_model_card()
    card = (out / "README.md").read_text()
    (model,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    told = {metric["name"]: metric["value"] for metric in model["results"][0]["metrics"]}
    assert told["arr/1"] == 0.75 and told["nest/macro"] == 0.25 and not [name for name in told if "many" in name]
    trainer.save_metrics("own", {"a": numpy.float32(0.5), "b": [numpy.int64(2)]})
    assert json.loads((out / "own_results.json").read_text()) == {"a": 0.5, "b": [2]}


def test_a_card_takes_what_a_script_wrote_into_the_history(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer()
    entry = {"eval_f1": numpy.float32(0.5), "loss": numpy.float64(2), "step": numpy.int64(3), "eval_odd": b"x"}
    trainer.state.log_history.append(entry)
    trainer.create_model_card()
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| 3 |  | 2 | 0.5 |" in card and yaml.safe_load(card.split("---\n")[1])["model-index"]


def test_a_script_logs_what_it_has(make_trainer: Make) -> None:
    trainer = make_trainer()
    trainer.log({"a": torch.tensor(1.5), "b": numpy.ones(2)})
    assert trainer.state.log_history[-1] == {"a": 1.5, "b": [1.0, 1.0], "epoch": 0.0, "step": 0}
    with pytest.raises(MetricError, match="'c'"):
        trainer.log({"c": b"x"})


@pytest.mark.parametrize("value", [None, [0.5], {"macro": 0.5}, "high"], ids=["None", "list", "dict", "text"])
def test_the_best_model_is_chosen_by_a_number(make_trainer: Make, value: Any) -> None:
    settings = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    trainer = make_trainer(compute_metrics=lambda p: {"f1": value}, metric_for_best_model="f1", **settings)
    with pytest.raises(UnknownMetricError, match=r"'f1', but evaluation returned (None|a (list|dict|str))"):
        trainer.train()


def test_a_compute_metrics_that_returns_nothing_is_asked_about_once(make_trainer: Make, caplog: Any) -> None:
    trainer = make_trainer(compute_metrics=lambda prediction: None)
    with caplog.at_level(logging.WARNING):
        assert all(math.isfinite(trainer.evaluate()["eval_loss"]) for _ in range(2))
    assert caplog.text.count("did it forget to return them?") == 1


def test_long_metrics_are_short_on_the_terminal(make_trainer: Make, capsys: Any) -> None:
    trainer = make_trainer(compute_metrics=lambda prediction: ALL)
    trainer.log_metrics("eval", trainer.evaluate())
    told = capsys.readouterr()
    assert max(map(len, told.out.splitlines())) < 100 and len(told.err.splitlines()[-1]) < 500


@pytest.mark.parametrize("by_batch, rows", [(False, 10), (True, 8)])
def test_an_error_in_compute_metrics_is_the_users_and_says_where(make_trainer: Make, by_batch: bool, rows: int) -> None:
    def metrics(prediction: Any, compute_result: bool = True) -> dict[str, float]:
        raise KeyError("labels")

    trainer = make_trainer(compute_metrics=metrics, batch_eval_metrics=by_batch, per_device_eval_batch_size=8)
    with pytest.raises(KeyError, match="labels") as caught:
        trainer.evaluate()
    assert caught.value.__notes__ == [f"compute_metrics raised this, called on the predictions of {rows} rows"]
