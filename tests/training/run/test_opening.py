"""At log level info a run says what it is about to do, once, and nothing at the levels above."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.training.parallel.contact.launching import ROOT, Ended
from tests.training.parallel.world import launched
from tests.training.small_job import Line, Rows

from trainspec import PreflightError, Trainer, TrainingArguments


def opening(caplog: pytest.LogCaptureFixture, out: Path, level: str = "info", **settings: object) -> list[str]:
    args = TrainingArguments(out, report_to="none", use_cpu=True, disable_tqdm=True, log_level=level, **settings)
    with caplog.at_level(logging.DEBUG if level == "info" else logging.WARNING, "trainspec"):
        Trainer(Line(), args, train_dataset=Rows(24)).train()
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("training begins")]
    assert len(told) <= 1
    return [" ".join(line.split()) for line in told[0].splitlines()] if told else []


def test_rows_epochs_batch_accumulation_updates_and_parameters(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    lines = opening(caplog, tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2, num_train_epochs=2)
    assert lines == [
        "training begins",
        "rows 24",
        "epochs 2",
        "batch 4 rows a device, 1 process; 8 rows an update",
        "accumulation 2 batches an update",
        "updates 6",
        "parameters 5 trained of 5",
        "device cpu",
    ]


def test_one_row_is_no_rows(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    lines = opening(caplog, tmp_path, per_device_train_batch_size=1, max_steps=1)
    assert {"batch 1 row a device, 1 process; 1 row an update", "accumulation 1 batch an update"} <= set(lines)


def test_a_count_of_updates_and_frozen_weights(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    model = Line()
    model.layer.bias.requires_grad_(False)
    args = TrainingArguments(tmp_path, report_to="none", use_cpu=True, disable_tqdm=True, log_level="info", max_steps=3)
    with caplog.at_level(logging.DEBUG, "trainspec"):
        Trainer(model, args, train_dataset=Rows(24)).train()
    assert "as many as 3 updates take" in caplog.text and "4 trained of 5" in caplog.text


def test_a_resumed_run_says_where_it_goes_on(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    settings = {"max_steps": 2, "save_steps": 2, "save_strategy": "steps"}
    opening(caplog, tmp_path, **settings)
    caplog.clear()
    lines = opening(caplog, tmp_path, **{**settings, "max_steps": 3, "resume_from_checkpoint": "latest"})
    assert lines[-1] == "resumed at update 2, epoch 0.67"


def test_each_checkpoint_is_named(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    opening(caplog, tmp_path, max_steps=4, save_steps=2, save_strategy="steps")
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("checkpoint saved")]
    assert told == [f"checkpoint saved in {tmp_path}/checkpoint-{step}" for step in (2, 4)]


def test_nothing_at_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    assert opening(caplog, tmp_path, level="warning", max_steps=1) == []


# The folder in which `tests` is found.
WITH_TESTS = {"PYTHONPATH": str(ROOT)}
SCRIPT = """
import logging, sys
from tests.training.small_job import Line, Rows
from trainspec import Trainer, TrainingArguments
{before}
settings = {{"report_to": "none", "use_cpu": True, "disable_tqdm": True, "max_steps": 1}}
args = TrainingArguments(sys.argv[1], log_level="{level}", **settings)
Trainer(Line(), args, train_dataset=Rows(24)).train()
"""


@pytest.mark.parametrize(
    ("before", "level", "times"),
    [
        ("", "info", 1),
        ("", "passive", 0),
        ("", "error", 0),
        ("logging.basicConfig()", "info", 1),
        ("logging.getLogger('transformers').setLevel('INFO')", "passive", 1),
        ("logging.basicConfig(); logging.getLogger('transformers').setLevel('INFO')", "passive", 1),
        ("logging.getLogger('transformers').setLevel('ERROR')", "passive", 0),
        ("logging.getLogger('transformers').setLevel('INFO')", "warning", 0),
        ("logging.getLogger('trainspec').addHandler(logging.StreamHandler())", "info", 1),
    ],
)
def test_a_script_shows_it_once_whether_or_not_it_sets_logging_up(
    before: str, level: str, times: int, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(before=before, level=level))
    # The plainest starts from nothing; the others are forked.
    start = from_nothing if (before, level) == ("", "info") else launched
    (done,) = start(str(script), str(tmp_path), size=1)
    assert (done.code, done.errors.count("training begins")) == (0, times), done.errors


def from_nothing(script: str, folder: str, *, size: int) -> list[Ended]:
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, env=os.environ | WITH_TESTS)
    return [Ended(0, done.returncode, done.stdout, done.stderr)]


def test_what_stops_a_run_is_named_beside_the_error_by_the_name_that_is_imported(tmp_path: Path) -> None:
    args = TrainingArguments(tmp_path, report_to="none", use_cpu=True, eval_strategy="epoch")
    with pytest.raises(PreflightError) as caught:
        Trainer(Line(), args, train_dataset=Rows(24)).train()
    assert str(caught.value).splitlines()[0] == "stopped before it began: eval_strategy (RUN114)"
    assert f"{type(caught.value).__module__}.{type(caught.value).__qualname__}" == "trainspec.PreflightError"
