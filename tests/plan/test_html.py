"""A plan on the page of a notebook: its facts, and the learning rates that the run will have as a drawing."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from trainspec import TrainingArguments, plan_run
from trainspec.plan.html import curve, plan_html
from trainspec.plan.render import facts
from trainspec.plan.run import RunPlan

SCHEDULES = {
    "linear": {},
    "cosine": {},
    "cosine_with_restarts": {"num_cycles": 50},
    "polynomial": {"power": 2.0},
    "constant": {},
    "constant_with_warmup": {},
    "inverse_sqrt": {},
    "cosine_with_min_lr": {"min_lr": 1e-5},
    "warmup_stable_decay": {"num_decay_steps": 100},
}


def planned(rows: int | None = 2000, **said: Any) -> RunPlan:
    return plan_run(TrainingArguments.from_dict(said), train_rows=rows)


def drawing(plan: RunPlan) -> ElementTree.Element:
    (svg,) = re.findall(r"<svg.*</svg>", plan_html(plan))
    return ElementTree.fromstring(svg)


def line(plan: RunPlan) -> list[tuple[float, float]]:
    """The corners of the drawn curve."""
    (path,) = [item.get("d", "") for item in drawing(plan).iter("path") if item.get("stroke-width")]
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_every_fact_of_the_text_is_there() -> None:
    plan = planned(eval_strategy="epoch")
    for label, said in facts(plan):
        assert f"{label}</span></td><td>{said}</td>" in plan_html(plan)
    assert str(plan).splitlines()[0].split(None, 2) == ["train", "rows", "2,000"]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_the_curve_is_the_rates_of_the_run(schedule: str) -> None:
    plan = planned(lr_scheduler_type=schedule, lr_scheduler_kwargs=SCHEDULES[schedule], warmup_steps=75)
    points = curve(plan)
    assert points == [(update, plan.learning_rate(update)) for update, _ in points]
    updates = [update for update, _ in points]
    assert updates == sorted(set(updates)) and {1, 75, 76, plan.total_updates} <= set(updates)
    corners = line(plan)
    assert corners[0][0] == 0 and corners[-1][0] == 480
    assert min(y for _, y in corners) == pytest.approx(16, abs=0.11), "the highest is at the top"
    assert all(16 <= y <= 102 for _, y in corners)
    assert len(plan_html(plan)) < 9000


def test_points_between_two_ends_of_a_straight_line_are_left_out() -> None:
    corners = line(planned(lr_scheduler_type="linear", warmup_steps=75))
    assert len(corners) <= 4
    assert corners[0] == (0, 102) and (corners[-1][0], round(corners[-1][1])) == (480, 102)


def test_corners_are_where_the_rates_are() -> None:
    plan = planned(lr_scheduler_type="cosine")
    for x, y in line(plan):
        rate = plan.learning_rate(round(1 + x / 480 * (plan.total_updates - 1)))
        assert rate is not None
        assert y == pytest.approx(102 - 86 * rate / plan.peak_learning_rate, abs=0.6)


@pytest.mark.parametrize(
    "rows, said",
    [
        pytest.param(2000, {"lr_scheduler_type": "reduce_lr_on_plateau", "eval_strategy": "epoch"}, id="as-evaluated"),
        pytest.param(8, {"max_steps": 1}, id="one-update"),
        pytest.param(2000, {"learning_rate": 0.0}, id="no-rate"),
    ],
)
def test_without_a_curve_there_is_no_drawing(rows: int, said: dict[str, Any]) -> None:
    said = said | ({"metric_for_best_model": "loss"} if "eval_strategy" in said else {})
    plan = planned(rows, **said)
    assert "<svg" not in plan_html(plan) and "effective batch" in plan_html(plan)


def test_rates_that_no_number_holds_are_not_drawn() -> None:
    plan = planned()

    def factor(update: int) -> float:
        if 100 < update < 740:
            raise OverflowError
        return 1.0

    object.__setattr__(plan, "_factor", factor)
    assert curve(plan) == [] and "<svg" not in plan_html(plan)


@pytest.mark.parametrize("said", [{"max_steps": 2}, {"max_steps": 10**9}, {"max_steps": 3, "warmup_steps": 3}])
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_short_endless_and_all_warmup(said: dict[str, Any]) -> None:
    plan = planned(None, **said, logging_strategy="no", save_strategy="no")
    assert line(plan)[-1][0] == 480
    assert f"{plan.total_updates:,}" in "".join(drawing(plan).itertext())


def test_nothing_comes_from_elsewhere_or_runs() -> None:
    shown = plan_html(planned())
    assert not re.search(r"https?:|<script|url\(|\son\w+=|href", shown)
    assert "<title>learning rate over 750 updates, linear: " in shown
