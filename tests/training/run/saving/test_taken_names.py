"""Promise: a run never saves over what somebody has put into output_dir: it says so before, or its save fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.training.command.test_run import Phases
from tests.training.parallel.world import run_in
from tests.training.small_job import Make

from trainspec import PreflightError, TrainingArguments
from trainspec.storage import open_store
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.command.train import FINDINGS, FINE, run_task
from trainspec.training.errors import SavesFailedError
from trainspec.training.preflight.output_folder import find_taken_places

EACH_SECOND = {"save_strategy": "steps", "save_steps": 2, "max_steps": 6}


class SavesAt(TrainerCallback):
    """Nobody can know it before."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_save |= state.global_step in self.steps


def put(out: Path, step: int) -> Path:
    mine = out / f"checkpoint-{step}" / "notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    return mine


def _told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("trainspec") and record.levelno > 20]


def test_it_is_told_before_anything_is_trained(make_trainer: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mine = put(out, 4)
    (out / "checkpoint-2").write_text("mine, too")
    (out / "checkpoint-6").symlink_to("nowhere")
    trainer = make_trainer(**EACH_SECOND)
    with pytest.raises(PreflightError) as refused:
        trainer.train()
    assert [item.code for item in refused.value.diagnostics] == ["RUN176"] * 3
    whats = ("a file checkpoint-2", "a folder checkpoint-4", "a link checkpoint-6")
    assert all(what in item.message for what, item in zip(whats, refused.value.diagnostics, strict=True))
    assert mine.read_text() == "mine" and trainer.state.global_step == 0
    assert sorted(os.listdir(out)) == ["checkpoint-2", "checkpoint-4", "checkpoint-6"]


@pytest.mark.parametrize(
    "settings",
    [
        {"save_strategy": "steps", "save_steps": 4, "max_steps": 7},
        {"save_strategy": "steps", "save_steps": 0.5, "max_steps": 14},
        {"save_strategy": "epoch", "num_train_epochs": 2},
    ],
)
def test_whatever_says_when_it_saves(make_trainer: Make, tmp_path: Path, settings: dict[str, Any]) -> None:
    updates = 7 if "max_steps" in settings else 6
    put(tmp_path / "out", updates)
    with pytest.raises(PreflightError, match="RUN176"):
        make_trainer(**settings).train()


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({"save_strategy": "steps", "save_steps": 2}, True),
        ({"save_strategy": "steps", "save_steps": 3}, False),
        ({"save_strategy": "epoch"}, False),
        ({"save_strategy": "no"}, False),
    ],
)
def test_where_nobody_knows_how_long_the_run_is(tmp_path: Path, settings: dict[str, Any], is_told: bool) -> None:
    put(tmp_path, 4)
    args = TrainingArguments(output_dir=str(tmp_path), **settings)
    told = find_taken_places(args, lambda: open_store(tmp_path), iter(()), 0)
    assert [item.code for item in told] == ["RUN176"] * is_told


@pytest.mark.parametrize("more", [{}, {"save_total_limit": 1}, {"overwrite_output_dir": True}])
def test_what_is_not_in_the_way_stays(
    make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, more: dict[str, Any]
) -> None:
    mine = [put(tmp_path / "out", step) for step in (1, 3, 8)]
    make_trainer(**EACH_SECOND, **more).train()
    assert [path.read_text() for path in mine] == ["mine"] * 3
    assert (tmp_path / "out" / "checkpoint-6" / "manifest.json").exists() and not _told(caplog)


def test_a_resumed_run_does_not_mind_what_it_is_past(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**{**EACH_SECOND, "max_steps": 4}).train()
    os.rename(tmp_path / "out" / "checkpoint-2", tmp_path / "elsewhere")
    mine = put(tmp_path / "out", 2)
    make_trainer(**EACH_SECOND).train(resume_from_checkpoint="latest")
    assert mine.read_text() == "mine" and (tmp_path / "out" / "checkpoint-6" / "manifest.json").exists()


def test_a_save_that_nobody_foresaw_fails(make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mine = [put(tmp_path / "out", step) for step in (3, 5)]
    make_trainer(**EACH_SECOND, callbacks=[SavesAt(3, 5)]).train()
    assert [path.read_text() for path in mine] == ["mine"] * 2
    first, second = _told(caplog)
    assert first.startswith("checkpoint-3 could not be saved: cannot save a checkpoint in ")
    assert "a folder that no save has written has its name" in first and first.endswith("the newest is checkpoint-2")
    assert second.startswith("checkpoint-5 could not be saved: ")
    assert sorted(os.listdir(tmp_path / "out")) == [f"checkpoint-{step}" for step in range(2, 7)]


def test_too_many_of_them_end_the_run(make_trainer: Make, tmp_path: Path) -> None:
    mine = [put(tmp_path / "out", step) for step in (3, 4, 5)]
    settings = {"save_strategy": "steps", "save_steps": 500, "max_steps": 6, "save_failures_allowed": 2}
    with pytest.raises(SavesFailedError, match="checkpoint-5 could not be saved"):
        make_trainer(**settings, callbacks=[SavesAt(3, 4, 5)]).train()
    assert [path.read_text() for path in mine] == ["mine"] * 3


def test_in_the_background(make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    mine = put(tmp_path / "out", 3)
    make_trainer(**EACH_SECOND, save_in_background=True, callbacks=[SavesAt(3)]).train()
    assert mine.read_text() == "mine" and "a folder that no save has written" in "".join(_told(caplog))


def test_the_command_tells_it_alone(
    arguments: Callable[..., TrainingArguments], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = put(tmp_path / "out", 4)
    for said in ({}, {"resume_from_checkpoint": "auto"}):
        assert run_task(arguments(**EACH_SECOND, **said), Phases()) == FINDINGS
        told = capsys.readouterr().err
        assert told.count("RUN") == 1 and "error[RUN176] output_dir holds a folder checkpoint-4" in told
    os.rename(mine.parent, tmp_path / "out" / "checkpoint-5")
    assert run_task(arguments(**EACH_SECOND), Phases()) == FINE
    assert "RUN" not in capsys.readouterr().err


def test_of_two_processes_both_hear_of_it(tmp_path: Path) -> None:
    mine = put(tmp_path / "out", 2)
    told = run_in(2, _trained, str(tmp_path / "out"))
    assert told == [["RUN176"], ["RUN176"]] and mine.read_text() == "mine"


def _trained(out: str) -> list[str]:
    from tests.training.checkpoint.ranks.jobs import trainer_for

    try:
        trainer_for(out, **EACH_SECOND).train()
    except PreflightError as error:
        return [item.code for item in error.diagnostics]
    return []
