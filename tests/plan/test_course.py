"""Promise: what a picture shows is what the plan and the training go by, in few points however long the run is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plan.test_events import CADENCES

from trainspec import TrainingArguments
from trainspec.plan import events
from trainspec.plan.batches import PlanError
from trainspec.plan.course import MOST_LIVES, MOST_MARKS, MOST_POINTS, Course, course_of
from trainspec.plan.events import Cadence
from trainspec.plan.retention import checkpoints_to_delete
from trainspec.plan.run import plan_run


def course(rows: int | None, best: int | None = None, **said: Any) -> Course:
    args = TrainingArguments(**said)
    return course_of(args, plan_run(args, train_rows=rows), best)


@pytest.mark.parametrize("rows", [10_000, 12_345, 99_999, 123_456])
def test_points_are_those_of_the_schedule(rows: int) -> None:
    args = TrainingArguments(lr_scheduler_type="cosine", warmup_ratio=0.1, learning_rate=3e-4)
    plan = plan_run(args, train_rows=rows)
    points = course_of(args, plan).points
    assert points is not None
    assert points == tuple((step, plan.learning_rate(step)) for step, _ in points)
    assert [step for step, _ in points] == sorted({step for step, _ in points})
    assert (points[0][0], points[-1][0]) == (1, plan.total_updates)
    # Both sides of the corner: the highest rate is not cut off.
    assert max(rate for _, rate in points) == plan.peak_learning_rate


@pytest.mark.parametrize("total", [1, 2, 3, 7, 350, 351, 1000, 10**7, 10**12])
@pytest.mark.parametrize("warmup", [0, 1, 2, 39, 400])
def test_few_points_however_long(total: int, warmup: int) -> None:
    found = course(None, max_steps=total, warmup_steps=min(warmup, total), logging_steps=1, save_steps=1)
    assert found.points is not None and len(found.points) <= MOST_POINTS
    assert all(1 <= step <= total for step, _ in found.points)
    if total <= 350:
        assert [step for step, _ in found.points] == list(range(1, total + 1))
    assert (found.logs.count, len(found.logs.steps)) == (total, min(total, MOST_MARKS))
    assert found.logs.steps[-1] == total
    assert len(found.retention.lives) == min(total, MOST_LIVES)


def test_evaluations_decide_the_rate() -> None:
    said = {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch", "save_strategy": "epoch"}
    assert course(1000, **said).points is None


@given(CADENCES, st.integers(2, 20))
def test_marks_are_an_even_choice(cadence: Cadence, most: int) -> None:
    for due in (events.log_steps(cadence), events.eval_steps(cadence), events.save_steps(cadence)):
        everything = list(due)
        spread = due.spread(most)
        assert due.count == len(everything)
        assert [due.at(place) for place in range(due.count)] == everything
        assert due.newest(most) == tuple(everything[-most:])
        assert set(spread) <= set(everything) and len(spread) == min(most, due.count)
        assert spread[:1] == tuple(everything[:1]) and spread[-1:] == tuple(everything[-1:])
        assert all(step in due for step in everything) and -1 not in due


def test_epochs_end_where_the_plan_has_them() -> None:
    found = course(800, num_train_epochs=3)
    assert (found.epoch_ends.count, found.epoch_ends.steps) == (3, (100, 200, 300))
    assert course(None, max_steps=10).epoch_ends.steps == ()


# save_total_limit, best -> the updates that write checkpoints, and those that delete them.
LIVES: dict[str, tuple[int | None, int | None, dict[int, int | None]]] = {
    "no limit": (None, None, {10: None, 20: None, 30: None, 40: None}),
    "two": (2, None, {10: 30, 20: 40, 30: None, 40: None}),
    "one": (1, None, {10: 20, 20: 30, 30: 40, 40: None}),
    "best is first": (2, 10, {10: None, 20: 30, 30: 40, 40: None}),
    "best is second": (1, 20, {10: 20, 20: None, 30: 40, 40: None}),
}


@pytest.mark.parametrize(("limit", "best", "lives"), LIVES.values(), ids=LIVES)
def test_lives(limit: int | None, best: int | None, lives: dict[int, int | None]) -> None:
    said: dict[str, Any] = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 10}
    found = course(None, best, max_steps=40, save_steps=10, save_total_limit=limit, **(said if best else {}))
    assert {life.step: life.until for life in found.retention.lives} == lives
    assert (found.retention.limit, found.retention.count, found.retention.best) == (limit, 4, best)


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 300))
def test_lives_are_what_deleting_at_each_save_leaves(saves: int, limit: int, best: int) -> None:
    """Also where only the newest are told: what went before them changes nothing for them, but for the best."""
    best = min(best, saves)
    said: dict[str, Any] = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 1}
    found = course(None, best, max_steps=saves, save_steps=1, save_total_limit=limit, **said).retention
    there: list[int] = []
    gone: dict[int, int] = {}
    for step in range(1, saves + 1):
        there.append(step)
        for old in checkpoints_to_delete(there, limit, best=min(best, step)):
            there.remove(old)
            gone[old] = step
    assert [(life.step, life.until) for life in found.lives] == [
        (life.step, gone.get(life.step)) for life in found.lives
    ]
    assert {life.step for life in found.lives if life.until is None} >= {saves, best}


def test_only_a_save_can_be_the_best() -> None:
    said: dict[str, Any] = {"load_best_model_at_end": True, "eval_strategy": "steps", "eval_steps": 10}
    for wrong in ({"best": 15, **said}, {"best": 10}):
        with pytest.raises(PlanError, match="kept as the best"):
            course(None, max_steps=40, save_steps=10, **wrong)
