"""Promise: a checkpoint of format 1, which knows no world size, layout and position in the data, is read and resumed.

format_1.zip was written by trainspec before format 2, after 4 of 6 updates of `RUN`.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, weights

from trainspec.storage import open_store
from trainspec.training.checkpoint import list_checkpoints, newest_valid, open_checkpoint

RUN = {
    "num_train_epochs": 2,
    "gradient_accumulation_steps": 2,
    "per_device_train_batch_size": 4,
    "logging_steps": 2,
    "save_strategy": "steps",
    "save_steps": 4,
    "lr_scheduler_type": "cosine",
    "learning_rate": 0.05,
}
AT_THE_END = torch.tensor([-0.333424836397171, -0.5420473217964172, -0.28781449794769287, -0.3064088225364685])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The output folder of the run that was cut off."""
    with zipfile.ZipFile(Path(__file__).with_name("format_1.zip")) as stored:
        stored.extractall(tmp_path / "old")
    return tmp_path / "old"


def test_it_is_found_and_read(old: Path) -> None:
    assert json.loads((old / "checkpoint-4" / "manifest.json").read_text())["format"] == 1
    found = newest_valid(open_store(old))
    assert found is not None
    assert (found.step, found.manifest.world_size, found.manifest.layout) == (4, 1, {"kind": "full"})
    assert found.manifest.data is None
    assert found.manifest.metadata["best"] is False


def test_a_run_goes_on_from_it_as_if_it_had_never_stopped(make_trainer: Make, old: Path, tmp_path: Path) -> None:
    whole = make_trainer(
        model=Line(dropout=0.3), train_dataset=Rows(22), output_dir=str(tmp_path / "whole"), **RUN, save_total_limit=9
    )
    whole.train()
    resumed = make_trainer(
        model=Line(dropout=0.3), train_dataset=Rows(22), output_dir=str(old), resume_from_checkpoint="latest", **RUN
    )
    resumed.train()
    assert len(resumed.model.seen) == 4, "two updates of two micro-batches were left"
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value)
    assert torch.allclose(weights(resumed)["layer.weight"], AT_THE_END, atol=1e-6)
    formats = [json.loads(path.read_text())["format"] for path in sorted(old.glob("*/manifest.json"))]
    assert formats == [1, 3], "the run goes on in the new format beside the old checkpoint"
    assert [found.step for found in list_checkpoints(open_store(old))] == [4, 6]
    assert open_checkpoint(old / "checkpoint-6").manifest.world_size == 1
