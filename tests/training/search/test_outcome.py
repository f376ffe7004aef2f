"""The best trial by what ray_scope compares, and the objective where nobody says one."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.settings.values.choices import RayScope
from trainspec.training.search import best_trial, default_objective

NAN, INF = math.nan, math.inf

# What three trials reported, and which of them wins under each scope when the objective is minimized.
HISTORIES = {
    "early": [0.0, *[9.0] * 10],
    "late": [*[8.0] * 10, 1.0],
    "even": [4.0] * 11,
    "good five": [*[7.0] * 6, *[2.5] * 4, 3.0],
}
WINNERS = {"last": "late", "all": "early", "avg": "even", "last-5-avg": "good five", "last-10-avg": "even"}


@pytest.mark.parametrize("scope", WINNERS)
def test_ray_scope_decides_what_trials_are_compared_by(scope: str) -> None:
    assert best_trial(HISTORIES, RayScope(scope), "minimize")[0] == WINNERS[scope]


@pytest.mark.parametrize("scope", WINNERS)
def test_ray_scope_holds_in_both_directions(scope: str) -> None:
    mirrored = {name: [-value for value in values] for name, values in HISTORIES.items()}
    name, score = best_trial(HISTORIES, RayScope(scope), "minimize")
    assert best_trial(mirrored, RayScope(scope), "maximize") == (name, -score)


@pytest.mark.parametrize(
    ("histories", "scope", "expected"),
    [
        pytest.param({"a": [2.0], "b": [1.0]}, "last", ("b", 1.0), id="one report each"),
        pytest.param({"a": [1.0], "b": [1.0]}, "last", ("a", 1.0), id="of equals the first"),
        pytest.param({"a": [NAN], "b": [5.0], "c": []}, "last", ("b", 5.0), id="nan and nothing are out"),
        pytest.param({"a": [1.0, NAN], "b": [5.0]}, "avg", ("b", 5.0), id="an average with nan is out"),
        pytest.param({"a": [1.0, NAN], "b": [5.0]}, "all", ("a", 1.0), id="the best of all may have nan beside it"),
        pytest.param({"a": [-INF], "b": [5.0]}, "last", ("b", 5.0), id="infinite is out"),
        pytest.param({"a": [3.0] * 4, "b": [3.0] * 5}, "last-5-avg", ("a", 3.0), id="fewer than five"),
        pytest.param({"a": [100.0, *[1.0] * 5], "b": [2.0] * 6}, "last-5-avg", ("a", 1.0), id="the sixth is out"),
        pytest.param({"a": [100.0, *[1.0] * 4], "b": [2.0] * 5}, "last-5-avg", ("b", 2.0), id="the fifth counts"),
        pytest.param({"a": [100.0, *[1.0] * 10], "b": [2.0]}, "last-10-avg", ("a", 1.0), id="the eleventh is out"),
        pytest.param({"a": [100.0, *[1.0] * 9], "b": [2.0]}, "last-10-avg", ("b", 2.0), id="the tenth counts"),
    ],
)
def test_borders(histories: dict[str, list[float]], scope: str, expected: tuple[str, float]) -> None:
    assert best_trial(histories, RayScope(scope), "minimize") == expected


def test_without_a_finite_objective_there_is_no_best() -> None:
    with pytest.raises(ValueError, match="finite"):
        best_trial({"a": [NAN], "b": []}, RayScope.LAST, "minimize")


finite = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


@given(st.dictionaries(st.text(min_size=1, max_size=3), finite, min_size=1), st.sampled_from(RayScope))
def test_none_is_better_than_the_best(histories: dict[str, list[float]], scope: RayScope) -> None:
    judge = {
        "last": lambda values: values[-1],
        "all": min,
        "avg": fmean,
        "last-5-avg": lambda values: fmean(values[-5:]),
        "last-10-avg": lambda values: fmean(values[-10:]),
    }[scope]
    name, score = best_trial(histories, scope, "minimize")
    assert score == judge(histories[name]) == min(map(judge, histories.values()))


SPEED = {"eval_runtime": 3.0, "eval_samples_per_second": 9.0, "eval_steps_per_second": 2.0, "epoch": 1.0, "step": 4}


@pytest.mark.parametrize(
    ("metrics", "objective"),
    [
        ({"eval_loss": 0.5}, 0.5),
        ({"eval_loss": 0.5, "eval_mem_cpu_alloc_delta": 77, "eval_model_preparation_time_runtime": 1.0}, 0.5),
        ({"eval_loss": 0.5, "eval_accuracy": 0.75}, 0.75),
        ({"eval_loss": 0.5, "eval_accuracy": 0.75, "eval_f1": 0.25}, 1.0),
        ({"eval_a_loss": 0.5, "eval_b_loss": 1.0}, 1.5),
    ],
)
def test_the_objective_where_nobody_says_one(metrics: dict[str, float], objective: float) -> None:
    assert default_objective({**metrics, **SPEED}) == objective
