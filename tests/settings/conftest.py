"""A process with chosen variables to judge, and files to name in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.process import process_layers
from trainspec.settings.sources.reading import constructor_layer

Judge = Callable[..., Verdict]


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The verdict on a process with these variables, and with arguments over them; no warnings are emitted."""

    def judge(environ: dict[str, str], model: Any = TrainingArguments, **arguments: Any) -> Verdict:
        layers, found = process_layers(model, environ=environ)
        above, more = constructor_layer(model, arguments)
        return from_layers(model, [*layers, above], [*found, *more], quiet=True)

    return judge


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], str]:
    """Write a file of this name below a fresh folder; returns its path."""

    def write(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write
