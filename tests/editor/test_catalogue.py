"""What is submitted to SchemaStore passes what its repository checks: layout, names, strict compilation, documents,
formatting.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.editor.conftest import FOR_EDITORS

from trainspec import TrainingArguments
from trainspec.cli import main
from trainspec.export import schemastore
from trainspec.settings.sources.files import parse_documents

NAME = schemastore.NAME
FOLDERS = {"positive": f"src/test/{NAME}", "negative": f"src/negative_test/{NAME}"}
# That its checks let pass in every schema.
KEYWORDS = ["allowTrailingCommas", "defaultSnippets", "markdownDescription", "enumDescriptions"]
# First those that say what a schema is, and conditions after what stands beside them; all others stay.
ORDER = dict.fromkeys(("$schema", "$id", "$comment", "$ref", "/^\\$.*/")) | {"/^[^\\d+]/": "none", "/^\\d+/": "none"}
OF_SCHEMAS = {**ORDER, **dict.fromkeys(("if", "then", "else"))}
UNSORTED = {"/^[^\\d+]/": "none", "/^\\d+/": "none"}


@pytest.fixture(scope="module")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    assert main(["schema", "--schemastore", str(folder)]) == 0
    return folder


def texts(submission: Path, kind: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((submission / FOLDERS[kind]).iterdir())}


@pytest.fixture(scope="module")
def answer(submission: Path, run_node: Any) -> Any:
    own = json.loads((submission / schemastore.VALIDATION_ENTRY).read_text())[f"{NAME}.json"]["unknownKeywords"]
    files = {str(path.relative_to(submission)): path.read_text() for path in submission.rglob("*") if path.is_file()}
    orders = {name: OF_SCHEMAS if "/schemas/" in name else UNSORTED for name in files}
    return run_node(
        "catalogue_session.mjs",
        {
            "schema": files[schemastore.SCHEMA],
            "known_keywords": KEYWORDS,
            "own_keywords": own,
            "documents": [{"name": name, "text": text} for name, text in files.items() if "test/" in name],
            "formatted": [{"name": name, "text": text, "order": orders[name]} for name, text in files.items()],
        },
    )


def test_it_is_laid_out_as_the_repository_is(submission: Path) -> None:
    files = {path.relative_to(submission) for path in submission.rglob("*") if path.is_file()}
    beside = {Path(schemastore.CATALOG_ENTRY), Path(schemastore.VALIDATION_ENTRY), Path(schemastore.SCHEMA)}
    assert {str(file.parent) for file in files - beside} == set(FOLDERS.values())
    assert {file.suffix for file in files - beside} == {".json", ".yaml", ".toml"}
    assert not any((submission / file).read_bytes().startswith((b"\xef\xbb\xbf", b"\xff\xfe")) for file in files)


def test_the_schema_is_the_published_one_under_the_catalogues_address(submission: Path) -> None:
    schema, published = (json.loads(path.read_text()) for path in (submission / schemastore.SCHEMA, FOR_EDITORS))
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema.pop("$id") == f"https://www.schemastore.org/{NAME}.json"
    del published["$id"]
    assert schema == published


def test_the_entry_says_what_an_entry_has_to(submission: Path) -> None:
    entry = json.loads((submission / schemastore.CATALOG_ENTRY).read_text())
    assert list(entry) == ["name", "description", "fileMatch", "url"]
    for text in (entry["name"], entry["description"]):
        assert re.fullmatch(r"[^\n]*[^,. \t\n-]", text) and "schema" not in text.lower()
    assert entry["url"] == f"https://www.schemastore.org/{NAME}.json"
    assert len(set(entry["fileMatch"])) == len(entry["fileMatch"])
    # None of them is for files of others: each has our name in it, and none reaches into folders.
    assert all(re.fullmatch(rf"(?:\*\.)?{NAME}\.(?:ya?ml|json|toml)", pattern) for pattern in entry["fileMatch"])


def test_every_document_points_at_the_schema(submission: Path) -> None:
    place = f"../../schemas/json/{NAME}.json"
    heads = {"yaml": f"# yaml-language-server: $schema={place}\n", "toml": f"#:schema {place}\n", "json": "{\n"}
    for kind, folder in FOLDERS.items():
        for name, text in texts(submission, kind).items():
            assert text.startswith(heads[name.rpartition(".")[2]]), name
            assert (submission / folder / place).resolve().is_file()


def test_it_compiles_strictly_and_judges_the_documents_as_they_should_be(answer: Any) -> None:
    verdicts = {one["name"]: one["valid"] for one in answer["verdicts"]}
    assert {name for name, valid in verdicts.items() if valid != ("/negative_test/" not in name)} == set()
    assert len(verdicts) == len(schemastore.PASSING) + len(schemastore.FAILING) > 20


def test_it_is_formatted_as_theirs_is(answer: Any) -> None:
    assert answer["unformatted"] == []


def test_the_settings_themselves_judge_the_documents_alike(submission: Path) -> None:
    for kind, good in (("positive", True), ("negative", False)):
        for name, text in texts(submission, kind).items():
            (document,) = parse_documents(text.encode(), name.rpartition(".")[2], name)
            values = {key: value for key, value in document.values.items() if key != "task"}
            verdict = TrainingArguments.check(values)
            assert verdict.ok is good, name
            # One fault each: two would hide each other.
            assert len(verdict.errors) == (not good), name


def test_yaml_reads_numbers_as_the_schema_does(submission: Path) -> None:
    """The catalogue's reader takes 5e-5 for a number; PyYAML would not, so a document must not rest on it alone."""
    read = yaml.safe_load(texts(submission, "positive")["small.yaml"])
    assert isinstance(read["learning_rate"], float)


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "file").touch()
    assert main(["schema", "--schemastore", str(tmp_path / "file")]) == 2
    assert "CLI103" in capsys.readouterr().err
