"""The ways to tell an editor of the schema that the README names: each is followed as it is written there.

By the line on top of a file, by the editor's settings, with the file that came with the package and with the service's
address of it; and under an address that nobody answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.editor.conftest import YAML_SERVER
from tests.editor.language_server import Editor, YamlEditor

from trainspec import SchedulerType

TRAINSPEC = [sys.executable, "-m", "trainspec"]
# Where nobody answers: `invalid` is a domain that there is not.
NOWHERE = "https://schemas.invalid/trainspec"
TOML = {"evenBetterToml": {"schema": {"enabled": True, "links": False}}}


def printed(*words: str) -> str:
    return subprocess.run([*TRAINSPEC, *words], check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def path() -> str:
    """What `trainspec schema --path` prints."""
    return printed("schema", "--path").removesuffix("\n")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where `trainspec serve` serves the schema."""
    pytest.importorskip("uvicorn")
    server = subprocess.Popen([*TRAINSPEC, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    yield f"{server.stderr.readline().split()[-1]}/schema/v1/training-arguments.json"
    server.terminate()
    assert server.wait(30) == 0


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of the schema under an address where nobody is."""
    file = tmp_path_factory.mktemp("schema") / "trainspec.schema.json"
    file.write_text(printed("schema", "--base", NOWHERE))
    assert json.loads(file.read_text())["$id"] == f"{NOWHERE}/trainspec.schema.json"
    return str(file)


@pytest.mark.parametrize("where", ["path", "address", "elsewhere"])
@pytest.mark.parametrize("how", ["line", "settings"])
def test_yaml_is_completed_explained_and_marked(
    where: str, how: str, node_modules: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    schema: str = request.getfixturevalue(where)
    told: dict[str, Any] = {"schema": schema} if how == "line" else {"yaml": {"schemas": {schema: ["run.yaml"]}}}
    editor = YamlEditor(node_modules / YAML_SERVER, tmp_path, **told)
    try:
        # Settings are read while a document is open already.
        assert editor.marked("learning_rat: 0.1\n", "learning_rat is not allowed")
        assert set(editor.completion("lr_scheduler_type: |")) == set(SchedulerType)
        assert "Initial learning rate." in editor.hover("learn|ing_rate: 0.1\n")
        assert editor.diagnostics("bf16: true\nfp16: false\n") == []
        assert any("PRE101" in message for _, message in editor.diagnostics("bf16: true\nfp16: true\n"))
    finally:
        editor.close()


@pytest.mark.parametrize("where", ["path", "address", "elsewhere"])
@pytest.mark.parametrize("how", ["line", "settings"])
def test_json_is_completed_explained_and_marked(
    where: str, how: str, run_node: Any, request: pytest.FixtureRequest
) -> None:
    schema: str = request.getfixturevalue(where)
    url = schema if "://" in schema else Path(schema).as_uri()
    head = f'"$schema": "{url}", ' if how == "line" else ""
    bodies = ['"lr_scheduler_type": |""', '"learn^ing_rate": 0.1', '"bf16": true, "fp16": true', '"bf16": true']
    documents = []
    for body in bodies:
        text = f"{{{head}{body}}}"
        places = {word: text.index(sign) for word, sign in (("complete", "|"), ("hover", "^")) if sign in text}
        documents.append({"text": text.replace("|", "").replace("^", ""), **places})
    schemas = [{"fileMatch": ["run-*.json"], "uri": url}] if how == "settings" else []
    completed, explained, marked, fine = run_node("json_session.mjs", {"schemas": schemas, "documents": documents})
    assert {item["label"].strip('"') for item in completed["completion"]} >= set(SchedulerType)
    assert "Initial learning rate." in str(explained["hover"]).replace("\\", "")
    assert any("PRE101" in item["message"] for item in marked["diagnostics"])
    assert fine["diagnostics"] == []


@pytest.mark.parametrize("where", ["path", "address"])
def test_toml_is_completed_explained_and_marked(
    where: str, node_modules: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    schema: str = request.getfixturevalue(where)
    first = f"#:schema {schema if '://' in schema else Path(schema).as_uri()}\n"
    server = Path(__file__).with_name("sessions") / "taplo_server.mjs"
    editor = Editor(["node", str(server)], tmp_path / "run.toml", "toml", first, TOML)
    try:
        assert editor.marked("learning_rat = 0.1\n", "learning_rat")
        assert editor.marked("bf16 = true\nfp16 = true\n", "not allow")
        assert {text.strip('"') for text in editor.completion("lr_scheduler_type = |")} == set(SchedulerType)
        assert "Initial learning rate." in editor.hover("learn|ing_rate = 0.1\n")
    finally:
        editor.close()


@pytest.mark.parametrize("where", ["address", "elsewhere"])
def test_validators_follow_an_address_of_its_own(
    where: str, run_node: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    pytest.importorskip("check_jsonschema")
    schema: str = request.getfixturevalue(where)
    files = {"good": "bf16: true\n", "bad": "bf16: true\nfp16: true\n"}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--no-cache",
        "--output-format",
        "json",
        "--schemafile",
        schema,
    ]
    paths = [str(tmp_path / f"{name}.yaml") for name in files]
    report = json.loads(subprocess.run([*command, *paths], capture_output=True, text=True, timeout=60).stdout)
    assert {Path(error["filename"]).stem for error in report["errors"]} == {"bad"}
    if where == "elsewhere":
        words = ["markdownDescription", "deprecationMessage", "errorMessage"]
        question = {"schema": json.loads(Path(schema).read_text()), "editor_keywords": words}
        documents = [{"bf16": True}, {"bf16": True, "fp16": True}]
        assert run_node("ajv_session.mjs", {**question, "documents": documents}) == [True, False]
