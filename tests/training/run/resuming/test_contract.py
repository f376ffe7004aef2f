"""What every setting means to a run that goes on, and what is done where one was changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Make
from torch.optim import AdamW

from trainspec import Seq2SeqTrainingArguments, TrainingArguments
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.run.resuming.contract import CONTRACT, Term
from trainspec.training.trainer import Trainer

FIRST: dict[str, Any] = {"save_strategy": "epoch", "num_train_epochs": 1, "optim": "adamw_torch", "learning_rate": 0.1}
CHANGED: dict[str, Any] = {**FIRST, "num_train_epochs": 2, "learning_rate": 0.2, "max_grad_norm": 0.5}


def test_every_setting_has_its_term() -> None:
    known = {*TrainingArguments.model_fields, *Seq2SeqTrainingArguments.model_fields}
    assert known == CONTRACT.keys()
    assert {*CONTRACT.values()} == {*Term}


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_error_refuses_before_anything_is_written(make_trainer: Make, tmp_path: Path) -> None:
    make_trainer(**FIRST).train()
    before = written(tmp_path)
    trainer = make_trainer(**CHANGED, on_changed_settings="error")
    with pytest.raises(PreflightError) as caught:
        trainer.train(resume_from_checkpoint=True)
    (refused,) = caught.value.diagnostics
    assert refused.code == "RUN240" and refused.severity == "error"
    assert sorted((one.field, one.value) for one in refused.evidence) == [
        ("learning_rate", "0.1 there (constructor), 0.2 here"),
        ("max_grad_norm", "1 there (default), 0.5 here"),
    ]
    assert trainer.model.seen == [] and written(tmp_path) == before


def test_error_lets_a_run_go_on_that_is_the_same(make_trainer: Make) -> None:
    make_trainer(**FIRST).train()
    same = {**FIRST, "num_train_epochs": 2, "logging_steps": 1, "on_changed_settings": "error"}
    trainer = make_trainer(**same)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 12


def test_accept_says_nothing(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    make_trainer(**FIRST).train()
    trainer = make_trainer(**CHANGED, on_changed_settings="accept")
    trainer.train(resume_from_checkpoint=True)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert trainer.state.global_step == 12


class RestoresItself(Trainer):
    """What it restored, and how, nobody but itself knows."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        self.restored = checkpoint


class AsOurs(Trainer):
    """Calls what it overrides, which tells of the optimizer too."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)


class MakesItsOwn(Trainer):
    def create_optimizer(self, model: Any = None) -> Any:
        self.optimizer = self.optimizer or AdamW(self.model.parameters(), lr=0.1)
        return self.optimizer


OVERRIDES: dict[str, tuple[type[Trainer], list[str], list[str]]] = {
    # What is told under warn, and what is refused under error.
    "restores by itself": (RestoresItself, ["max_grad_norm"], ["learning_rate", "max_grad_norm"]),
    "as ours does": (AsOurs, ["learning_rate", "max_grad_norm"], ["learning_rate", "max_grad_norm"]),
    "another optimizer": (MakesItsOwn, ["max_grad_norm"], ["max_grad_norm"]),
}


def listed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The settings in the one notice of what was changed; [] without one."""
    notices = [record.getMessage() for record in caplog.records if "RUN240" in record.getMessage()]
    assert len(notices) <= 1
    return sorted(line.split()[0] for text in notices for line in text.splitlines() if " there" in line)


@pytest.mark.parametrize("kind, warned, refused", OVERRIDES.values(), ids=OVERRIDES)
def test_each_policy_where_a_subclass_has_steppers_of_its_own(
    make_trainer: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: type[Trainer],
    warned: list[str],
    refused: list[str],
) -> None:
    make_trainer(**FIRST, kind=kind).train()
    first, before = str(tmp_path / "out" / "checkpoint-6"), written(tmp_path)
    with pytest.raises(PreflightError) as caught:
        make_trainer(**CHANGED, kind=kind, on_changed_settings="error").train(resume_from_checkpoint=first)
    (told,) = caught.value.diagnostics
    assert (told.code, told.severity) == ("RUN240", "error")
    assert sorted(item.field for item in told.evidence) == refused and written(tmp_path) == before
    for policy, expected in (("accept", []), ("warn", warned)):
        caplog.clear()
        trainer = make_trainer(**CHANGED, kind=kind, on_changed_settings=policy)
        trainer.train(resume_from_checkpoint=first)
        assert (listed(caplog), trainer.state.global_step) == (expected, 12), policy


def test_no_source_is_told_of_a_value_that_it_did_not_say(
    make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Twice on: the second run's settings said 0.2, and what held was the 0.1 of the first."""
    said: dict[str, Any] = {"save_strategy": "epoch", "optim": "adamw_torch"}
    make_trainer(num_train_epochs=1, learning_rate=0.1, **said).train()
    for epochs, rate in ((2, 0.2), (3, 0.3)):
        caplog.clear()
        trainer = make_trainer(num_train_epochs=epochs, learning_rate=rate, **said)
        trainer.train(resume_from_checkpoint=True)
    assert "learning_rate = 0.1 there, which holds, 0.3 here" in caplog.text
