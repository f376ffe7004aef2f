"""A bucket of a real S3 server, and one store of each kind."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from tests.storage.servers.loopback import s3_server

from trainspec.storage import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of an empty bucket; the AWS_* variables lead to it while the session lasts."""
    s3fs = pytest.importorskip("s3fs")
    with s3_server():
        bucket = f"trainspec-{uuid.uuid4().hex}"
        s3fs.S3FileSystem().mkdir(bucket)
        yield f"s3://{bucket}"


@pytest.fixture(params=["path", "file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a folder that does not exist yet, in each kind of place."""
    name = uuid.uuid4().hex
    if request.param == "s3":
        return f"{request.getfixturevalue('s3_bucket')}/{name}"
    places = {"path": str(tmp_path / name), "file": f"file://{tmp_path}/{name}", "memory": f"memory://{name}"}
    return places[request.param]


@pytest.fixture
def store(url: str) -> Store:
    """The store at `url`."""
    return open_store(url)
