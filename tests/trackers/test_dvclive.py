"""DVCLive's files hold what was logged, also after a resume, where they are begun anew."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from tests.trackers.running import Told, assert_no_secret_in, build, check, run, secret_everywhere

__all__ = ["secret_everywhere"]


def _told(folder: Path) -> Told:
    told: Told = {}
    for path in (folder / "plots" / "metrics").rglob("*.tsv"):
        name = path.relative_to(folder / "plots" / "metrics").with_suffix("").as_posix()
        rows = list(csv.DictReader(path.open(), delimiter="\t"))
        told[name] = [(int(row["step"]), float(row[path.stem])) for row in rows]
    return told


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings(tmp_path: Path) -> None:
    trainer = run(build(tmp_path / "out", "dvclive"))
    folder = tmp_path / "out" / "dvclive"
    check(_told(folder), trainer)
    parameters = yaml.safe_load((folder / "params.yaml").read_text())
    assert parameters["learning_rate"] == 0.01 and parameters["run_name"] == "morning"
    summary = json.loads((folder / "metrics.json").read_text())
    assert summary["best_checkpoint"] == trainer.state.best_model_checkpoint
    assert summary["step"] == 12
    assert_no_secret_in(tmp_path)


def test_a_resumed_run_tells_nothing_twice(tmp_path: Path) -> None:
    run(build(tmp_path / "out", "dvclive"))
    second = build(tmp_path / "out", "dvclive")
    second.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-6"))
    second.predict(second.train_dataset)
    second.parts.trackers.finish()
    check(_told(tmp_path / "out" / "dvclive"), second)
