"""Promise: whatever asks a run to end, and whenever, its last update is whole and saved."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from tests.contract.distributed.test_preemption import At, newest, trained
from tests.training.small_job import Line, Rows
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from trainspec import TrainingArguments
from trainspec.tasks import TaskParts
from trainspec.training.command import preemption
from trainspec.training.command.preemption import register_source
from trainspec.training.command.train import run_task
from trainspec.training.interruption import Terminated, asking_to_end, noting, terminable

Arguments = Callable[..., TrainingArguments]
SAVING: dict[str, Any] = {"max_steps": 6, "save_strategy": "steps", "save_steps": 100}


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_every_signal_to_end_saves_the_last_update(arguments: Arguments, tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    assert trained(arguments(**SAVING), 3, send(number)) == 143
    # The one that had begun is finished.
    assert newest(tmp_path) == [4]
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


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_processes_that_load_data_live_until_the_run_has_saved(arguments: Arguments, tmp_path: Path, way: Any) -> None:
    """Launchers and schedulers send signals to all processes of a job."""
    living = tmp_path / "living"

    def tell_all() -> None:
        # Of a signal from the process that loads for them, workers of torch think something else.
        tell = "import os, signal, sys; os.killpg(int(sys.argv[1]), signal.SIGTERM)"
        subprocess.run([sys.executable, "-c", tell, str(os.getpid())], check=True, start_new_session=True)
        time.sleep(0.5)
        living.write_text(str(sum(child.is_alive() for child in multiprocessing.active_children())))

    child = os.fork()
    if not child:
        os.setsid()
        args = arguments(**SAVING, dataloader_num_workers=2, dataloader_multiprocessing_context=way)
        os._exit(trained(args, 1, tell_all))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 143
    assert newest(tmp_path) == [2] and living.read_text() == "2"


def asked_twice(first: int, second: int, again: list[None]) -> TaskParts:
    """A run that is asked to end in its fourth update, and then whenever its model is asked for what is saved."""
    model = Line()

    def ask() -> None:
        def ask_again(*_: Any) -> None:
            again.append(None)
            os.kill(os.getpid(), second)

        model.register_state_dict_pre_hook(ask_again)
        os.kill(os.getpid(), first)

    return TaskParts(model, train_dataset=Rows(), eval_dataset=Rows(4), callbacks=[At(3, ask)])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_asks_again_while_it_saves_loses_nothing(
    arguments: Arguments, tmp_path: Path, number: int, code: int
) -> None:
    again: list[None] = []
    parts = asked_twice(number, signal.SIGTERM, again)
    assert run_task(arguments(**SAVING), lambda args: parts) == code
    assert newest(tmp_path) == [4] and again


def test_a_second_interrupt_breaks_saving_off(arguments: Arguments, tmp_path: Path) -> None:
    again: list[None] = []
    parts = asked_twice(signal.SIGINT, signal.SIGINT, again)
    assert run_task(arguments(**SAVING), lambda args: parts) == 130
    assert newest(tmp_path) == [] and again


def test_an_update_that_takes_long_is_broken_off(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[float] = []

    def hang() -> None:
        began = time.monotonic()
        try:
            threading.Timer(0.1, send(signal.SIGTERM)).start()
            time.sleep(60)
        finally:
            taken.append(time.monotonic() - began)

    # A quarter of the grace is for the update.
    assert trained(arguments(**SAVING, preemption_grace_seconds=8.0), 3, hang) == 143
    assert newest(tmp_path) == [3] and 2 <= taken[0] < 8


def test_a_signal_that_somebodys_code_makes_nothing_of_ends_the_run_after_the_update(
    arguments: Arguments, tmp_path: Path
) -> None:
    def careless() -> None:
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)

    assert trained(arguments(**SAVING), 3, careless) == 143
    assert newest(tmp_path) == [4]


def test_who_asks_again_is_heard_where_somebodys_code_made_nothing_of_it_outside_of_training() -> None:
    with terminable():
        with suppress(BaseException):
            os.kill(os.getpid(), signal.SIGTERM)
        # A moment later is the same signal, of a launcher that repeats itself.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1.1)
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_that_a_handler_outside_of_python_has_stays_its(tmp_path: Path) -> None:
    with (tmp_path / "stacks").open("w") as file:
        faulthandler.register(signal.SIGUSR2, file=file)
        try:
            assert signal.SIGUSR2 not in asking_to_end()
        finally:
            faulthandler.unregister(signal.SIGUSR2)
    assert signal.SIGUSR2 in asking_to_end()


def test_the_next_run_hears_nothing_of_it(arguments: Arguments, tmp_path: Path, in_third_step: Any) -> None:
    in_third_step(send(signal.SIGTERM))
    assert trained(arguments(**SAVING), -1, lambda: None) == 143
    assert trained(arguments(**SAVING, resume_from_checkpoint="latest"), -1, lambda: None) == 0
    assert newest(tmp_path) == [3, 6]


@pytest.mark.timeout(60)
def test_a_source_of_ones_own_is_asked(arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_what_a_script_noted_before_makes_nobody_deaf(arguments: Arguments, tmp_path: Path) -> None:
    with pytest.raises(Terminated), terminable(), noting():
        os.kill(os.getpid(), signal.SIGTERM)
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with noting():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert trained(arguments(**SAVING), 3, send(signal.SIGTERM)) == 143
    assert newest(tmp_path) == [4]


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


class Drawing(Line):
    """Draws from every generator on the CPU; in the fourth update somebody presses Ctrl-C twice after that."""

    def __init__(self, *, interrupted: bool) -> None:
        super().__init__(dropout=0.3)
        self.passes, self._interrupted = 0, interrupted

    def forward(self, inputs: torch.Tensor, labels: Any = None, number: Any = None) -> dict[str, torch.Tensor]:
        found = super().forward(inputs * (1 + 0.1 * random.random() + 0.1 * numpy.random.rand()), labels, number)
        self.passes += 1
        # One that lasts a little is followed by one whose draws are all known.
        time.sleep(0.15 if self.passes == 3 else 0)
        if self._interrupted and self.passes == 4:
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
        return found


def test_an_update_that_is_broken_off_has_drawn_nothing(arguments: Arguments, tmp_path: Path) -> None:
    def trains(folder: str, interrupted: bool) -> int:
        args = arguments(**SAVING, output_dir=str(tmp_path / folder), resume_from_checkpoint="auto", do_eval=False)
        return run_task(args, lambda args: TaskParts(Drawing(interrupted=interrupted), train_dataset=Rows()))

    assert trains("whole", False) == 0
    assert trains("cut", True) == 130 and (tmp_path / "cut" / "checkpoint-3").is_dir()
    assert trains("cut", False) == 0
    saved, whole = (tmp_path / folder / "checkpoint-6" for folder in ("cut", "whole"))
    for name in ("model.safetensors", "rng_state.json"):
        assert (saved / name).read_bytes() == (whole / name).read_bytes()
