"""Every answer in the language that a request asks for, as the command tells it there."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from trainspec.cli import main

WRONG = "bf16: true\nfp16: true\nlerning_rate: 3\n"


def test_findings_are_those_of_the_command(client: TestClient, tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(WRONG)
    assert main(["validate", str(file), "--lang", "zh", "--format", "json"]) == 1
    told = client.post("/validate", params={"name": str(file), "lang": "zh"}, content=WRONG)
    assert told.text == capsys.readouterr().out and "bf16 与 fp16" in told.text


@pytest.mark.parametrize("address", ["/fields", "/fields/learning_rate", "/rules", "/rules/PRE101"])
def test_facts_are_told_in_it(address: str, client: TestClient) -> None:
    english, chinese = (client.get(address, params=asked) for asked in ({}, {"lang": "zh"}))
    assert english.headers["etag"] != chinese.headers["etag"]
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english.text)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese.text)


@pytest.mark.parametrize("address", ["/plan?", "/show?", "/convert?to=env&", "/diff?to=defaults&"])
def test_documents_are_answered_in_it(address: str, client: TestClient) -> None:
    told = client.post(f"{address}input=yaml&lang=zh", content=WRONG)
    (found,) = [item for item in told.json()["diagnostics"] if item["code"] == "PRE101"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in found["message"])


def test_a_refusal_is_told_in_it(client: TestClient) -> None:
    told = client.post("/convert?to=env&input=yaml&lang=zh", content="a: [")
    assert told.status_code == 400 and any("\u4e00" <= letter <= "\u9fff" for letter in told.text)
    assert client.post("/validate?input=yaml&lang=tlh", content="").json()["diagnostics"][0]["code"] == "SVC104"
