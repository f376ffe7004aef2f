"""`POST /complete`: what fits at a place of an unfinished document, for the classes of the service."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY

from trainspec.service.app import create_app
from trainspec.service.options import Options


def ask(client: TestClient, text: str, **asked: Any) -> Any:
    asked = {"input": "yaml", "line": 0, "character": 0, **asked}
    return client.post("/complete", content=text.encode(), params=asked)


def test_a_key_inside_a_mapping(client: TestClient) -> None:
    told = ask(client, "seed: 1\nfsdp_config:\n  min\n", line=2, character=5)
    assert told.status_code == 200
    found = told.json()
    assert found["replace"] == {"start": {"line": 2, "character": 2}, "end": {"line": 2, "character": 5}}
    (item,) = [one for one in found["items"] if one["label"] == "min_num_params"]
    assert (item["kind"], item["insert"], item["detail"]) == ("key", "min_num_params: ", "int = 0")
    assert item["description"] and found["at"] is None


def test_characters_are_utf_16_units(client: TestClient) -> None:
    told = ask(client, '{"run_name": "😀😀", "bf16": }', input="json", character=28).json()
    assert told["at"]["name"] == "bf16" and [one["label"] for one in told["items"]] == ["true", "false"]
    assert told["replace"]["start"] == {"line": 0, "character": 28}


def test_the_language(client: TestClient) -> None:
    assert ask(client, "learning_rate: 1", lang="zh").json()["at"]["title"] == "学习率"


def test_a_class_of_ones_own() -> None:
    from pydantic import Field

    from trainspec import TrainingArguments

    class Mine(TrainingArguments):
        rank: int = Field(8, description="How wide.")

    class Other(TrainingArguments):
        depth: int = 1

    with TestClient(create_app(Options(models={"m:Mine": Mine, "m:Other": Other}))) as client:
        offered = {
            name: {one["label"] for one in ask(client, "", model=name).json()["items"]}
            for name in ("m:Mine", "m:Other")
        }
        assert "rank" in offered["m:Mine"] - offered["m:Other"] and "depth" in offered["m:Other"] - offered["m:Mine"]
        assert "seed" in offered["m:Mine"] & offered["m:Other"]
        assert ask(client, "", model="m:None").status_code == 400


def test_no_value_of_the_document_comes_back(client: TestClient) -> None:
    for text in (f"hub_token: {CANARY}\n{CANARY}: 1\nrun_name: {CANARY}", f"zz: {{{CANARY}: {CANARY}"):
        for line in range(3):
            for character in range(30):
                assert CANARY not in ask(client, text, line=line, character=character).text


@pytest.mark.parametrize(
    "asked, status",
    [({"line": -1}, 400), ({"line": "x"}, 400), ({"input": "xml"}, 400), ({"character": 10**9}, 400), ({"zz": 1}, 400)],
)
def test_a_wrong_question(asked: dict[str, Any], status: int, client: TestClient) -> None:
    told = ask(client, "seed: 1", **asked)
    assert told.status_code == status and told.json()["diagnostics"][0]["code"] == "SVC104"


def test_what_is_too_large(client: TestClient) -> None:
    told = ask(client, "a: 1\n" * 90_000, line=5)
    assert told.status_code == 413 and told.json()["diagnostics"][0]["code"] == "SRC109"
    assert client.post("/complete?line=0&character=0&input=yaml", content=b"\xff\xff\xff").status_code == 400
