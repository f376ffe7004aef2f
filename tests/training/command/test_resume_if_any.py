"""What is started again by itself goes on from where it came to, however far that was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.training.command.test_run import Phases
from tests.training.small_job import Line

from trainspec import TrainingArguments
from trainspec.training.command.train import FINDINGS, FINE, run_task

Arguments = Callable[..., TrainingArguments]


@pytest.fixture
def saving(arguments: Arguments) -> Arguments:
    return lambda **changes: arguments(save_strategy="steps", save_steps=2, **changes)


def trained(model: Line) -> torch.Tensor:
    return model.layer.weight.detach()


def test_a_first_start_begins_at_the_beginning(saving: Arguments, tmp_path: Path) -> None:
    plain, resuming = Phases(), Phases()
    assert run_task(saving(output_dir=str(tmp_path / "plain")), plain) == FINE
    assert run_task(saving(), resuming, resume_if_any=True) == FINE
    assert torch.equal(trained(resuming.model), trained(plain.model))


def test_it_goes_on_from_the_newest_checkpoint(saving: Arguments, tmp_path: Path) -> None:
    whole = Phases()
    assert run_task(saving(), whole) == FINE
    # As if it had been killed after its fourth update.
    shutil.rmtree(tmp_path / "out" / "checkpoint-6")
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == len(whole.model.seen) // 3
    assert torch.equal(trained(again.model), trained(whole.model))


def test_a_checkpoint_that_is_not_whole_is_passed_over(saving: Arguments, tmp_path: Path) -> None:
    whole = Phases()
    assert run_task(saving(), whole) == FINE
    for step in (4, 6):
        (tmp_path / "out" / f"checkpoint-{step}" / "model.safetensors").unlink()
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == 2 * len(whole.model.seen) // 3


def test_killed_in_its_first_save_it_begins_again(saving: Arguments, tmp_path: Path) -> None:
    half = tmp_path / "out" / "checkpoint-2"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    assert run_task(saving(), Phases()) == FINDINGS, "as a start by hand is asked what to do"
    again = Phases()
    assert run_task(saving(), again, resume_if_any=True) == FINE
    assert len(again.model.seen) == 6


def test_a_checkpoint_that_training_cannot_go_on_from_is_not_replaced(saving: Arguments, tmp_path: Path) -> None:
    assert run_task(saving(save_only_model=True), Phases()) == FINE
    assert run_task(saving(save_only_model=True), Phases(), resume_if_any=True) == FINDINGS
    assert (tmp_path / "out" / "checkpoint-6").is_dir()
