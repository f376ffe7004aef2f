"""Settings are judged in an environment that holds none of our variables, unless a test sets them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.judgement import Verdict, constructor_layer, from_layers
from trainspec.settings.sources.process import process_layers

settings.register_profile("ci", max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

Judge = Callable[..., Verdict]


@pytest.fixture(autouse=True)
def no_variables_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TRAINSPEC_")]:
        monkeypatch.delenv(name)


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
