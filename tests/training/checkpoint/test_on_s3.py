"""Promise: on a real S3 server, with no rename and no folders, checkpoints are what they are on a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tests.storage.servers.loopback import s3_server

from trainspec.storage import Store, open_store
from trainspec.training.checkpoint import (
    CheckpointError,
    apply_retention,
    newest_valid,
    open_checkpoint,
    save_checkpoint,
)
from trainspec.training.checkpoint.contents import Contents, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bucket() -> Iterator[Store]:
    """A folder in a bucket of a server of this test's own."""
    s3fs = pytest.importorskip("s3fs")
    with s3_server():
        s3fs.S3FileSystem().mkdir("checkpoints")
        yield open_store("s3://checkpoints/run")


def test_the_life_of_checkpoints(bucket: Store) -> None:
    weights = {"w": torch.randn(300, 300)}
    files = pack(Contents(weights, trainer_state={"global_step": 1}))
    for step in (1, 2, 10, 20):
        save_checkpoint(bucket, step, files)
    assert apply_retention(bucket, 2, best_step=1) == (2, 10)
    assert bucket.folders() == ["checkpoint-1", "checkpoint-20"]
    newest = newest_valid(open_store(bucket.url))
    assert newest is not None
    assert newest.step == 20
    assert torch.equal(unpack(newest).model["w"], weights["w"])

    broken = bytearray(bucket.read_bytes("checkpoint-20/model.safetensors"))
    broken[-1] ^= 1
    bucket.write_bytes("checkpoint-20/model.safetensors", bytes(broken))
    bucket.write_bytes("checkpoint-30/model.safetensors", b"cut off")
    with pytest.raises(CheckpointError, match=r"it has no manifest\.json"):
        open_checkpoint("s3://checkpoints/run/checkpoint-30")
    older = newest_valid(bucket)
    assert older is not None
    assert older.step == 1
