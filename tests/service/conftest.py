"""A service in this process, for the many; a real one is in test_life.py."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from trainspec.service.app import create_app
from trainspec.service.options import Options


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Options()), raise_server_exceptions=False) as made:
        yield made
