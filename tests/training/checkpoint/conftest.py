"""A checkpoint to break, in a local folder and in memory."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from trainspec.storage import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"model.safetensors": b"weights " * 100, "state/optimizer.pt": b"moments"}


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An output folder that does not exist yet."""
    return open_store(tmp_path / "out" if request.param == "local" else f"memory://{uuid.uuid4().hex}")
