"""The script in the README runs with either import and says the same things."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[3] / "README.md"
OURS = "from trainspec import EarlyStoppingCallback, Trainer, TrainingArguments"
THEIRS = "from transformers import EarlyStoppingCallback, Trainer, TrainingArguments"


def _script() -> str:
    section = README.read_text().split("### From transformers to trainspec")[1]
    script = next(one for one in re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL) if OURS in one)
    for said, smaller in (
        ("Sums(2000", "Sums(128"),
        ("Sums(500", "Sums(32"),
        ("num_train_epochs=6", "num_train_epochs=1"),
    ):
        assert said in script
        script = script.replace(said, smaller)
    assert script.count(OURS) == 1 and f"# Before: {THEIRS}" in script
    return script


def _ran(script: str, folder: Path) -> dict[str, float]:
    """The script's metrics, by the table that it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ +(\w+) += +(\S+)$", done.stdout, flags=re.MULTILINE)
    assert rows, done.stdout
    return dict(rows)


@pytest.mark.timeout(600)
def test_the_import_is_all_that_changes(tmp_path: Path) -> None:
    told = {}
    for name, script in (("ours", _script()), ("theirs", _script().replace(OURS, THEIRS))):
        folder = tmp_path / name
        folder.mkdir()
        told[name] = _ran(script, folder)
        assert {path.name for path in (folder / "sums").iterdir()} >= {
            "config.json",
            "model.safetensors",
            "checkpoint-4",
        }
    assert told["ours"].keys() == told["theirs"].keys()
