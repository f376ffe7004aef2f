"""Promise: a plan says what the run will do; both worked examples of the contract hold."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.plan.batches import PlanError
from trainspec.plan.render import render_plan, shortened
from trainspec.plan.retention import checkpoints_to_delete
from trainspec.plan.run import LONGEST_LIST, RunPlan, plan_run

DEFAULTS: dict[str, Any] = {
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "dataloader_drop_last": False,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "fsdp": [],
    "deepspeed": None,
    "accelerator_config": None,
    "parallelism_config": None,
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
    "lr_scheduler_kwargs": {},
    "warmup_ratio": 0.0,
    "warmup_steps": 0,
    "logging_strategy": "steps",
    "logging_steps": 500,
    "logging_first_step": False,
    "eval_strategy": "no",
    "eval_steps": 500,
    "eval_delay": None,
    "eval_on_start": False,
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": None,
    "metric_for_best_model": None,
}


def _plan(rows: int | None, *, eval_rows: int | None = None, world_size: int = 1, **changes: Any) -> RunPlan:
    assert changes.keys() <= DEFAULTS.keys()
    args: Any = SimpleNamespace(**(DEFAULTS | changes))
    return plan_run(args, train_rows=rows, eval_rows=eval_rows, world_size=world_size)


def test_first_worked_example() -> None:
    plan = _plan(10_000, gradient_accumulation_steps=2)
    assert (plan.updates_per_epoch, plan.total_updates, plan.epochs) == (625, 1875, 3)
    assert plan.log_steps == (500, 1000, 1500)
    assert plan.save_steps == plan.kept_checkpoints == (500, 1000, 1500, 1875)


def test_second_worked_example() -> None:
    plan = _plan(30_000, world_size=3, gradient_accumulation_steps=2)
    assert (plan.batches.update_rows, plan.updates_per_epoch) == (48, 625)
    assert plan.micro_batches_per_epoch == 1250


def test_learning_rates() -> None:
    plan = _plan(8000, num_train_epochs=1.0, warmup_ratio=0.1)
    assert plan.warmup_updates == 100
    assert plan.learning_rate(1) == 0.0
    assert plan.learning_rate(51) == pytest.approx(2.5e-5)
    assert plan.learning_rate(101) == plan.peak_learning_rate == 5e-5
    assert plan.learning_rate(1000) == pytest.approx(5e-5 / 900)


@given(
    name=st.sampled_from(["linear", "cosine", "constant", "cosine_warmup_with_min_lr", "warmup_stable_decay"]),
    total=st.integers(1, 60),
    warmup=st.integers(0, 80),
)
def test_the_peak_is_the_highest_rate_of_all_updates(name: str, total: int, warmup: int) -> None:
    kwargs = {
        "cosine_warmup_with_min_lr": {"min_lr_rate": 0.1},
        "warmup_stable_decay": {"num_decay_steps": 7},
    }
    plan = _plan(
        8,
        max_steps=total,
        warmup_steps=warmup,
        lr_scheduler_type=name,
        lr_scheduler_kwargs=kwargs.get(name, {}),
    )
    rates = [plan.learning_rate(update) or 0.0 for update in range(1, total + 1)]
    assert plan.peak_learning_rate == pytest.approx(max(rates))


def test_plateau_has_no_planned_rate() -> None:
    plan = _plan(800, lr_scheduler_type="reduce_lr_on_plateau")
    assert plan.learning_rate(1) is None
    assert plan.to_dict()["learning_rate"]["peak"] == 5e-5


def test_fractions_of_the_run() -> None:
    plan = _plan(1000, num_train_epochs=1.0, logging_steps=0.1, eval_strategy="steps", eval_steps=0.3)
    assert plan.total_updates == 125
    assert plan.log_steps == tuple(range(13, 126, 13))
    assert plan.eval_steps == (38, 76, 114)


def test_data_without_length() -> None:
    plan = _plan(None, max_steps=100, save_strategy="epoch", logging_steps=40)
    assert (plan.updates_per_epoch, plan.epochs, plan.total_updates) == (None, None, 100)
    assert plan.log_steps == (40, 80)
    with pytest.raises(PlanError, match="set max_steps"):
        _plan(None)


def test_rows_that_are_dropped() -> None:
    assert _plan(1003, dataloader_drop_last=True).batches.dropped_rows == 3
    assert _plan(1003).batches.dropped_rows == 0
    with pytest.raises(PlanError, match="drops every row"):
        _plan(7, dataloader_drop_last=True)


def test_no_epochs_no_events() -> None:
    plan = _plan(1000, num_train_epochs=0.0)
    assert (plan.total_updates, plan.log_steps, plan.save_steps, plan.kept_checkpoints) == (0, (), (), ())
    assert "never" in render_plan(plan)


@given(saves=st.integers(1, 8), limit=st.one_of(st.none(), st.integers(1, 9)), keeps_best=st.booleans())
def test_kept_checkpoints_are_those_left_whichever_is_best(saves: int, limit: int | None, keeps_best: bool) -> None:
    plan = _plan(
        80 * saves,
        num_train_epochs=1.0,
        save_steps=10,
        save_total_limit=limit,
        metric_for_best_model="loss" if keeps_best else None,
        eval_strategy="steps",
    )
    left_by_best = []
    for best in plan.save_steps:
        there: list[int] = []
        for step in plan.save_steps:
            there.append(step)
            known_best = best if keeps_best and best in there else None
            there = sorted(set(there) - set(checkpoints_to_delete(there, limit, best=known_best)))
        left_by_best.append(set(there))
    assert set(plan.kept_checkpoints) == set.intersection(*left_by_best)


def test_the_dictionary_is_plain_json() -> None:
    plan = _plan(10_000, eval_rows=100, eval_strategy="epoch")
    document = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
    assert document["eval_batches"] == 13
    assert document["eval_steps"] == [1250, 2500, 3750]
    assert document["learning_rate"]["schedule"] == "linear"
    assert document == plan.to_dict()


@pytest.mark.timeout(10)
def test_an_endless_list_is_cut_and_says_so() -> None:
    plan = _plan(None, max_steps=10**12, logging_steps=1)
    assert len(plan.log_steps) == LONGEST_LIST
    assert plan.truncated == ("log_steps", "save_steps")
    assert plan.kept_checkpoints == ()
    assert "(over 100,000)" in render_plan(plan)


# Settings of runs so long that nobody may walk through them.
LONG: dict[str, dict[str, Any]] = {
    "steps, nothing due": {"max_steps": 10**12},
    "epochs": {"num_train_epochs": 1e308},
    "epochs, everything by epoch": {
        "num_train_epochs": 1e308,
        "eval_strategy": "epoch",
        "logging_strategy": "epoch",
        "save_strategy": "epoch",
        "eval_delay": 1e300,
    },
    "a long delay": {"max_steps": 10**12, "eval_strategy": "steps", "eval_steps": 1, "eval_delay": 10**11},
    "many kept": {"max_steps": 10**9, "save_steps": 7, "save_total_limit": 10**6},
    "all there are": {"max_steps": LONGEST_LIST, "save_steps": 1, "logging_steps": 1, "save_total_limit": 10**6},
}


@pytest.mark.timeout(5)
@pytest.mark.parametrize("changes", LONG.values(), ids=LONG)
def test_a_plan_takes_no_longer_for_a_longer_run(changes: dict[str, Any]) -> None:
    plan = _plan(100, **changes)
    assert render_plan(plan) and 0 < len(plan.to_dict()["save_steps"]) <= LONGEST_LIST
    assert changes.get("eval_strategy") != "steps" or plan.eval_steps[:2] == (10**11, 10**11 + 1)


def test_rates_that_no_number_holds() -> None:
    with pytest.raises(PlanError, match="beyond what a number holds"):
        _plan(100, num_train_epochs=1e308, lr_scheduler_type="inverse_sqrt", lr_scheduler_kwargs={"timescale": 1})
    with pytest.raises(PlanError, match="beyond what a number holds"):
        _plan(100, lr_scheduler_type="cosine", lr_scheduler_kwargs={"num_cycles": 1e308})


# Numbers of no machine or data set -> what is said of them.
NONSENSE: dict[str, tuple[dict[str, Any], str]] = {
    "no device": ({"rows": 8, "world_size": 0}, "world_size must be 1 or more, not 0"),
    "fewer devices than none": (
        {"rows": None, "world_size": -1, "max_steps": 3},
        "world_size must be 1 or more, not -1",
    ),
    "fewer rows than none": ({"rows": -8}, "a data set has 0 rows or more, not -8"),
    "fewer eval rows than none": ({"rows": 8, "eval_rows": -1}, "a data set has 0 rows or more, not -1"),
}


@pytest.mark.parametrize(("numbers", "message"), NONSENSE.values(), ids=NONSENSE)
def test_numbers_of_no_run_are_refused(numbers: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _plan(**numbers)


def test_rendered() -> None:
    text = render_plan(
        _plan(10_003, gradient_accumulation_steps=2, dataloader_drop_last=True, eval_rows=90, save_steps=100)
    )
    assert text.splitlines() == [
        "train rows          10,003",
        "effective batch     16 rows an update on 1 device",
        "micro-batches       1,250 an epoch on each device",
        "dropped rows        3 an epoch (dataloader_drop_last)",
        "evaluation batches  12 on each device",
        "updates             625 an epoch, 1,875 in all (3 epochs begun)",
        "warmup updates      0",
        "learning rate       5e-05 first, 5e-05 peak, 2.667e-08 last (linear)",
        "logs after          500, 1000, 1500; a summary at the end",
        "evaluates after     never",
        "saves after         100, 200, 300, … 1875 (19)",
        "left at the end     100, 200, 300, … 1875 (19)",
    ]


def test_shortened() -> None:
    assert shortened(range(500, 9501, 500)) == "500, 1000, 1500, … 9500 (19)"
    assert shortened(range(1, 9)) == "1, 2, 3, 4, 5, 6, 7, 8"
    assert shortened(range(1, 10)) == "1, 2, 3, … 9 (9)"
    assert shortened(()) == "never"
