"""`trainspec init`: a file that is valid, explained and never in the way of one that is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainspec import TrainingArguments
from trainspec.answers.init import BEGINNING, SCHEMA, beginning
from trainspec.export.json_schema import _HOME as HOME


def test_it_is_valid_without_a_warning(run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init").code == 0
    assert run("validate", "run.yaml", "--strict").code == 0
    first, *lines = (tmp_path / "run.yaml").read_text().splitlines()
    assert first == f"# yaml-language-server: $schema={SCHEMA}"
    assert max(map(len, lines)) <= 120


def test_every_setting_has_its_description() -> None:
    lines = beginning().text.splitlines()
    for name in (name for settings in BEGINNING.values() for name in settings):
        place = next(number for number, line in enumerate(lines) if line.startswith(f"{name}: "))
        assert lines[place - 1].startswith("# ")
        assert name in TrainingArguments.model_fields


def test_the_schema_is_the_published_one() -> None:
    schemas = Path(__file__).parents[2] / "schemas"
    assert SCHEMA.startswith(HOME)
    assert (schemas / SCHEMA.removeprefix(HOME)).exists()


def test_a_file_that_is_there_stays(run: Callable, write: Callable) -> None:
    path = write("a.yaml", "seed: 1\n")
    found = run("init", path)
    assert (found.code, path.read_text()) == (2, "seed: 1\n")
    assert "error[CLI112]" in found.err and "--force" in found.err
    assert run("init", path, "--force").code == 0
    assert path.read_text() == beginning().text


def test_a_folder_is_made(run: Callable, tmp_path: Path) -> None:
    assert run("init", tmp_path / "configs/base.yml").code == 0
    assert (tmp_path / "configs/base.yml").read_text() == beginning().text


@pytest.mark.parametrize("words", [["a.json"], ["a.yaml", "b.yaml"], ["--what"]])
def test_a_mistake(run: Callable, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", *words).code == 2
    assert not list(tmp_path.iterdir())
