"""`trainspec init`: a file that is valid, explained and never in the way of one that is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainspec import TrainingArguments
from trainspec.answers.init import BEGINNING, SCHEMA, beginning


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


def test_the_schema_beside_it_is_the_published_one(run: Callable, tmp_path: Path) -> None:
    path = tmp_path / "configs/a.yaml"
    assert run("init", path).code == 0
    beside = path.parent / SCHEMA
    assert beside.read_text() == (Path(__file__).parents[2] / "schemas/trainspec.schema.json").read_text()
    # Nothing of it is looked up anywhere, and it is judged as no settings.
    assert "http" not in beside.read_text().replace("http://json-schema.org/draft-07/schema#", "")
    assert "1 file: nothing wrong" in run("validate", path.parent).out


def test_an_older_schema_of_ours_is_brought_up_to_date_and_another_is_left(run: Callable, tmp_path: Path) -> None:
    beside = tmp_path / SCHEMA
    beside.write_text('{\n "$id": "urn:trainspec:settings:7"}')
    assert run("init", tmp_path / "a.yaml").code == 0
    assert len(beside.read_text()) > 1000
    beside.write_text('{"mine": 1}')
    found = run("init", tmp_path / "b.yaml")
    assert (found.code, beside.read_text()) == (2, '{"mine": 1}')
    assert "error[CLI112]" in found.err and not (tmp_path / "b.yaml").exists()


CAME_WITH_IT = [[], ["--for", "env", "--draft", "2020-12"], ["--for", "diagnostics"], ["--draft", "2020-12"]]


@pytest.mark.parametrize("words", CAME_WITH_IT)
def test_the_schemas_that_came_with_the_package_are_where_schema_says(run: Callable, words: list[str]) -> None:
    path = Path(run("schema", *words, "--path").out.strip())
    assert path.is_file() and path.read_text() == run("schema", *words).out


@pytest.mark.parametrize("words", [["--for", "env", "--draft", "7"], ["--model", "trainspec:TrainingArguments"]])
def test_a_schema_that_did_not_come_with_it(run: Callable, words: list[str]) -> None:
    found = run("schema", *words, "--path")
    assert found.code == 2 and "help: " in found.err


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
