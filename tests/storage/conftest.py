"""A real S3 server on the loopback interface, and one store of each kind."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from trainspec.storage import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of an empty bucket; the AWS_* variables lead to it while the session lasts."""
    server_module = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"trainspec-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(bucket)
    yield f"s3://{bucket}"
    for name, value in before.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


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
