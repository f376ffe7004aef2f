"""Workers that stay serve the Trainer's own data sets; those of a data set made for one evaluation go with it."""

import multiprocessing
from typing import Any

import pytest
from tests.training.small_job import Make, Rows
from torch.utils.data import Subset

from trainspec.training.data import KeptLoaders

WORKERS = {"dataloader_num_workers": 1, "dataloader_persistent_workers": True}


class Stays:
    persistent_workers = True


def test_of_other_data_sets_the_last_one_is_kept() -> None:
    loaders, own, others = KeptLoaders(), [["own"], ["also own"]], [["a"], ["b"]]
    first = [loaders.get(dataset, Stays, own) for dataset in own]
    a = loaders.get(others[0], Stays, own)
    assert loaders.get(others[0], Stays, own) is a
    b = loaders.get(others[1], Stays, own)
    assert loaders.get(others[1], Stays, own) is b
    assert [loaders.get(dataset, Stays, own) for dataset in own] == first
    assert loaders.get(others[0], Stays, own) is not a


@pytest.mark.parametrize("way", ["handed over", "exchanged", "named"])
def test_fresh_data_sets_leave_a_bounded_number_of_workers(make_trainer: Make, way: str) -> None:
    rows = Rows(24)
    before = len(multiprocessing.active_children())
    trainer = make_trainer(eval_dataset=None, **WORKERS)
    counts: list[int] = []
    for start in range(5):
        fresh = Subset(rows, range(start, start + 6))
        if way == "handed over":
            trainer.evaluate(fresh)
        else:
            trainer.eval_dataset = fresh if way == "exchanged" else {"fresh": fresh}
            trainer.evaluate()
        counts.append(len(multiprocessing.active_children()) - before)
    assert max(counts) <= 2, counts
    trainer._kept_loaders.clear()


def test_the_trainers_own_data_sets_keep_their_workers(make_trainer: Make) -> None:
    trainer = make_trainer(eval_dataset={"a": Rows(4), "b": Rows(6)}, **WORKERS)
    trainer.evaluate()
    kept: list[Any] = [trainer.get_eval_dataloader(name) for name in ("a", "b")]
    trainer.evaluate()
    assert [trainer.get_eval_dataloader(name) for name in ("a", "b")] == kept
    trainer._kept_loaders.clear()
