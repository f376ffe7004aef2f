"""Trackers whose libraries are heavy: each test file runs in an environment of its own, which run.py makes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One file at a time: the environment has the library of that one.
_asked = os.environ.get("TEST_TRACKERS")
collect_ignore_glob = ["test_*.py"]
if _asked:
    here = Path(__file__).parent
    collect_ignore_glob = [path.name for path in here.glob("test_*.py") if path.stem != f"test_{_asked}"]


@pytest.fixture(autouse=True)
def unknown_to_every_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, no configuration, an empty home: nothing leaves the machine, and what is written is found."""
    known = ("WANDB_", "MLFLOW_", "COMET_", "CLEARML_", "DVC", "CODECARBON_", "SWANLAB_", "NEPTUNE_", "DAGSHUB_")
    for name in [name for name in os.environ if name.startswith(known)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
