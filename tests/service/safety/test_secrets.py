"""No secret that a document holds comes back, by any address, in any format, right or wrong, nor does a log have it."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, OLD_SECRETS, SECRETS, UNKNOWN
from tests.service.describing.test_openapi import ASKED

from trainspec import TrainingArguments
from trainspec.migration.values import as_toml

NAMES = sorted(TrainingArguments.secret_fields())
# A secret where each setting stands that is none, so that it is of a wrong type, under a name that is almost right.
EVERYWHERE = "".join(
    f"{name}_tokne: {{token: {CANARY}, deep: [{CANARY}]}}\n" for name in TrainingArguments.model_fields
)
NESTED = "".join(f"{name}:\n  api_key: {CANARY}\n" for name in ("fsdp_config", "deepspeed", "accelerator_config"))
PLAIN: dict[str, Any] = {**dict.fromkeys(NAMES, CANARY), "bf16": True, "fp16": True, "sead": 1}
DOCUMENTS = {
    "secrets": ("yaml", SECRETS),
    "old names": ("yaml", f"{OLD_SECRETS}evaluation_strategy: epoch\n"),
    "unknown": ("yaml", UNKNOWN),
    "everywhere": ("yaml", EVERYWHERE),
    "nested": ("yaml", NESTED),
    "twice": ("yaml", f"hub_token: {CANARY}\nhub_token: {CANARY}1\n"),
    "broken": ("yaml", f"hub_token: {CANARY}\n  x: ["),
    "several": ("yaml", f"{SECRETS}---\nhub_token: {CANARY}\n"),
    "a reference": ("yaml", f"hub_token: &a {CANARY}\nzz: *a\n"),
    "JSON": ("json", json.dumps(PLAIN)),
    "JSON twice": ("json", f'{{"hub_token": "{CANARY}", "hub_token": "{CANARY}"}}'),
    "broken JSON": ("json", f'{{"hub_token": "{CANARY}"'),
    "TOML": ("toml", "".join(f"{name} = {as_toml(value)}\n" for name, value in PLAIN.items())),
    "broken TOML": ("toml", f'hub_token = "{CANARY}\n'),
    "variables": ("env", "".join(f"TRAINSPEC_{name.upper()}={CANARY}\n" for name in NAMES)),
    "unknown variables": ("env", f"TRAINSPEC_HUB_TOKNE={CANARY}\nTRAINSPEC_FSDP_CONFIG__TOKEN={CANARY}\n"),
    "broken variables": ("env", f"TRAINSPEC_HUB_TOKEN='{CANARY}\n"),
    "the wrong format": ("json", SECRETS),
}


@pytest.mark.parametrize("format, text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_no_secret_comes_back(format: str, text: str, client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for address, asked in ASKED:
        told = client.post(address, content=text, params={"input": format, **asked})
        assert told.status_code < 500, address
        assert CANARY not in told.text and CANARY not in str(told.headers), address
    for form in ("text", "sarif", "junit"):
        assert CANARY not in client.post("/validate", content=text, params={"input": format, "format": form}).text
    for line in range(4):
        asked = {"input": format, "line": str(line), "character": "12"}
        assert CANARY not in client.post("/complete", content=text, params=asked).text
    assert CANARY not in caplog.text and CANARY not in client.get("/metrics").text


def test_nor_from_another_process(client: TestClient, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    text = f"{SECRETS}{UNKNOWN}{EVERYWHERE}# {'x' * 17_000}\n"
    for address in ("/validate", "/show", "/fixes", "/migrate"):
        assert CANARY not in client.post(address, content=text, params={"input": "yaml"}).text
    assert CANARY not in caplog.text and CANARY not in "".join(capfd.readouterr())


def test_nor_what_stands_in_a_question(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for address, asked in ASKED:
        # The name of a document stands in its answers, as a file's does.
        for name in (*asked, "input", "at", "model", "lang", "zz"):
            told = client.post(address, content="seed: x", params={"input": "yaml", **asked, name: f"token={CANARY}"})
            assert told.status_code < 500 and CANARY not in told.text, (address, name)
    for address in (f"/fields/token={CANARY}", f"/rules/{CANARY}", f"/{CANARY}", f"/fields?lang={CANARY}"):
        assert client.get(address).status_code in (400, 404)
    # The client that asks has a log of its own.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert CANARY not in str(ours)
