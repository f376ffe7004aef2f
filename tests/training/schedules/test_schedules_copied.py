"""Promise: schedules can be pickled and copied, and what comes of it has the same rates at every update."""

import copy
import pickle
from typing import Any

import pytest
import torch
from tests.training.schedules.test_schedules_functions import CURVES, _optimizer, _rates
from tests.training.small_job import Make

from trainspec.training import schedules
from trainspec.training.schedules.registry import RECIPES, get_scheduler

ARGUMENTS: dict[str, dict[str, Any]] = {
    name: {**counts, **arguments} for name, _, counts, arguments, _ in CURVES.values()
}


def _pickled(schedule: Any) -> Any:
    return pickle.loads(pickle.dumps(schedule))


@pytest.mark.parametrize("copied", [_pickled, copy.deepcopy], ids=["pickled", "deep-copied"])
@pytest.mark.parametrize("after", [0, 3, 20])
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_schedule_goes_on_from_its_copy(name: str, copied: Any, after: int) -> None:
    schedule = getattr(schedules, name)(_optimizer(), **ARGUMENTS[name])
    _rates(schedule, after)
    again = copied(schedule)
    assert _rates(again) == _rates(schedule)


@pytest.mark.parametrize("copied", [_pickled, copy.deepcopy], ids=["pickled", "deep-copied"])
def test_the_plateau_schedule_goes_on_from_its_copy(copied: Any) -> None:
    schedule = schedules.get_reduce_on_plateau_schedule(_optimizer(), patience=0)
    schedule.step(1.0)
    again = copied(schedule)
    for each in (schedule, again):
        each.step(2.0)
    assert [group["lr"] for group in again.optimizer.param_groups] == [0.2 * 0.1, 0.05 * 0.1]
    assert again.state_dict() == schedule.state_dict()


@pytest.mark.parametrize("name", RECIPES)
def test_every_named_schedule_is_pickled(name: str) -> None:
    more = {"min_lr_rate": 0.1} if "min_lr" in name else {"num_decay_steps": 3} if "decay" in name else {}
    made = get_scheduler(name, _optimizer(), 2, 10, more)
    assert type(_pickled(made)) is type(made)


def test_a_schedule_saved_before_they_could_be_pickled_is_read(make_trainer: Make) -> None:
    """Its state said None where it now says that there is nothing to tell."""
    schedule = schedules.get_linear_schedule_with_warmup(_optimizer(), 6, 40)
    _rates(schedule, 3)
    state = {**schedule.state_dict(), "lr_lambdas": [None, None]}
    again = schedules.get_linear_schedule_with_warmup(_optimizer(), 6, 40)
    again.load_state_dict(state)
    assert again.last_epoch == 3
    assert again.lr_lambdas[0](20) == pytest.approx(20 / 34)


def test_what_a_run_was_made_with_is_copied_after_it(make_trainer: Make) -> None:
    trainer = make_trainer(lr_scheduler_type="cosine", warmup_steps=2)
    trainer.train()
    again = copy.deepcopy(trainer.lr_scheduler)
    assert again.state_dict() == trainer.lr_scheduler.state_dict()
    assert torch.equal(
        next(iter(again.optimizer.param_groups[0]["params"])), trainer.optimizer.param_groups[0]["params"][0]
    )
