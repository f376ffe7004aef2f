"""A run that would fill the disk is told before it starts."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from tests.training.small_job import Line, Make, Rows

from trainspec.training.preflight.disk_space import checkpoint_bytes
from trainspec.training.preflight.preflight import PreflightError

WEIGHTS = 5 * 4
WHOLE = 3 * WEIGHTS


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def leave(size: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, size))

    return leave


def test_what_a_checkpoint_takes(arguments: Any) -> None:
    assert checkpoint_bytes(Line(), arguments()) == (WEIGHTS, WHOLE)
    assert checkpoint_bytes(Line(), arguments(save_strategy="epoch", save_only_model=True)) == (WEIGHTS, WEIGHTS)


@pytest.mark.parametrize(
    "size, settings, severity",
    [
        pytest.param(WEIGHTS - 1, {}, "error", id="not-one"),
        pytest.param(WEIGHTS, {}, "warning", id="the-weights-of-one"),
        pytest.param(3 * WHOLE - 1, {}, "warning", id="not-all-three"),
        pytest.param(3 * WHOLE, {}, None, id="all-three"),
        pytest.param(2 * WHOLE, {"save_total_limit": 1}, None, id="the-kept-one-and-the-next"),
        pytest.param(2 * WHOLE - 1, {"save_total_limit": 1}, "warning", id="no-room-for-the-next"),
        pytest.param(0, {"save_strategy": "no"}, None, id="none-are-written"),
        pytest.param(0, {"output_dir": "memory://disk"}, None, id="no-disk"),
    ],
)
def test_checkpoints_that_do_not_fit_are_found(
    make_trainer: Make, free: Callable[[int], None], size: int, settings: dict[str, Any], severity: str | None
) -> None:
    free(size)
    trainer = make_trainer(**{"save_strategy": "epoch", "num_train_epochs": 3, **settings})
    found = [item for item in trainer.preflight() if item.code == "RUN120"]
    assert [item.severity for item in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    "limit, size, told",
    [
        (None, 2 * WHOLE, None),
        (None, 2 * WHOLE - 1, "2 more checkpoints"),
        (3, WHOLE, None),
        (3, WHOLE - 1, "1 more checkpoint "),
        # What goes before the first save makes room for it.
        (1, 0, None),
    ],
)
def test_checkpoints_that_lie_there_take_no_more_room(
    make_trainer: Make, free: Callable[[int], None], limit: int | None, size: int, told: str | None
) -> None:
    make_trainer(save_strategy="epoch", num_train_epochs=3).train()
    free(size)
    trainer = make_trainer(
        save_strategy="epoch", num_train_epochs=5, save_total_limit=limit, resume_from_checkpoint="latest"
    )
    found = [item.message for item in trainer.preflight() if item.code == "RUN120"]
    assert len(found) == bool(told) and all(str(told) in message for message in found)


def test_a_disk_too_small_for_one_checkpoint_stops_the_run(make_trainer: Make, free: Callable[[int], None]) -> None:
    free(3)
    trainer = make_trainer(save_strategy="epoch", train_dataset=Rows())
    with pytest.raises(PreflightError, match="a checkpoint takes at least 20 B, and 3 B are free"):
        trainer.train()
    assert not trainer.model.seen
