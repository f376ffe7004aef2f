"""Trackio on this machine: its data base holds what was logged; a Space is never made unasked."""

import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import Told, assert_no_secret_in, build, check, facts, run, secret_everywhere

trackio = pytest.importorskip("trackio")

__all__ = ["secret_everywhere"]


@pytest.fixture(autouse=True)
def data_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from trackio import sqlite_storage

    folder = tmp_path / "trackio"
    for module in (trackio, sqlite_storage, __import__("trackio.utils", fromlist=["utils"])):
        if hasattr(module, "TRACKIO_DIR"):
            monkeypatch.setattr(module, "TRACKIO_DIR", folder)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder


def _rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    (path,) = folder.glob("*.db")
    with closing(sqlite3.connect(path)) as base:
        return base.execute(query).fetchall()


def _told(folder: Path) -> Told:
    told: Told = defaultdict(list)
    for step, blob in _rows(folder, "SELECT step, metrics FROM metrics ORDER BY id"):
        for name, value in json.loads(blob).items():
            if name != "best_checkpoint":
                told[name].append((step, value))
    return told


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings(tmp_path: Path, data_base: Path) -> None:
    trainer = run(build(tmp_path / "out", "trackio", trackio_space_id=None, project="digits"))
    check(_told(data_base), trainer)
    assert [path.stem for path in data_base.glob("*.db")] == ["digits"]
    ((name, config),) = _rows(data_base, "SELECT run_name, config FROM configs")
    assert name == "morning"
    assert json.loads(config)["learning_rate"] == 0.01
    blobs = [json.loads(blob) for (blob,) in _rows(data_base, "SELECT metrics FROM metrics")]
    told = [blob["best_checkpoint"] for blob in blobs if "best_checkpoint" in blob]
    assert told[-1] == trainer.state.best_model_checkpoint
    assert_no_secret_in(tmp_path)


def test_a_resumed_run_goes_on_and_tells_nothing_twice(tmp_path: Path, data_base: Path) -> None:
    first = build(tmp_path / "out", "trackio", trackio_space_id=None)
    first.train()
    first.parts.trackers.finish()
    second = build(tmp_path / "out", "trackio", trackio_space_id=None, lr_scheduler_type="constant")
    second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    second.parts.trackers.finish()
    check_steps = {name: [step for step, _ in points] for name, points in _told(data_base).items()}
    assert check_steps["train/loss"] == [2, 4, 6, 8, 10, 12]
    assert check_steps["eval/loss"] == [6, 12]
    again = [entry["loss"] for entry in second.state.log_history if "loss" in entry]
    assert again != [entry["loss"] for entry in first.state.log_history if "loss" in entry]
    assert [value for _, value in _told(data_base)["train/loss"]] == pytest.approx(again)
    assert len(_rows(data_base, "SELECT DISTINCT run_id FROM metrics")) == 1


def test_a_second_run_of_the_same_name_is_a_run_of_its_own(tmp_path: Path, data_base: Path) -> None:
    for place in ("a", "b"):
        trainer = build(tmp_path / place, "trackio", trackio_space_id=None)
        trainer.train()
        trainer.parts.trackers.finish()
    assert len(_rows(data_base, "SELECT DISTINCT run_id FROM metrics")) == 2


@pytest.mark.parametrize(
    "changes, space",
    [
        ({"report_to": "all"}, None),
        ({"report_to": ["trackio"]}, "trackio"),
        ({"report_to": "all", "trackio_space_id": "team/space"}, "team/space"),
        ({"report_to": ["trackio"], "trackio_space_id": None}, None),
    ],
    ids=["nobody asked", "trackio by name", "the Space by name", "null"],
)
def test_a_space_is_only_used_where_somebody_asked(tmp_path: Path, changes: dict[str, Any], space: str | None) -> None:
    given = dict(changes)
    assert facts(build(tmp_path / "out", given.pop("report_to"), **given)).trackio_space_id == space


def test_a_space_that_cannot_be_reached_leaves_the_run_here(
    tmp_path: Path, data_base: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = "hf_" + "a" * 30
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    trainer = run(build(tmp_path / "out", "trackio", trackio_space_id="team/space"))
    assert trainer.state.global_step == 12
    assert "cannot be reached" in caplog.text and token not in caplog.text
    assert len(_told(data_base)["train/loss"]) == 6
