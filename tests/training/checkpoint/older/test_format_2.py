"""Promise: a checkpoint of format 2, whose optimizer and schedule are torch files, is resumed bit for bit, and guarded.

format_2.zip was written by trainspec before format 3, after 4 of 6 updates of `RUN` of format 1's test.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from tests.training.checkpoint.hostile.children import sign
from tests.training.checkpoint.older.test_format_1 import RUN
from tests.training.small_job import Line, Make, Rows, weights

from trainspec.training.checkpoint import CheckpointError, open_checkpoint
from trainspec.training.checkpoint.contents import unpack


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("format_2.zip")) as stored:
        stored.extractall(tmp_path / "old")
    return tmp_path / "old"


def test_a_run_goes_on_from_it_in_format_3(make_trainer: Make, old: Path, tmp_path: Path) -> None:
    whole = make_trainer(model=Line(dropout=0.3), train_dataset=Rows(22), output_dir=str(tmp_path / "whole"), **RUN)
    whole.train()
    resumed = make_trainer(
        model=Line(dropout=0.3), train_dataset=Rows(22), output_dir=str(old), resume_from_checkpoint="latest", **RUN
    )
    resumed.train()
    assert len(resumed.model.seen) == 4, "two updates of two micro-batches were left"
    assert all(torch.equal(weights(resumed)[name], value) for name, value in weights(whole).items())
    formats = [json.loads(path.read_text())["format"] for path in sorted(old.glob("*/manifest.json"))]
    assert formats == [2, 3]


def _bomb(data: bytes, member: str, content: bytes, how: int) -> bytes:
    """The archive with other content in one of its members."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as then, zipfile.ZipFile(made, "w") as now:
        for entry in then.infolist():
            held = entry.filename.endswith(member)
            now.writestr(entry.filename, content if held else then.read(entry), how if held else zipfile.ZIP_STORED)
    return made.getvalue()


@pytest.mark.parametrize(
    "member, content, how, told",
    [
        ("data/0", bytes(300 << 20), zipfile.ZIP_DEFLATED, "more bytes than the file"),
        ("data/0", b"\x01\x02\x03\x04", zipfile.ZIP_DEFLATED, "torch compresses nothing"),
        ("data.pkl", b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x70\x85R.", zipfile.ZIP_STORED, "holds a bytearray"),
    ],
)
def test_an_archive_that_is_more_than_it_has_is_not_opened(
    old: Path, member: str, content: bytes, how: int, told: str
) -> None:
    path = old / "checkpoint-4" / "optimizer.pt"
    path.write_bytes(_bomb(path.read_bytes(), member, content, how))
    sign(old / "checkpoint-4")
    with pytest.raises(CheckpointError, match=f"optimizer.pt is not loaded: .*{told}"):
        unpack(open_checkpoint(old / "checkpoint-4"))
