"""What the settings for stores that fail do: on a real S3 server that stops answering, and on a disk that is full."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from tests.storage.conftest import s3_bucket
from tests.storage.failing.test_faults import faulty
from tests.storage.servers.faulty import Faulty
from tests.training.run.resuming.small_disk import Filled, small_disk
from tests.training.small_job import Make

from trainspec.storage import StorageError
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.errors import SavesFailedError

__all__ = ["faulty", "s3_bucket", "small_disk"]


class FailsAt(TrainerCallback):
    """Lets a store fail from an update on."""

    def __init__(self, store: Faulty, step: int, fault: str) -> None:
        self.store, self.step, self.fault = store, step, fault

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            self.store.fail(self.fault)


def test_storage_timeout_seconds_are_what_a_save_waits(
    make_trainer: Make, faulty: Faulty, s3_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    trainer = make_trainer(
        output_dir=f"{s3_bucket}/waits",
        save_strategy="steps",
        save_steps=2,
        max_steps=4,
        storage_timeout_seconds=6.0,
        callbacks=[FailsAt(faulty, 3, "503")],
    )
    began = time.monotonic()
    with caplog.at_level(logging.WARNING, "trainspec"):
        trainer.train()
    assert time.monotonic() - began < 20
    told = [record.message for record in caplog.records if record.name.startswith("trainspec")]
    assert [text.partition("; ")[2] for text in told] == [
        "trying again for up to 6 seconds",
        "the newest is checkpoint-2",
    ]


@pytest.mark.parametrize(("allowed", "done"), [(0, 4), (1, 6), (2, 8), (3, 9)])
def test_save_failures_allowed_is_how_many_saves_in_a_row_may_fail(
    make_trainer: Make, small_disk: Path, allowed: int, done: int
) -> None:
    trainer = make_trainer(
        output_dir=str(small_disk / "out"),
        save_strategy="steps",
        save_steps=2,
        max_steps=9,
        save_failures_allowed=allowed,
        callbacks=[Filled(small_disk, full_from=3)],
    )
    # The last update is saved as well, and is the fourth failure.
    with pytest.raises(StorageError if allowed == 0 else SavesFailedError, match="no space is left there") as ended:
        trainer.train()
    assert trainer.state.global_step == done
    if allowed:
        assert f"(failure {allowed + 1} in a row)" in str(ended.value)
        assert f"save_failures_allowed is {allowed}, so the run ends" in str(ended.value)
        assert "the newest is checkpoint-2" in str(ended.value)
    assert [path.name for path in (small_disk / "out").iterdir() if path.is_dir()] == ["checkpoint-2"]
