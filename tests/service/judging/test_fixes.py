"""`POST /fixes`: edits for what `/validate` says of the same body, asked with the same parameters."""

from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY

TEXT = "seed: 1\nbf16: true\nfp16: true\nevaluation_strategy: epoch\n---\nlearning_rte: 1\n"


def ask(client: TestClient, address: str, text: str, **asked: Any) -> Any:
    return client.post(address, content=text.encode(), params={"input": "yaml", **asked})


def test_each_is_about_a_diagnostic_by_its_number(client: TestClient) -> None:
    told = ask(client, "/validate", TEXT).json()
    codes = [item["code"] for file in told["files"] for item in file["diagnostics"]]
    answer = ask(client, "/fixes", TEXT)
    assert answer.status_code == 200
    found = [(codes[fix["diagnostic"]], fix["title"]) for fix in answer.json()["fixes"]]
    assert sorted(found) == [
        ("PRE101", "leave bf16 out"),
        ("PRE101", "leave fp16 out"),
        ("REN101", "write eval_strategy"),
        ("SRC102", "write learning_rate"),
    ]


def test_the_language(client: TestClient) -> None:
    (fix,) = ask(client, "/fixes", "learning_rte: 1", lang="zh").json()["fixes"]
    assert fix["title"] == "请写 learning_rate"


def test_the_machine_counts(client: TestClient) -> None:
    text = "bf16: true\n"
    assert ask(client, "/fixes", text).json()["fixes"] == []
    assert ask(client, "/validate", text, target="v100").json()["ok"] is False
    for fix in ask(client, "/fixes", text, target="v100").json()["fixes"]:
        assert fix["diagnostic"] == 0


def test_variables(client: TestClient) -> None:
    (fix,) = ask(client, "/fixes", "TRAINSPEC_SED=1\n", input="env").json()["fixes"]
    assert fix["edits"][0]["text"] == "TRAINSPEC_SEED"


@pytest.mark.parametrize(
    "text", ["a: [", "a: " + "x" * 2**20, "[" * 5000, f"hub_tokne: {CANARY}\nhub_token: [{CANARY}"]
)
def test_what_cannot_be_read_has_none(text: str, client: TestClient) -> None:
    told = ask(client, "/fixes", text)
    assert told.status_code in (200, 413) and not told.json().get("fixes") and CANARY not in told.text
