"""Promise: two runs never write to one output_dir at once, and one that was killed is in nobody's way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.survival.processes import TASK, Command, ran, running
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Make, Rows, weights

from trainspec import TrainerCallback, TrainingArguments
from trainspec.storage import open_store
from trainspec.storage.lock import LOCK, Holder, Lock, _bytes, acquire
from trainspec.tasks import TaskParts
from trainspec.training.command.train import run_task
from trainspec.training.errors import TakenOverError
from trainspec.training.preflight import locking
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

SAVING: dict[str, Any] = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2}


class AtStep(TrainerCallback):
    """Does something after the second update."""

    def __init__(self, work: Any) -> None:
        self._work = work

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 1:
            self._work()


def test_a_second_run_is_refused_and_the_first_is_not_disturbed(make_trainer: Make, tmp_path: Path) -> None:
    undisturbed = make_trainer(model=Line(), output_dir=str(tmp_path / "alone"), **SAVING)
    undisturbed.train()
    refused: list[PreflightError] = []

    def second() -> None:
        with pytest.raises(PreflightError, match="RUN123") as error:
            make_trainer(model=Line(), overwrite_output_dir=True, **SAVING).train()
        refused.append(error.value)
        make_trainer(model=Line(), output_dir=str(tmp_path / "other"), **SAVING).train()

    first = make_trainer(model=Line(), callbacks=[AtStep(second)], **SAVING)
    first.train()
    (diagnostic,) = refused[0].diagnostics
    assert f"process {os.getpid()} on " in diagnostic.message and diagnostic.fields == ("output_dir",)
    assert all(torch.equal(value, weights(undisturbed)[name]) for name, value in weights(first).items())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-2", "checkpoint-4"]


def test_what_saves_nothing_holds_nothing(make_trainer: Make, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"max_steps": 4, "save_strategy": "no"}

    def train_here() -> None:
        make_trainer(model=Line(), **settings).train()

    make_trainer(model=Line(), callbacks=[AtStep(train_here)], **settings).train()
    assert not (tmp_path / "out").exists()


def test_a_run_that_breaks_off_leaves_it_to_others(make_trainer: Make, tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_trainer(model=Line(), callbacks=[AtStep(fail)], **SAVING).train()
    assert not (tmp_path / "out" / LOCK).exists()
    make_trainer(model=Line(), resume_from_checkpoint="auto", **SAVING).train()


def test_a_run_that_was_taken_for_dead_writes_nothing_more(make_trainer: Make, tmp_path: Path) -> None:
    def lose() -> None:
        trainer.parts.locked._lock.lost = True
        other = Holder(**{**vars(Holder.of_this_process()), "token": "another"})
        (tmp_path / "out" / LOCK).write_bytes(_bytes(other))

    trainer = make_trainer(model=Line(), callbacks=[AtStep(lose)], **SAVING)
    with pytest.raises(TakenOverError, match="another run has taken over output_dir"):
        trainer.train()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [LOCK]


def test_that_one_elsewhere_is_waited_for_is_told(
    make_trainer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Holder(**{**vars(Holder.of_this_process()), "system": "another", "host": "pod-7"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK).write_bytes(_bytes(other))
    monkeypatch.setattr(locking, "acquire", lambda *args, **more: acquire(*args, **more, silence=0.2))
    make_trainer(model=Line(), **SAVING).train()
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        f"output_dir is held by process {os.getpid()} on pod-7"
    ]


@pytest.mark.parametrize("strategy", ["no", "steps"])
def test_the_command_holds_it_until_its_last_file_is_written(arguments: Any, tmp_path: Path, strategy: str) -> None:
    model, held = Line(), list[bool]()
    model.register_state_dict_pre_hook(lambda *_: held.append((tmp_path / "out" / LOCK).exists()))
    parts = TaskParts(model, train_dataset=Rows(), eval_dataset=Rows(4))
    assert run_task(arguments(max_steps=2, save_strategy=strategy), lambda args: parts) == 0
    # The last that its weights are asked for is for the model in output_dir.
    assert held[-1] and (tmp_path / "out" / "model.safetensors").exists()
    assert not (tmp_path / "out" / LOCK).exists()


def test_a_killed_run_is_in_nobodys_way(tmp_path: Path) -> None:
    """Real processes: one that is refused beside a living one, one that goes on after a kill."""

    def command(steps: int) -> Command:
        words = ["train", TASK, "--output_dir", "out", "--max_steps", str(steps), "--save_steps", "5"]
        quiet = ["--resume_from_checkpoint", "auto", "--report_to", "none", "--disable_tqdm", "--use_cpu"]
        return Command([*words, "--save_total_limit", "2", *quiet], tmp_path, label=str(steps))

    with running(command(1_000_000)) as first:
        while not list((tmp_path / "out").glob("checkpoint-*/manifest.json")):
            assert not first.is_over(), first.said()
            time.sleep(0.05)
        # It holds the folder, and need not keep a core busy for that.
        first.send(signal.SIGSTOP)
        second = ran(command(10))
        assert second.code == 1, second.said
        assert f"error[RUN123] another run trains in output_dir: process {first.pid} on" in second.said
        first.send(signal.SIGKILL)
        assert first.join().code == -signal.SIGKILL
    assert (tmp_path / "out" / LOCK).exists()
    third = ran(command(11))
    assert third.code == 0, third.said
    assert not (tmp_path / "out" / LOCK).exists()


def _refused_together(folder: Path) -> None:
    lock: Lock | None = acquire(open_store(folder / "out")) if os.environ["RANK"] == "0" else None
    args = TrainingArguments(output_dir=str(folder / "out"), use_cpu=True, report_to="none", **SAVING)
    trainer = Trainer(Line(), args, train_dataset=Rows())
    trainer.parts.strategy.processes.barrier()
    with pytest.raises(PreflightError, match="RUN123"):
        trainer.train()
    trainer.parts.strategy.processes.barrier()
    if lock is not None:
        lock.release()
    trainer.train()


@pytest.mark.timeout(120)
def test_processes_hold_it_together(tmp_path: Path) -> None:
    run_in(2, _refused_together, tmp_path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-2", "checkpoint-4"]
