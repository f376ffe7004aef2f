"""Promise: the lists of events are what a loop meets that asks at every single update."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan import events
from trainspec.plan.events import Cadence

STRATEGY = st.sampled_from(["no", "steps", "epoch"])
CADENCES = st.builds(
    Cadence,
    total_updates=st.integers(0, 40),
    updates_per_epoch=st.one_of(st.none(), st.integers(1, 15)),
    logging_strategy=STRATEGY,
    logging_every=st.integers(1, 50),
    logging_first_step=st.booleans(),
    eval_strategy=STRATEGY,
    eval_every=st.integers(1, 50),
    eval_delay=st.sampled_from([0, 0.5, 1, 2.5, 7, 100]),
    eval_on_start=st.booleans(),
    save_strategy=st.sampled_from(["no", "steps", "epoch", "best"]),
    save_every=st.integers(1, 50),
)


@given(CADENCES)
def test_lists_are_what_a_loop_meets(cadence: Cadence) -> None:
    moments = [cadence.moment(step) for step in range(1, cadence.total_updates + 1)]
    start = [0] if cadence.eval_on_start else []
    assert list(events.log_steps(cadence)) == [m.step for m in moments if events.should_log(cadence, m)]
    assert list(events.eval_steps(cadence)) == start + [m.step for m in moments if events.should_evaluate(cadence, m)]
    assert list(events.save_steps(cadence)) == [m.step for m in moments if events.should_save(cadence, m)]


@given(CADENCES, st.integers(0, 45))
def test_next_event_after_skips_nothing_and_stops_for_something(cadence: Cadence, step: int) -> None:
    following = cadence.next_event_after(step)
    for skipped in range(step + 1, following):
        assert not _has_something_to_do(cadence, cadence.moment(skipped))
    assert _has_something_to_do(cadence, cadence.moment(following))


def _has_something_to_do(cadence: Cadence, now: events.Moment) -> bool:
    due = events.should_log(cadence, now) or events.should_evaluate(cadence, now) or events.should_save(cadence, now)
    return due or now.epoch_ended


@pytest.mark.parametrize(
    ("step", "settings", "expected"),
    [
        (0, {"logging_strategy": "no", "save_strategy": "no"}, 4),
        (4, {"logging_strategy": "no", "save_strategy": "no"}, 8),
        (8, {"logging_strategy": "no", "save_strategy": "no"}, 10),
        (10, {}, 11),
        (0, {"logging_every": 3}, 3),
        (2, {"logging_every": 3}, 3),
        (3, {"logging_every": 3}, 4),
        (0, {"logging_first_step": True}, 1),
        (1, {"logging_first_step": True}, 4),
        (4, {"eval_strategy": "steps", "eval_every": 1, "eval_delay": 5.5}, 6),
        (4, {"eval_strategy": "steps", "eval_every": 1, "eval_delay": 5}, 5),
        (4, {"save_every": 5}, 5),
    ],
)
def test_next_event_after(step: int, settings: dict[str, object], expected: int) -> None:
    assert Cadence(10, 4, **settings).next_event_after(step) == expected  # type: ignore[arg-type]


def _logs(**settings: object) -> list[int]:
    return list(events.log_steps(Cadence(10, 4, **settings)))  # type: ignore[arg-type]


def _evals(**settings: object) -> list[int]:
    return list(events.eval_steps(Cadence(10, 4, **settings)))  # type: ignore[arg-type]


def _saves(**settings: object) -> list[int]:
    return list(events.save_steps(Cadence(10, 4, **settings)))  # type: ignore[arg-type]


def test_logs() -> None:
    assert _logs(logging_every=3) == [3, 6, 9]
    assert _logs(logging_every=3, logging_first_step=True) == [1, 3, 6, 9]
    assert _logs(logging_every=1, logging_first_step=True) == list(range(1, 11))
    assert _logs(logging_strategy="epoch") == [4, 8, 10]
    assert _logs(logging_strategy="no") == []
    assert _logs(logging_strategy="no", logging_first_step=True) == [1]


def test_evaluations() -> None:
    assert _evals() == []
    assert _evals(eval_strategy="steps", eval_every=3) == [3, 6, 9]
    assert _evals(eval_strategy="epoch") == [4, 8, 10]
    assert _evals(eval_strategy="steps", eval_every=5, eval_on_start=True) == [0, 5, 10]
    assert _evals(eval_on_start=True) == [0]


@pytest.mark.parametrize(
    ("strategy", "delay", "expected"),
    [
        ("steps", 0, [2, 4, 6, 8, 10]),
        ("steps", 4, [4, 6, 8, 10]),
        ("steps", 4.5, [6, 8, 10]),
        ("steps", 11, []),
        ("epoch", 1, [4, 8, 10]),
        ("epoch", 1.1, [8, 10]),
        ("epoch", 2.5, [10]),
        ("epoch", 2.6, []),
    ],
)
def test_eval_delay_counts_in_the_strategy_s_unit(strategy: str, delay: float, expected: list[int]) -> None:
    assert _evals(eval_strategy=strategy, eval_every=2, eval_delay=delay) == expected


def test_saves() -> None:
    assert _saves(save_every=4) == [4, 8, 10]
    assert _saves(save_every=5) == [5, 10]
    assert _saves(save_every=500) == [10]
    assert _saves(save_strategy="epoch") == [4, 8, 10]
    assert _saves(save_strategy="no") == []
    assert _saves(save_strategy="best") == []


def test_best_saves_when_it_improved_and_only_then() -> None:
    cadence = Cadence(10, 4, save_strategy="best", save_every=1)
    for step in (1, 4, 10):
        assert events.should_save(cadence, cadence.moment(step), improved=True)
        assert not events.should_save(cadence, cadence.moment(step), improved=False)


def test_data_without_length_ends_its_epochs_when_the_loop_says_so() -> None:
    cadence = Cadence(10, None, eval_strategy="epoch", eval_delay=1)
    assert not events.should_evaluate(cadence, cadence.moment(3))
    assert events.should_evaluate(cadence, cadence.moment(3, epoch_ended=True, epoch=1.0))
    assert not events.should_evaluate(cadence, cadence.moment(3, epoch_ended=True, epoch=0.0))
    assert cadence.moment(3, epoch_ended=True, epoch=2.0).epoch == Fraction(2)


def test_sized_data_does_not_believe_the_loop() -> None:
    assert not Cadence(10, 4).moment(3, epoch_ended=True, epoch=9.0).epoch_ended


@pytest.mark.timeout(5)
def test_a_billion_updates_are_no_reason_to_wait() -> None:
    cadence = Cadence(10**12, 10**9, logging_every=10**11, logging_first_step=True, save_every=10**11)
    assert len(list(events.log_steps(cadence))) == 11
    assert list(events.save_steps(cadence))[-1] == 10**12
    assert list(islice(events.log_steps(Cadence(10**12, None, logging_every=1)), 3)) == [1, 2, 3]
