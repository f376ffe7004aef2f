"""Comet without a key: the archive holds what was logged."""

import json
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.trackers.running import SECRET, Told, build, check, run, secret_everywhere

__all__ = ["secret_everywhere"]


def _archive(folder: Path) -> tuple[list[dict[str, Any]], bytes]:
    (path,) = folder.glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        return [json.loads(line) for line in archive.read("messages.json").splitlines()], everything


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = run(build(tmp_path / "out", "comet_ml", project="digits"))
    assert "no API key here" in caplog.text
    messages, everything = _archive(tmp_path / "out" / "comet")
    told: Told = defaultdict(list)
    parameters: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for message in messages:
        payload = message["payload"]
        metric, parameter = payload.get("metric"), payload.get("param")
        if metric and not metric["metricName"].startswith("sys."):
            told[metric["metricName"]].append((metric["step"], float(metric["metricValue"])))
        if parameter:
            parameters[parameter["paramName"]] = parameter["paramValue"]
        if message["type"] == "log_other":
            others[payload["key"]] = payload["value"]
    check(told, trainer)
    assert float(parameters["learning_rate"]) == 0.01 and parameters["model/class"] == "Line"
    assert others["best_checkpoint"] == trainer.state.best_model_checkpoint
    assert others["Name"] == "morning"
    assert SECRET.encode() not in everything


def test_an_experiment_of_the_script_is_reported_to_and_left_open(tmp_path: Path) -> None:
    import comet_ml

    own = comet_ml.OfflineExperiment(offline_directory=str(tmp_path / "own"))
    run(build(tmp_path / "out", "comet_ml"))
    assert comet_ml.get_running_experiment() is own
    own.end()
    assert not (tmp_path / "out" / "comet").exists()
    messages, _ = _archive(tmp_path / "own")
    names = [message["payload"]["metric"]["metricName"] for message in messages if "metric" in message["payload"]]
    assert names.count("train/loss") == 6
