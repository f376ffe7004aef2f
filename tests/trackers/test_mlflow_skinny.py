"""mlflow-skinny has no data bases: it writes text files."""

from pathlib import Path

import mlflow
import pytest
from tests.trackers.running import Told, build, check, run


def test_every_entry_is_in_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    mlflow.set_tracking_uri(None)
    trainer = run(build(tmp_path / "out", "mlflow"))
    (folder,) = (tmp_path / "mlruns").glob("*/*/metrics")
    told: Told = {}
    for path in folder.rglob("*"):
        if path.is_file():
            lines = [line.split() for line in path.read_text().splitlines()]
            told[path.relative_to(folder).as_posix()] = [(int(step), float(value)) for _, value, step in lines]
    check(told, trainer)
