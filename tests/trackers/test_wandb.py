"""wandb with a key and no server: the run waits a moment, says so once, and is kept offline."""

from pathlib import Path

import pytest
import wandb
from tests.trackers.running import build, run
from tests.training.trackers.test_wandb import Stored


def test_a_server_that_does_not_answer_leaves_the_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = "a" * 40
    for name, value in {"API_KEY": key, "BASE_URL": "http://127.0.0.1:9", "INIT_TIMEOUT": "2"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    trainer = run(build(tmp_path / "out", "wandb"))
    assert trainer.state.global_step == 12
    assert "the server does not answer" in caplog.text and key not in caplog.text
    assert len(Stored(tmp_path / "out").told["train/loss"]) == 6
    wandb.teardown()
