"""`POST /validate` says of a document what `trainspec validate` says of it, byte for byte, from the document alone."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.settings.rules.test_registry import all_borders

from trainspec.cli import main

BORDERS = [document for border in all_borders() for document in (border.wrong, border.right)]
TEXTS = {
    "yaml": "learning_rate: fast\nbf16: true\nfp16: true\nevaluation_strategy: steps\n",
    "several documents": "seed: 1\n---\nsead: 2\n---\nbf16: no\n",
    "no mapping": "- 1\n",
    "no YAML": "a: [\n",
    "twice": "seed: 1\nseed: 2\n",
    "a task": "seed: 1\ntask:\n  width: 3\n",
    "a file that it names": "deepspeed: ds.json\n",
    "empty": "",
}


def by_command(text: bytes, format: str, capsys: Any, monkeypatch: Any, *words: str) -> bytes:
    class Stdin:
        buffer = io.BytesIO(text)

    monkeypatch.setattr(sys, "stdin", Stdin)
    main(["validate", "-", "--stdin-format", format, "--stdin-name", "document", "--format", "json", *words])
    return capsys.readouterr().out.encode()


def by_service(client: TestClient, text: bytes, format: str, **asked: Any) -> bytes:
    return client.post("/validate", content=text, params={"input": format, **asked}).content


def test_every_border_of_every_rule(client: TestClient, capsys: Any, monkeypatch: Any) -> None:
    for document in BORDERS[::7]:
        text = json.dumps(document).encode()
        assert by_service(client, text, "json") == by_command(text, "json", capsys, monkeypatch)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_document(text: str, client: TestClient, capsys: Any, monkeypatch: Any) -> None:
    assert by_service(client, text.encode(), "yaml") == by_command(text.encode(), "yaml", capsys, monkeypatch)


def test_a_machine_and_its_processes(client: TestClient, capsys: Any, monkeypatch: Any) -> None:
    text = b"bf16: true\nparallelism_config: {tp_size: 4}\n"
    told = by_command(text, "yaml", capsys, monkeypatch, "--target", "v100", "--world-size", "6")
    assert by_service(client, text, "yaml", target="v100", world_size=6) == told


@pytest.mark.parametrize("media", ["application/yaml", "text/x-yaml", "application/yaml; charset=utf-8"])
def test_the_media_type_tells_the_format(media: str, client: TestClient) -> None:
    assert client.post("/validate", content="sead: 1\n", headers={"Content-Type": media}).json()["ok"] is False


def test_variables(client: TestClient) -> None:
    text = "TRAINSPEC_SEED=x\nexport TRAINSPEC_LEARNING_RATE=1e-3\nHOME=/root\n"
    told = client.post("/validate", content=text, headers={"Content-Type": "text/x-dotenv"}).json()
    (item,) = told["files"][0]["diagnostics"]
    assert item["fields"] == ["seed"] and item["evidence"][0]["source"]["line"] == 1


@pytest.mark.parametrize("form", ["text", "sarif", "junit"])
def test_a_form(form: str, client: TestClient) -> None:
    told = client.post("/validate", content="bf16: true\nfp16: true\n", params={"input": "yaml", "format": form})
    assert told.status_code == 200 and "PRE101" in told.text


def test_the_environment_of_the_server_is_none_of_the_document(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = by_service(client, b"bf16: true\n", "yaml")
    monkeypatch.setenv("TRAINSPEC_SEED", "no number")
    monkeypatch.setenv("TRAINSPEC_FP16", "true")
    assert by_service(client, b"bf16: true\n", "yaml") == before
    unset = client.post("/validate", content="TRAINSPEC_RUN_NAME=${HOME}\n", params={"input": "env"}).json()
    assert [item["code"] for item in unset["files"][0]["diagnostics"]] == ["SRC130"]


def test_a_file_of_the_server_is_not_read(client: TestClient, tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.write_text('{"zero_optimization": {"stage": 99}}')
    for name in (str(there), str(tmp_path / "gone.json")):
        told = by_service(client, json.dumps({"deepspeed": name}).encode(), "json")
        assert [item["code"] for item in json.loads(told)["files"][0]["diagnostics"]] == ["VAL204"]
    secret = tmp_path / "secret"
    secret.write_text("canary-9f8e7d6c")
    text = f"TRAINSPEC_HUB_TOKEN_FILE={secret}\n".encode()
    told = json.loads(by_service(client, text, "env"))
    assert told["ok"] and told["files"][0]["diagnostics"][0]["severity"] == "warning"
