"""All images, built once. They take minutes and root, so only `make test-image` asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.image.buildah import Container, build, collect_wheels, make_base

collect_ignore_glob = [] if os.environ.get("TEST_IMAGE") else ["test_*.py"]


@pytest.fixture(scope="session")
def ingredients() -> None:
    """The base image and the wheels."""
    make_base()
    collect_wheels()


@pytest.fixture(scope="session")
def settings_image(ingredients: None) -> str:
    return build("settings")


@pytest.fixture(scope="session")
def service_image(ingredients: None) -> str:
    return build("service")


@pytest.fixture(scope="session")
def training_image(ingredients: None) -> str:
    return build("training")


@pytest.fixture
def light(settings_image: str) -> Iterator[Container]:
    """A container without torch."""
    container = Container(settings_image)
    yield container
    container.remove()


@pytest.fixture
def heavy(training_image: str) -> Iterator[Container]:
    """A container that trains."""
    container = Container(training_image)
    yield container
    container.remove()


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A folder to mount, which the image's user may read and write."""
    place = tmp_path / "mounted"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return place
