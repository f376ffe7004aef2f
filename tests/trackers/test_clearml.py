"""ClearML without a server: the folder of an offline task holds what was logged."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from clearml import Task
from tests.trackers.running import Told, assert_no_secret_in, build, check, secret_everywhere
from tests.training.small_job import Rows

__all__ = ["secret_everywhere"]


@pytest.mark.usefixtures("secret_everywhere")
def test_every_entry_is_there_once_with_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "cache"))
    trainer = build(tmp_path / "out", "clearml", project="digits")
    trainer.train()
    task = Task.current_task()
    folder = Path(task.get_offline_mode_folder())
    trainer.predict(Rows(6))
    trainer.parts.trackers.finish()
    assert Task.current_task() is None
    told: Told = defaultdict(list)
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        for event in json.loads(line):
            if not event["metric"].startswith(":"):
                told[f"{event['variant']}/{event['metric']}"].append((event["iter"], event["value"]))
    check(told, trainer)
    stored = json.loads((folder / "task.json").read_text())
    assert stored["name"] == "morning"
    assert stored["hyperparams"]["trainspec"]["learning_rate"]["value"] == "0.01"
    assert stored["hyperparams"]["properties"]["best_checkpoint"]["value"] == trainer.state.best_model_checkpoint
    assert_no_secret_in(folder)
