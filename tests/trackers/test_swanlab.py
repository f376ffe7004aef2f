"""SwanLab without a key: its files are there, with the settings; their format is its own."""

from pathlib import Path

import pytest
import swanlab
from tests.trackers.running import assert_no_secret_in, build, run, secret_everywhere

__all__ = ["secret_everywhere"]


@pytest.mark.usefixtures("secret_everywhere")
def test_the_run_is_kept_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = run(build(tmp_path / "out", "swanlab", project="digits"))
    assert "no API key here" in caplog.text
    assert trainer.state.global_step == 12 and not swanlab.has_run()
    (folder,) = (tmp_path / "out" / "swanlog").glob("run-*")
    (log,) = folder.glob("run-*.swanlab")
    assert b"train/loss" in log.read_bytes() and b"eval/loss" in log.read_bytes()
    config = (folder / "files" / "config.yaml").read_text()
    assert "learning_rate" in config and "best_checkpoint" in config
    assert_no_secret_in(tmp_path)


def test_a_run_of_the_script_is_reported_to_and_left_open(tmp_path: Path) -> None:
    swanlab.init(project="mine", name="own", mode="offline", log_dir=str(tmp_path / "own"))
    run(build(tmp_path / "out", "swanlab"))
    assert swanlab.has_run()
    swanlab.finish()
    (log,) = (tmp_path / "own").glob("run-*/run-*.swanlab")
    assert b"train/loss" in log.read_bytes()
    assert not (tmp_path / "out" / "swanlog").exists()
