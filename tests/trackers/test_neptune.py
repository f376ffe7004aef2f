"""Neptune without a token: an offline run with everything in it, in its own format."""

from pathlib import Path

import pytest
from tests.trackers.running import assert_no_secret_in, build, run, secret_everywhere

__all__ = ["secret_everywhere"]


@pytest.mark.usefixtures("secret_everywhere")
def test_the_run_is_kept_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = run(build(tmp_path / "out", "neptune", project="team/digits"))
    assert "no API token here" in caplog.text
    (log,) = (tmp_path / ".neptune" / "offline").glob("run__*/data-1.log")
    text = log.read_bytes()
    for piece in (b"train", b"eval", b"loss", b"learning_rate", b"morning"):
        assert piece in text
    assert str(trainer.state.best_model_checkpoint).encode() in text
    assert_no_secret_in(tmp_path)
