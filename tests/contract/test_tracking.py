"""Settings about trackers: what each of them changes in the files that a real run leaves."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import build, facts, run

from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trackers import registry

CHECKPOINTS = {"checkpoint-6", "checkpoint-12"}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from trackio import sqlite_storage

    monkeypatch.setattr(sqlite_storage, "TRACKIO_DIR", tmp_path / "trackio")
    monkeypatch.setattr("trackio.utils.TRACKIO_DIR", tmp_path / "trackio")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "TRACKIO_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def _left(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()} - CHECKPOINTS


@pytest.mark.parametrize(
    "said, files",
    [
        ("jsonl", {"metrics.jsonl"}),
        (["plot"], {"loss.png"}),
        (["jsonl", "plot"], {"metrics.jsonl", "loss.png"}),
        ("tensorboard", {"runs"}),
        ("none", set()),
        ([], set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_report_to_leaves_the_files_of_these_trackers(tmp_path: Path, said: Any, files: set[str]) -> None:
    trainer = build(tmp_path / "out", said, run_name=None)
    trainer.train()
    assert {path.name for path in (tmp_path / "out").iterdir()} == CHECKPOINTS | files
    assert {path.name for path in tmp_path.iterdir()} == {"out"}, "nothing beside output_dir either"


def test_report_to_all_is_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"matplotlib", "tensorboard"}
    monkeypatch.setattr(registry, "_is_there", lambda module: module in there)
    run(build(tmp_path / "a", "all"))
    assert _left(tmp_path / "a") == {"metrics.jsonl", "loss.png", "runs"}
    there.discard("tensorboard")
    run(build(tmp_path / "b", "all"))
    assert _left(tmp_path / "b") == {"metrics.jsonl", "loss.png"}


def test_report_to_a_tracker_that_is_not_installed_stops_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_is_there", lambda module: False)
    with pytest.raises(PreflightError, match="pip install comet-ml"):
        build(tmp_path / "out", ["jsonl", "comet_ml"]).train()
    assert not (tmp_path / "out").exists()


def test_run_name_is_the_name_in_every_tracker(tmp_path: Path) -> None:
    run(build(tmp_path / "out", ["jsonl", "trackio"], run_name="morning", trackio_space_id=None))
    lines = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"morning"}
    assert _trackio(tmp_path, "SELECT DISTINCT run_name FROM metrics") == [("morning",)]


def test_run_name_is_output_dir_where_nothing_is_said(tmp_path: Path) -> None:
    run(build(tmp_path / "out", "jsonl", run_name=None))
    first, *_ = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(first)["run"] == str(tmp_path / "out")


@pytest.mark.parametrize(
    "said, variable, stored",
    [
        ({}, None, "huggingface"),
        ({}, "of-the-shell", "of-the-shell"),
        ({"project": "digits"}, "of-the-shell", "digits"),
    ],
    ids=["default", "variable", "setting"],
)
def test_project_is_where_the_run_is_filed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], variable: str | None, stored: str
) -> None:
    if variable is not None:
        monkeypatch.setenv("TRACKIO_PROJECT", variable)
    run(build(tmp_path / "out", "trackio", trackio_space_id=None, **said))
    assert [path.stem for path in (tmp_path / "trackio").glob("*.db")] == [stored]


def test_trackio_space_id_null_keeps_the_run_here_and_a_name_does_not(tmp_path: Path) -> None:
    run(build(tmp_path / "a", "trackio", trackio_space_id=None))
    assert _trackio(tmp_path, "SELECT COUNT(*) FROM metrics")[0][0] > 6
    with pytest.raises(PreflightError, match="team/space"):
        build(tmp_path / "b", "trackio", trackio_space_id="team/space").train()
    assert facts(build(tmp_path / "b", "trackio", trackio_space_id="team/space")).trackio_space_id == "team/space"


def test_logging_dir_is_where_tensorboard_writes(tmp_path: Path) -> None:
    run(build(tmp_path / "out", "tensorboard", logging_dir=str(tmp_path / "board")))
    assert [path.name[:19] for path in (tmp_path / "board").iterdir()] == ["events.out.tfevents"]
    assert _left(tmp_path / "out") == set()


def test_logging_dir_is_in_output_dir_where_nothing_is_said(tmp_path: Path) -> None:
    run(build(tmp_path / "out", "tensorboard"))
    (events,) = (tmp_path / "out").glob("runs/*_*/events.out.tfevents.*")
    assert events.stat().st_size > 1000


def _trackio(tmp_path: Path, query: str) -> list[tuple[Any, ...]]:
    (path,) = (tmp_path / "trackio").glob("*.db")
    with closing(sqlite3.connect(path)) as base:
        return base.execute(query).fetchall()


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """trackio without the hub: the run is kept here, and what the hub would have been asked is noted."""
    import trackio

    asked: dict[str, list[dict[str, Any]]] = {"init": [], "freeze": []}
    init = trackio.init

    def opened(**known: Any) -> Any:
        asked["init"].append(known)
        return init(
            **{name: value for name, value in known.items() if name not in ("space_id", "bucket_id", "private")}
        )

    monkeypatch.setattr(trackio, "init", opened)
    monkeypatch.setattr(trackio, "freeze", lambda **known: asked["freeze"].append(known))
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a" * 30)
    return asked


def test_trackio_bucket_id_is_where_the_space_keeps_its_metrics(tmp_path: Path, space: dict[str, Any]) -> None:
    run(build(tmp_path / "out", "trackio", trackio_space_id="team/space", trackio_bucket_id="team/bucket"))
    assert [known["bucket_id"] for known in space["init"]] == ["team/bucket"]


@pytest.mark.parametrize("copy, asked", [("team/finished", ["team/finished"]), (None, []), (False, [])])
def test_trackio_static_space_id_is_where_the_space_is_copied_to(
    tmp_path: Path, space: dict[str, Any], copy: Any, asked: list[str]
) -> None:
    run(build(tmp_path / "out", "trackio", trackio_space_id="team/space", trackio_static_space_id=copy))
    assert [known["new_space_id"] for known in space["freeze"]] == asked
    assert {known["space_id"] for known in space["freeze"]} <= {"team/space"}


def test_trackio_static_space_id_without_a_space_copies_nothing(tmp_path: Path, space: dict[str, Any]) -> None:
    run(build(tmp_path / "out", "trackio", trackio_space_id=None, trackio_static_space_id="team/finished"))
    assert space["freeze"] == []
