"""Entries under the names of people's dashboards; nothing that is a number is lost, the epoch is told once a step."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainspec.training.trackers.names import Scalars, dashboard_name, last_step, number_of


@pytest.mark.parametrize(
    "key, name",
    [
        ("loss", "train/loss"),
        ("eval_loss", "eval/loss"),
        ("test_loss", "test/loss"),
        ("eval_set1_accuracy", "eval/set1_accuracy"),
        ("train_runtime", "train/train_runtime"),
        ("evaluation", "train/evaluation"),
        ("late_loss", "train/late_loss"),
        ("eval_", "eval/"),
    ],
)
def test_a_key_as_dashboards_have_it(key: str, name: str) -> None:
    assert dashboard_name(key) == name


@pytest.mark.parametrize(
    "value, number",
    [
        (1, 1),
        (True, True),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (np.array(2.0), 2.0),
        (torch.tensor(3), 3),
        ("1", None),
        (None, None),
        ([1], None),
        (torch.ones(2), None),
        ({}, None),
    ],
    ids=repr,
)
def test_what_is_a_number(value: Any, number: float | None) -> None:
    assert number_of(value) == number


entries = st.lists(
    st.fixed_dictionaries(
        {"step": st.integers(0, 9), "epoch": st.just(0.5)},
        optional={"loss": st.floats(0, 9), "eval_loss": st.floats(0, 9)},
    )
).map(lambda found: sorted(found, key=lambda entry: entry["step"]))


@given(entries)
def test_every_number_is_told_and_the_epoch_once_a_step(history: list[dict[str, float]]) -> None:
    scalars = Scalars()
    told = [(entry["step"], name, value) for entry in history for name, value in scalars.of(entry).items()]
    epochs = [step for step, name, _ in told if name == "train/epoch"]
    assert epochs == sorted({entry["step"] for entry in history})
    others = [(step, name, value) for step, name, value in told if name != "train/epoch"]
    assert others == [
        (entry["step"], dashboard_name(key), entry[key])
        for entry in history
        for key in entry
        if key not in ("step", "epoch")
    ]


@given(entries, st.integers(-1, 10))
def test_what_was_told_before_is_not_told_again(history: list[dict[str, float]], until: int) -> None:
    scalars = Scalars(until)
    assert all(bool(scalars.of(entry)) <= (entry["step"] > until) for entry in history)


def test_the_last_step_of_a_history() -> None:
    assert last_step([]) is None
    assert last_step([{"step": 4}, {"step": 2}, {}]) == 4
