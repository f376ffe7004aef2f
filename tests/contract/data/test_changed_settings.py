"""What a run does that goes on with other settings than those of its checkpoint."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.training.small_job import Make

from trainspec.training.preflight.preflight import PreflightError

FIRST: dict[str, Any] = {"save_strategy": "epoch", "num_train_epochs": 1}


@pytest.mark.parametrize(("policy", "told"), [(None, 1), ("warn", 1), ("accept", 0), ("error", None)])
def test_on_changed_settings_says_what_becomes_of_other_settings(
    make_trainer: Make, caplog: pytest.LogCaptureFixture, policy: str | None, told: int | None
) -> None:
    make_trainer(**FIRST).train()
    said = {} if policy is None else {"on_changed_settings": policy}
    again = make_trainer(**{**FIRST, "num_train_epochs": 2, "max_grad_norm": 0.25, **said})
    if told is None:
        with pytest.raises(PreflightError, match="settings are not those of the checkpoint: max_grad_norm"):
            again.train(resume_from_checkpoint="latest")
        assert again.model.seen == []
        return
    again.train(resume_from_checkpoint="latest")
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert sum("max_grad_norm" in text for text in loud) == told
