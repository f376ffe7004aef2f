"""wandb offline: what its own file format holds is what was logged; without a key or a server a run goes on."""

import json
import os
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import Told, assert_no_secret_in, build, check, run, secret_everywhere

from trainspec.training.trackers.names import CLOSING

wandb = pytest.importorskip("wandb")

__all__ = ["secret_everywhere"]


@pytest.fixture(autouse=True)
def offline_and_unknown_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield
    if wandb.run is not None:
        wandb.run.finish()
    wandb.teardown()


def _records(path: Path) -> Iterator[Any]:
    """A 7-byte header, then records in the framing of LevelDB's log: blocks of 32 KiB, a record in 1 or more pieces."""
    from wandb.proto import wandb_internal_pb2 as messages

    data, position, whole = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        piece = data[position + 7 : position + 7 + length]
        position += 7 + length
        whole = piece if kind in (1, 2) else whole + piece
        if kind in (1, 4):
            record = messages.Record()
            record.ParseFromString(whole)
            yield record


def _key(item: Any) -> str:
    return item.key or ".".join(item.nested_key)


class Stored:
    """What one offline run holds."""

    def __init__(self, folder: Path) -> None:
        # The process that writes the file may be a moment behind.
        wandb.teardown()
        (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
        self.told: Told = defaultdict(list)
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.exit_code: int | None = None
        for record in _records(path):
            getattr(self, f"_{record.WhichOneof('record_type')}", lambda _: None)(record)

    def _run(self, record: Any) -> None:
        self.project, self.name = record.run.project, record.run.display_name
        self.config |= {_key(item): json.loads(item.value_json) for item in record.run.config.update}

    def _config(self, record: Any) -> None:
        self.config |= {_key(item): json.loads(item.value_json) for item in record.config.update}

    def _summary(self, record: Any) -> None:
        self.summary |= {_key(item): json.loads(item.value_json) for item in record.summary.update}

    def _history(self, record: Any) -> None:
        row = {_key(item): json.loads(item.value_json) for item in record.history.item}
        step = row.pop("train/global_step")
        for name, value in row.items():
            if not name.startswith("_"):
                self.told[name].append((step, value))

    def _exit(self, record: Any) -> None:
        self.exit_code = record.exit.exit_code


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings_and_summary(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "wandb", project="digits"))
    stored = Stored(tmp_path / "out")
    check(stored.told, trainer, leave_out=CLOSING)
    assert (stored.project, stored.name, stored.exit_code) == ("digits", "morning", 0)
    assert stored.config["learning_rate"] == 0.01
    assert stored.config["model/num_parameters"] == 5
    assert stored.summary["train_loss"] == pytest.approx(trainer.state.log_history[-2]["train_loss"])
    assert stored.summary["best_checkpoint"] == trainer.state.best_model_checkpoint
    assert_no_secret_in(tmp_path)


def test_a_run_that_raises_is_closed_as_failed(tmp_path: Path) -> None:
    trainer = build(tmp_path / "out", "wandb")

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a broken model")

    trainer.evaluate = explode  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a broken model"):
        trainer.train()
    assert wandb.run is None
    assert Stored(tmp_path / "out").exit_code == 1


def test_a_run_of_the_script_is_reported_to_and_left_open(tmp_path: Path) -> None:
    own = wandb.init(project="sweep", name="trial", dir=str(tmp_path))
    run(build(tmp_path / "out", "wandb"))
    assert wandb.run is own
    own.finish()
    stored = Stored(tmp_path)
    assert (stored.project, stored.name) == ("sweep", "trial")
    assert len(stored.told["train/loss"]) == 6
    assert not (tmp_path / "out" / "wandb").exists()


def test_two_trainers_have_a_run_each(tmp_path: Path) -> None:
    first, second = build(tmp_path / "a", "wandb"), build(tmp_path / "b", "wandb")
    first.train()
    second.train()
    second.parts.trackers.finish()
    assert [len(Stored(tmp_path / name).told["train/loss"]) for name in "ab"] == [6, 6]


def test_without_a_key_the_run_is_kept_here_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    run(build(tmp_path / "out", "wandb"))
    assert "no API key here" in caplog.text
    assert len(Stored(tmp_path / "out").told["train/loss"]) == 6
