"""A real run with Ray Train: the entry of an export, with two workers, trains what one process does."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from trainspec.cli import main

pytest.importorskip("ray", reason="Ray has an environment of its own: make test-search")
pytest.importorskip("ray.train.torch")

# Ray starts a dozen processes before the first worker; on a busy machine that takes minutes.
pytestmark = pytest.mark.timeout(900)

# 8 rows an update, by one process or by two.
DOCUMENT = {
    "output_dir": "out",
    "use_cpu": True,
    "max_steps": 4,
    "optim": "sgd",
    "learning_rate": 0.1,
    "per_device_train_batch_size": 4,
    "logging_steps": 1,
    "save_strategy": "steps",
    "save_steps": 2,
    "report_to": ["none"],
    "disable_tqdm": True,
}
TASK = '''
"""The digits, by a worker that breaks off once after its first checkpoint where a file asks for it."""
import os
from pathlib import Path
from trainspec.tasks import resolve_task, settings_model

digits = resolve_task("digits")

def task(args):
    # Dropout differs between processes, as it should; without it two are the same as one.
    parts = digits(args, settings_model(digits)(dropout=0.0))
    trap = Path("trap")
    forward = parts.model.forward
    calls = []

    def breaking(*rows, **named):
        calls.append(1)
        if len(calls) > 3 and os.environ["RANK"] == "1" and trap.exists():
            trap.unlink()
            raise RuntimeError("the trap")
        return forward(*rows, **named)

    parts.model.forward = breaking
    return parts
'''


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Write an entry into an empty folder, by the command, and return its main function."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "trapped.py").write_text(TASK)

    def export(document: dict[str, Any], *words: str) -> Callable[[], dict[str, float]]:
        (tmp_path / "run.yaml").write_text(yaml.safe_dump(document))
        assert main(["export", "run.yaml", "--to", "ray", "--nproc", "2", "--task", "trapped:task", *words]) == 0
        (tmp_path / "entry.py").write_text(capsys.readouterr().out)
        found: Callable[[], dict[str, float]] = runpy.run_path(str(tmp_path / "entry.py"))["main"]
        return found

    return export


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def check_equal_to_one_process(folder: Path, numbers: dict[str, float]) -> None:
    """What two workers left in `out` is what one process comes to with batches of twice the size."""
    alone = {**DOCUMENT, "output_dir": "alone", "per_device_train_batch_size": 8}
    (folder / "alone.yaml").write_text(yaml.safe_dump(alone))
    assert main(["train", "digits", "--config", "alone.yaml", "--task.dropout", "0"]) == 0
    ours, theirs = weights(folder / "out"), weights(folder / "alone")
    for name, tensor in theirs.items():
        assert (ours[name] - tensor).abs().max() < 1e-6, name
    log = json.loads((folder / "alone" / "trainer_state.json").read_text())["log_history"]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert numbers["loss"] == pytest.approx(losses[-1], abs=1e-5)
    assert numbers["step"] == 4


def test_two_workers_train_what_one_process_does(cluster: None, exported: Callable[..., Any], tmp_path: Path) -> None:
    numbers = exported(DOCUMENT, "--max-restarts", "0")()
    check_equal_to_one_process(tmp_path, numbers)
    assert (tmp_path / "out" / "checkpoint-4").is_dir()


def test_workers_that_are_started_again_go_on(cluster: None, exported: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "trap").touch()
    numbers = exported(DOCUMENT, "--max-restarts", "1")()
    assert not (tmp_path / "trap").exists()
    check_equal_to_one_process(tmp_path, numbers)


def test_findings_of_a_worker_are_an_error_of_the_entry(cluster: None, exported: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match="ended with exit code 1"):
        exported({**DOCUMENT, "resume_from_checkpoint": "nowhere"}, "--max-restarts", "0")()
