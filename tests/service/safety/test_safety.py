"""Whatever is sent, nothing breaks, nothing waits, and no secret comes back."""

import json
import logging
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN

from trainspec import TrainingArguments
from trainspec.service.app import create_app
from trainspec.service.options import Limits, Options

BOMBS = {
    "bytes": ("yaml", "a: " + "x" * 2**20),
    "depth": ("json", "[" * 50_000),
    "depth of YAML": ("yaml", "[" * 5_000),
    "aliases": (
        "yaml",
        "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a,*a,*a]\n" for n in range(5000)),
    ),
    "documents": ("yaml", "---\na: 1\n" * 200),
    "digits": ("toml", "a = " + "1" * 10_000),
}


@pytest.mark.parametrize("format, text", BOMBS.values(), ids=BOMBS)
def test_what_is_over_a_limit_is_refused(format: str, text: str, client: TestClient) -> None:
    begun = time.process_time()
    told = client.post("/validate", content=text, params={"input": format})
    assert told.status_code == 413 and ("SRC109" in told.text or "SVC101" in told.text)
    assert time.process_time() - begun < 1


def test_a_body_in_pieces_is_bounded_too(client: TestClient) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * 2**16

    told = client.post("/validate", content=pieces(), params={"input": "yaml"})
    assert told.status_code == 413 and told.json()["diagnostics"][0]["code"] == "SVC101"


def test_what_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    text = json.dumps({f"learning_rat{number}": 1 for number in range(4000)})
    with TestClient(create_app(Options(limits=Limits(seconds=0.01))), raise_server_exceptions=False) as client:
        told = client.post("/validate", content=text, params={"input": "json"})
    assert told.status_code == 413 and told.json()["diagnostics"][0]["code"] == "SVC102"


WRONG = {
    "a format": ({"input": "xml"}, 400, "SVC104"),
    "none": ({}, 415, "SVC103"),
    "a number": ({"input": "yaml", "world_size": CANARY}, 400, "SVC104"),
    "a parameter": ({"input": "yaml", CANARY: "1"}, 400, "SVC104"),
    "a machine": ({"input": "yaml", "target": "zx81"}, 400, "CLI103"),
    "a class": ({"input": "yaml", "model": CANARY}, 400, "SVC104"),
    "nodes alone": ({"input": "yaml", "nodes": "2"}, 400, "SVC104"),
}


@pytest.mark.parametrize("asked, status, code", WRONG.values(), ids=WRONG)
def test_a_wrong_question_is_told(asked: dict[str, str], status: int, code: str, client: TestClient) -> None:
    told = client.post("/validate", content="seed: 1", params=asked)
    assert (told.status_code, told.json()["diagnostics"][0]["code"]) == (status, code)
    assert CANARY not in told.text


@pytest.mark.parametrize("form", ["json", "text", "sarif", "junit"])
def test_no_secret_comes_back(form: str, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    every = "".join(f"{name}: {{zz: {CANARY}}}\n" for name in TrainingArguments.secret_fields())
    variables = "".join(f"TRAINSPEC_{name.upper()}={CANARY}\n" for name in TrainingArguments.secret_fields())
    bodies = [("yaml", text) for text in (SECRETS, OLD_SECRETS, UNKNOWN, every, f"hub_token: {CANARY}\n  x: [")]
    for format, text in (*bodies, ("env", variables), ("env", f"TRAINSPEC_HUB_TOKNE={CANARY}\n")):
        told = client.post("/validate", content=text, params={"input": format, "format": form})
        assert told.status_code == 200 and CANARY not in told.text
    assert CANARY not in caplog.text


def test_headers(client: TestClient) -> None:
    told = client.get("/healthz").headers
    assert told["content-security-policy"].startswith("default-src 'none'")
    assert (told["x-content-type-options"], told["cache-control"]) == ("nosniff", "no-store")
    assert "access-control-allow-origin" not in client.get("/fields", headers={"Origin": "https://a.b"}).headers


def test_a_listed_origin_may_read() -> None:
    client = TestClient(create_app(Options(origins=("https://a.b",))))
    asked = [client.get("/healthz", headers={"Origin": origin}).headers for origin in ("https://a.b", "https://c.d")]
    assert [one.get("access-control-allow-origin") for one in asked] == ["https://a.b", None]


def test_a_page_of_a_listed_origin_reads_why_it_was_refused() -> None:
    client = TestClient(create_app(Options(origins=("https://a.b",), tokens=(CANARY,))))
    told = client.get("/fields", headers={"Origin": "https://a.b"})
    assert (told.status_code, told.headers["access-control-allow-origin"]) == (401, "https://a.b")
    asked = {"Origin": "https://a.b", "Access-Control-Request-Method": "POST"}
    asked |= {"Access-Control-Request-Headers": "authorization"}
    assert client.options("/validate", headers=asked).status_code == 200
    assert client.options("/validate", headers={**asked, "Origin": "https://c.d"}).status_code == 400


def test_a_token_opens_all_but_probes() -> None:
    client = TestClient(create_app(Options(tokens=("old", CANARY))))
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    for given in (None, "Bearer no", f"Basic {CANARY}", "Bearer ", f"Bearer {CANARY}x"):
        told = client.get("/fields/seed", headers={"Authorization": given} if given else {})
        assert (told.status_code, told.json()["diagnostics"][0]["code"]) == (401, "SVC105")
        assert CANARY not in told.text
    for token in ("old", CANARY):
        assert client.get("/fields/seed", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.options("/fields/seed").status_code == 405
    assert CANARY not in repr(Options(tokens=(CANARY,)))
