"""Promise: whatever asks a run to end, and whenever, its last update is whole and saved."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.contract.distributed.test_preemption import newest, trained
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from trainspec import TrainingArguments
from trainspec.training.command import preemption
from trainspec.training.command.preemption import register_source

Arguments = Callable[..., TrainingArguments]
SAVING: dict[str, Any] = {"max_steps": 6, "save_strategy": "steps", "save_steps": 100}


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_every_signal_to_end_saves_the_last_update(arguments: Arguments, tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    assert trained(arguments(**SAVING), 3, send(number)) == 143
    assert newest(tmp_path) == [3]
    assert signal.getsignal(number) == before


def test_a_signal_that_somebody_handles_stays_his(arguments: Arguments, tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        assert trained(arguments(**SAVING), 3, send(signal.SIGUSR1)) == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1] and newest(tmp_path) == [6]


@pytest.fixture(params=[register_optimizer_step_pre_hook, register_optimizer_step_post_hook], ids=["before", "after"])
def in_third_step(request: pytest.FixtureRequest) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Has something done inside of the third step of an optimizer."""
    handles: list[Any] = []

    def have(work: Callable[[], None]) -> None:
        steps: list[int] = []

        def hook(*_: Any) -> None:
            steps.append(1)
            if len(steps) == 3:
                work()

        handles.append(request.param(hook))

    yield have
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_update_that_is_being_made_is_finished(
    arguments: Arguments, tmp_path: Path, in_third_step: Any, number: int, code: int
) -> None:
    in_third_step(send(number))
    assert trained(arguments(**SAVING), -1, lambda: None) == code
    assert newest(tmp_path) == [3]


def test_who_presses_it_twice_does_not_wait(arguments: Arguments, tmp_path: Path, in_third_step: Any) -> None:
    in_third_step(lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])
    assert trained(arguments(**SAVING), -1, lambda: None) == 130
    # In the middle of an update there is nothing whole to save.
    assert newest(tmp_path) in ([], [3])


def test_the_next_run_hears_nothing_of_it(arguments: Arguments, tmp_path: Path, in_third_step: Any) -> None:
    in_third_step(send(signal.SIGTERM))
    assert trained(arguments(**SAVING), -1, lambda: None) == 143
    assert trained(arguments(**SAVING, resume_from_checkpoint="latest"), -1, lambda: None) == 0
    assert newest(tmp_path) == [3, 6]


@pytest.mark.timeout(60)
def test_a_source_of_ones_own_is_asked(arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(preemption, "_sources", [])
    taken: list[bool] = []

    def broken() -> bool:
        raise OSError("no such service")

    register_source(broken)
    register_source(lambda: bool(taken))

    def announce() -> None:
        taken.append(True)
        time.sleep(30)

    assert trained(arguments(**SAVING), 3, announce) == 143
    assert newest(tmp_path) == [3]


def test_weights_that_are_saved_are_those_of_a_whole_update(
    arguments: Arguments, tmp_path: Path, in_third_step: Any
) -> None:
    from safetensors.torch import load_file

    assert trained(arguments(**SAVING | {"max_steps": 3}, output_dir=str(tmp_path / "whole")), -1, lambda: None) == 0
    in_third_step(send(signal.SIGTERM))
    assert trained(arguments(**SAVING), -1, lambda: None) == 143
    saved, whole = (load_file(tmp_path / folder / "checkpoint-3" / "model.safetensors") for folder in ("out", "whole"))
    # The rate of a shorter run's schedule is another: the first updates alone are the same.
    assert saved.keys() == whole.keys() and all(torch.isfinite(value).all() for value in saved.values())
