"""The digits task learns, and keeps its test images apart."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from trainspec import TrainingArguments
from trainspec.tasks import TaskError, resolve_task
from trainspec.tasks.digits import DigitsSettings, digits
from trainspec.training.command.train import FINE, run_task


@pytest.mark.parametrize("settings", [{}, {"model": "cnn", "width": 16}], ids=["mlp", "cnn"])
def test_learns_to_read(tmp_path: Path, settings: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    args = TrainingArguments(
        str(tmp_path),
        num_train_epochs=12,
        per_device_train_batch_size=32,
        learning_rate=3e-3,
        do_predict=True,
        use_cpu=True,
        save_strategy="no",
        report_to="jsonl",
        disable_tqdm=True,
    )
    began = time.process_time()
    assert run_task(args, resolve_task("digits"), DigitsSettings(**settings)) == FINE
    # Not wall time: other programs may run beside the tests.
    assert time.process_time() - began < 40
    rows = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    hits = [row["prediction"] == row["label"] for row in rows]
    assert len(rows) == 270 and sum(hits) / len(hits) > 0.95
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["test_accuracy"] == pytest.approx(sum(hits) / len(hits))


def test_the_three_parts_share_no_image() -> None:
    parts = digits(TrainingArguments(), DigitsSettings(eval_fraction=0.2, test_fraction=0.1))
    datasets = (parts.train_dataset, parts.eval_dataset, parts.test_dataset)
    images = [{row[0].numpy().tobytes() for row in dataset} for dataset in datasets]
    assert [len(dataset) for dataset in datasets] == [1258, 359, 180]
    assert not images[0] & images[1] and not images[0] & images[2] and not images[1] & images[2]


def test_split_seed_alone_moves_images() -> None:
    first, again, other = (
        digits(TrainingArguments(seed=run_seed), DigitsSettings(split_seed=split)).test_dataset.tensors[0]
        for run_seed, split in [(1, 0), (2, 0), (1, 1)]
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_settings_shape_the_network() -> None:
    parts = digits(TrainingArguments(), DigitsSettings(width=7, depth=3, dropout=0.25))
    layers = [module.out_features for module in parts.model.modules() if isinstance(module, torch.nn.Linear)]
    dropped = {module.p for module in parts.model.modules() if isinstance(module, torch.nn.Dropout)}
    assert layers == [7, 7, 7, 10] and dropped == {0.25}


@pytest.mark.parametrize("wrong", [{"width": 0}, {"model": "transformer"}, {"dropout": 1.0}, {"widht": 3}])
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DigitsSettings(**wrong)


def test_fractions_that_leave_nothing_are_refused() -> None:
    with pytest.raises(TaskError, match="leave no images"):
        digits(TrainingArguments(), DigitsSettings(eval_fraction=0.5, test_fraction=0.6))


def test_the_images_are_those_of_scikit_learn_which_is_not_imported() -> None:
    """Importing it takes longer than training."""
    script = """
import sys
import torch
from trainspec.tasks.digits import DigitsSettings
from trainspec.tasks.digits.task import _split
parts = _split(DigitsSettings())
assert not {"sklearn", "scipy"} & set(sys.modules)

from sklearn.datasets import load_digits
images, labels = map(torch.as_tensor, load_digits(return_X_y=True))
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(DigitsSettings().split_seed))
pixels, targets = (torch.cat([part.tensors[place] for part in parts]) for place in (0, 1))
assert torch.equal(pixels.double() * 16, images[order]) and torch.equal(targets, labels[order])
print("alike")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "alike", run.stderr


def test_without_scikit_learn_or_its_images_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args = TrainingArguments(str(tmp_path), use_cpu=True)
    for package, told in ((None, "pip install scikit-learn"), (tmp_path / "sklearn.py", "finds no images")):
        found = package and importlib.util.spec_from_file_location("sklearn", package)
        monkeypatch.setattr("trainspec.tasks.digits.task.find_spec", lambda name, found=found: found)
        with pytest.raises(TaskError, match=told):
            digits(args, DigitsSettings())
