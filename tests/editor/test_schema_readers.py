"""Programs that read the schemas: ajv, check-jsonschema, taplo and TypeScript agree with the settings themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.editor.conftest import FOR_EDITORS, FOR_TOOLS
from tests.editor.documents import BAD, GOOD

from trainspec import TrainingArguments

SCHEMAS = [FOR_EDITORS, FOR_TOOLS]
# What editors understand beyond the standard; ajv's strict mode wants to be told.
EDITOR_KEYWORDS = ["markdownDescription", "deprecationMessage", "errorMessage"]


def toml_of(document: dict[str, Any]) -> str:
    """A document of scalars, lists and one level of tables as TOML; JSON's scalars and lists are TOML's too."""
    plain = [f"{key} = {json.dumps(value)}\n" for key, value in document.items() if not isinstance(value, dict)]
    tables = {key: value for key, value in document.items() if isinstance(value, dict)}
    return "".join(plain) + "".join(f"[{key}]\n{toml_of(table)}" for key, table in tables.items())


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_the_settings_themselves_say_the_same() -> None:
    assert [name for name, document in GOOD.items() if not TrainingArguments.check(document).ok] == []
    assert [name for name, document in BAD.items() if TrainingArguments.check(document).ok] == []


@pytest.mark.parametrize("schema", SCHEMAS, ids=["draft-07", "2020-12"])
def test_ajv_compiles_it_strictly_and_judges_alike(schema: Path, run_node: Any) -> None:
    words = EDITOR_KEYWORDS if schema == FOR_EDITORS else []
    question = {"schema": json.loads(schema.read_text()), "editor_keywords": words}
    verdicts = run_node("ajv_session.mjs", {**question, "documents": [*GOOD.values(), *BAD.values()]})
    assert dict(zip([*GOOD, *BAD], verdicts, strict=True)) == dict.fromkeys(GOOD, True) | dict.fromkeys(BAD, False)


def test_ajv_compiles_what_pydantic_tells_of_an_app_and_judges_alike(run_node: Any) -> None:
    class App(BaseModel):
        train: TrainingArguments

    documents = [{"train": document} for document in (*GOOD.values(), *BAD.values())]
    question = {"schema": App.model_json_schema(), "editor_keywords": [], "formats": ["password"]}
    verdicts = run_node("ajv_session.mjs", {**question, "documents": documents})
    assert dict(zip([*GOOD, *BAD], verdicts, strict=True)) == dict.fromkeys(GOOD, True) | dict.fromkeys(BAD, False)


@pytest.mark.parametrize("schema", SCHEMAS, ids=["draft-07", "2020-12"])
@pytest.mark.parametrize("ending", ["json", "toml"])
def test_check_jsonschema_judges_alike(schema: Path, ending: str, tmp_path: Path) -> None:
    pytest.importorskip("check_jsonschema")
    for name, document in {**GOOD, **BAD}.items():
        text = json.dumps(document) if ending == "json" else toml_of(document)
        (tmp_path / f"{name}.{ending}").write_text(text)
    files = [str(path) for path in tmp_path.iterdir()]
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), "--output-format", "json"]
    report = json.loads(run([*command, *files]).stdout)
    assert {Path(error["filename"]).stem for error in report["errors"]} == set(BAD)
    assert report["parse_errors"] == []


def test_check_jsonschema_finds_the_schemas_valid() -> None:
    pytest.importorskip("check_jsonschema")
    done = run([sys.executable, "-m", "check_jsonschema", "--check-metaschema", *map(str, SCHEMAS)])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_taplo_judges_toml_alike(name: str, tmp_path: Path) -> None:
    taplo = Path(sys.executable).with_name("taplo")
    if not taplo.exists():
        pytest.skip("taplo is not installed")
    (tmp_path / "run.toml").write_text(toml_of({**GOOD, **BAD}[name]))
    done = run([str(taplo), "check", "--schema", FOR_EDITORS.as_uri(), "run.toml"], cwd=tmp_path)
    assert (done.returncode == 0) is (name in GOOD), done.stderr


TYPESCRIPT = """import type { TrainingArguments } from "./settings";

export const good: TrainingArguments = { output_dir: "out", lr_scheduler_type: "cosine", bf16: true };
// @ts-expect-error a choice that is none
export const choice: TrainingArguments = { lr_scheduler_type: "cosin" };
// @ts-expect-error a type that is another
export const type: TrainingArguments = { learning_rate: "0.1" };
// @ts-expect-error a key that is none
export const key: TrainingArguments = { learning_rat: 0.1 };
"""


def test_its_typescript_compiles_and_flags_what_is_wrong(node_modules: Path, tmp_path: Path) -> None:
    # TypeScript has no words for the rules; with them, json2ts would let any key pass.
    schema = json.loads(FOR_EDITORS.read_text())
    # Nor for names that only begin alike, which YAML's anchors are kept under.
    schema.pop("allOf", None), schema.pop("patternProperties")
    (tmp_path / "plain.json").write_text(json.dumps(schema))
    made = run([str(node_modules / ".bin" / "json2ts"), str(tmp_path / "plain.json"), str(tmp_path / "settings.ts")])
    assert made.returncode == 0, made.stderr
    (tmp_path / "use.ts").write_text(TYPESCRIPT)
    options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022"]
    done = run([str(node_modules / ".bin" / "tsc"), *options, "use.ts", "settings.ts"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_with_the_rules_it_is_typescript_still(node_modules: Path, tmp_path: Path) -> None:
    made = run([str(node_modules / ".bin" / "json2ts"), str(FOR_EDITORS), str(tmp_path / "settings.ts")])
    assert made.returncode == 0, made.stderr
    options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022"]
    done = run([str(node_modules / ".bin" / "tsc"), *options, "settings.ts"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout
