"""Promise: a store that fails costs a checkpoint and a warning, not the run; nothing partial is left to be seen."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.storage.conftest import s3_bucket
from tests.storage.failing.test_faults import faulty
from tests.storage.servers.faulty import Faulty
from tests.training.checkpoint.ranks.jobs import trainer_for
from tests.training.command.test_run import Phases
from tests.training.parallel.world import run_in
from tests.training.run.resuming.small_disk import Filled, small_disk
from tests.training.small_job import Make

from trainspec import TrainingArguments
from trainspec.storage import RetryPolicy, open_store
from trainspec.training.callbacks import TrainerCallback
from trainspec.training.checkpoint import list_checkpoints
from trainspec.training.command.train import FINDINGS, run_task

__all__ = ["faulty", "s3_bucket", "small_disk"]

EACH_SECOND = {"save_strategy": "steps", "save_steps": 2}


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("trainspec") and record.levelno > 20]


def test_a_disk_that_is_full_for_a_while(
    make_trainer: Make, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled, out, heard = Filled(small_disk, full_from=3, until=7), small_disk / "out", []

    class Hears(TrainerCallback):
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            heard.append(state.global_step)

    make_trainer(output_dir=str(out), max_steps=12, callbacks=[filled, Hears()], **EACH_SECOND).train()
    first, second = _warnings(caplog)
    assert first.startswith("checkpoint-4 could not be saved: cannot write ")
    assert first.endswith("no space is left there; the newest is checkpoint-2")
    assert second.startswith("checkpoint-6 could not be saved (failure 2 in a row): ")
    assert heard == [2, 8, 10, 12]
    assert sorted(path.name for path in out.glob("checkpoint-*")) == [f"checkpoint-{step}" for step in (10, 12, 2, 8)]
    for found in list_checkpoints(open_store(out)):
        found.verify()


def test_a_deletion_that_is_refused(
    make_trainer: Make, faulty: Faulty, s3_bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    out = f"{s3_bucket}/kept"

    class Refuses(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            faulty.fail("no delete" if state.global_step == 3 else faulty.fault)
            if state.global_step == 7:
                faulty.fail("")

    make_trainer(output_dir=out, max_steps=10, save_total_limit=1, callbacks=[Refuses()], **EACH_SECOND).train()
    told = _warnings(caplog)
    assert told and all(text.startswith("checkpoint-") and "Access Denied" in text for text in told)
    assert [found.step for found in list_checkpoints(open_store(out))] == [10]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


class Locks(TrainerCallback):
    """Takes the permission to write away from a folder, or the deletion of one in it, and gives it back."""

    def __init__(self, folder: Path, mode: int, at: int, until: int) -> None:
        self.folder, self.mode, self.at, self.until = folder, mode, at, until

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.at:
            self.folder.chmod(self.mode)
        if state.global_step == self.until:
            self.folder.chmod(0o755)


def _told(trainer: Any) -> list[str]:
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("trainspec").addHandler(handler)
    trainer.train()
    logging.getLogger("trainspec").removeHandler(handler)
    return told


def _as_nobody(out: Path, locked: str, more: dict[str, Any]) -> list[str]:
    locks, own = Locks(out / locked, 0o555, 3, 7), os.geteuid()
    # Root may write everywhere.
    os.seteuid(own or 65534)
    try:
        return _told(trainer_for(out, save_steps=2, max_steps=10, callbacks=[locks], **more))
    finally:
        os.seteuid(own)


def test_a_folder_that_may_not_be_written_to_for_a_while(open_folder: Path) -> None:
    (told,) = run_in(1, _as_nobody, open_folder / "out", "", {})
    assert [text.partition(":")[0] for text in told] == [
        "checkpoint-4 could not be saved",
        "checkpoint-6 could not be saved (failure 2 in a row)",
    ]
    assert all("permission refused (Permission denied)" in text for text in told)
    assert [found.step for found in list_checkpoints(open_store(open_folder / "out"))] == [2, 8, 10]


def test_an_old_checkpoint_that_may_not_be_deleted_is_told_once(open_folder: Path) -> None:
    (told,) = run_in(1, _as_nobody, open_folder / "out", "checkpoint-2", {"save_total_limit": 1})
    (text,) = told
    assert text.startswith("checkpoint-2 stays, more than save_total_limit allows: ")
    assert [found.step for found in list_checkpoints(open_store(open_folder / "out"))] == [10]


class Limited(TrainerCallback):
    """From one update on no file of this process may have a byte, until another."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        if state.global_step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        if state.global_step == 7:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def _one_fails(out: Path, culprit: int) -> tuple[list[str], int, Any]:
    mine = os.environ["RANK"] == str(culprit)
    trainer = trainer_for(out, save_steps=2, max_steps=10, callbacks=[Limited()] if mine else [])
    told = _told(trainer)
    return told, trainer.state.global_step, trainer.model.layer.weight.tolist()


@pytest.mark.parametrize("culprit", [0, 1])
def test_of_several_processes_all_go_on_where_one_cannot_write(tmp_path: Path, culprit: int) -> None:
    (told, *end), (silent, *other) = run_in(2, _one_fails, tmp_path, culprit, seconds=60)
    assert end == other and end[0] == 10
    assert [text.partition(":")[0] for text in told] == [
        "checkpoint-4 could not be saved",
        "checkpoint-6 could not be saved (failure 2 in a row)",
    ]
    assert all("File too large" in text for text in told)
    assert silent == []
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == [
        "checkpoint-10",
        "checkpoint-2",
        "checkpoint-8",
    ]


def _all_fail(out: Path) -> tuple[str, str, int]:
    kept = os.environ["RANK"] == "0"
    trainer = trainer_for(
        out, save_steps=1, max_steps=10, save_failures_allowed=1, callbacks=[] if kept else [Limited()]
    )
    try:
        trainer.train()
    except Exception as error:
        return type(error).__name__, str(error), trainer.parts.strategy.processes.sum(1)
    return "nothing", "", 0


def test_of_several_processes_all_end_where_one_has_failed_too_often(tmp_path: Path) -> None:
    for kind, text, together in run_in(2, _all_fail, tmp_path, seconds=60):
        assert kind == "SavesFailedError" and "the newest is checkpoint-3" in text and together == 2
        assert text.startswith("checkpoint-5 could not be saved (failure 2 in a row): ")


@pytest.mark.parametrize("resume", [None, "auto"])
def test_before_training_a_store_that_does_not_answer_is_waited_for_once(
    arguments: Callable[..., TrainingArguments],
    faulty: Faulty,
    s3_bucket: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    resume: str | None,
) -> None:
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
    waited: list[str] = []
    real = RetryPolicy.run

    def run(self: RetryPolicy, action: Any, what: Any = str, *, watched: bool = False) -> Any:
        waited.append("once")
        return real(self, action, what, watched=watched)

    monkeypatch.setattr(RetryPolicy, "run", run)
    faulty.fail("503")
    args = arguments(
        output_dir=f"{s3_bucket}/run", resume_from_checkpoint=resume, storage_timeout_seconds=1, **EACH_SECOND
    )
    assert run_task(args, Phases()) == FINDINGS
    assert waited == ["once"]
    assert capsys.readouterr().err.count("error[") == 1
