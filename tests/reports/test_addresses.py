"""One setting says where schemas/ is published: in the names of schemas, and in the links of SARIF."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from trainspec.cli import main

BASE = "https://example.org/train"
SCHEMAS = {
    (): "trainspec.schema.json",
    ("--draft", "2020-12"): "trainspec.2020-12.schema.json",
    ("--for", "env", "--draft", "2020-12"): "trainspec.environment.schema.json",
    ("--for", "diagnostics"): "trainspec.diagnostics.schema.json",
    ("--model", "trainspec:Seq2SeqTrainingArguments"): "trainspec.Seq2SeqTrainingArguments.file.7.schema.json",
}
REFERENCE = (Path(__file__).parents[2] / "schemas" / "reference.md").read_text(encoding="utf-8")


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    (tmp_path / "run.yaml").write_text("bf16: true\nfp16: true\nlearning_rat: 1\nno_cuda: true\n")
    return str(tmp_path / "run.yaml")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    main(list(words))
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("words", "file"), SCHEMAS.items())
def test_a_schema_is_named_by_its_address(
    words: tuple[str, ...], file: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = printed(capsys, "schema", *words)
    assert plain["$id"].startswith("urn:trainspec:")
    named = printed(capsys, "schema", *words, "--base", f"{BASE}/")
    assert named == {**plain, "$id": f"{BASE}/{file}"} and list(named) == list(plain)
    monkeypatch.setenv("TRAINSPEC_SCHEMA_BASE", BASE)
    assert printed(capsys, "schema", *words) == named
    assert printed(capsys, "schema", *words, "--base", "") == plain


def test_sarif_links_codes_to_the_reference(wrong: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("validate", wrong, "--format", "sarif")
    plain = printed(capsys, *command)
    assert "helpUri" not in json.dumps(plain)
    monkeypatch.setenv("TRAINSPEC_SCHEMA_BASE", BASE)
    rules = printed(capsys, *command)["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["PRE101", "REN101", "SRC102"]
    for rule in rules:
        address, anchor = rule["helpUri"].split("#")
        assert address == f"{BASE}/reference.md" and f'<a id="{anchor}"></a>{rule["id"]} ' in REFERENCE


@pytest.mark.parametrize(
    "base", ["nowhere", "https://user@example.org", "https://e.org/?a=1", "https://e.org/#a", "a: b"]
)
def test_what_is_no_address_is_refused(base: str, wrong: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SCHEMA_BASE", base)
    for words in (("schema",), ("validate", wrong, "--format", "sarif")):
        assert main(list(words)) == 2
        said = capsys.readouterr()
        assert said.out == "" and re.match(
            r"error\[CLI103\] TRAINSPEC_SCHEMA_BASE takes the address of a folder", said.err
        )


def test_the_variable_is_no_setting(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SCHEMA_BASE", BASE)
    assert main(["validate", "--env"]) == 0
    for name in ("TRAINSPEC_SCHEMA_BASE", "TRAINSPEC_LANG", "TRAINSPEC_TASK", "TRAINSPEC_HUB_TOKEN_FILE"):
        capsys.readouterr()
        assert main(["explain", name]) == 0
        assert f"variable    {name}" in capsys.readouterr().out
