"""Plans, migrations, differences and other forms of documents, as the commands make them."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.answers.conftest import CANARY, SECRETS, UNKNOWN

from trainspec.answers.export import FORMATS
from trainspec.cli import main

ALL = ("/plan", "/migrate", "/diff", "/convert?to=yaml")


def post(client: TestClient, address: str, text: str) -> Any:
    return client.post(address, content=text, headers={"Content-Type": "application/yaml"})


@pytest.mark.parametrize(
    "words, asked",
    [
        (["--rows", "10000"], "rows=10000"),
        ([], ""),
        (
            ["--rows", "100000", "--world-size", "10000", "--params", "7e9"],
            "rows=100000&world_size=10000&params=7000000000",
        ),
    ],
)
def test_a_plan_is_that_of_the_command(
    words: list[str], asked: str, client: TestClient, tmp_path: Path, capsys: Any
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("per_device_train_batch_size: 2\n")
    main(["plan", str(file), *words, "--format", "json"])
    told, wanted = post(client, f"/plan?{asked}", file.read_text()).json(), json.loads(capsys.readouterr().out)
    assert (told["ok"], told["plan"], told.get("scale")) == (wanted["ok"], wanted["plan"], wanted.get("scale"))


def test_old_names_are_rewritten(client: TestClient) -> None:
    told = post(client, "/migrate", "evaluation_strategy: steps  # often\n").json()
    changed = "@@ -1 +1 @@\n-evaluation_strategy: steps  # often\n+eval_strategy: steps  # often\n"
    assert (told["diff"].partition("b/document\n")[2], told["ok"]) == (changed, True)


def test_a_command_line_is_read(client: TestClient) -> None:
    told = client.post("/migrate", content="python x.py --no_cuda --seed 7", params={"input": "cli"}).json()
    assert "seed: 7" in told["sets"][0]["text"] and "use_cpu: true" in told["sets"][0]["text"]


def test_two_documents_are_compared(client: TestClient) -> None:
    told = post(client, "/diff", "seed: 1\nbf16: true\n---\nbf16: true\nseed: 2\n").json()
    assert [item["setting"] for item in told["differences"]] == ["data_seed", "seed"]
    assert post(client, "/diff", "seed: 1\n").status_code == 400


@pytest.mark.parametrize("form", FORMATS)
def test_every_form(form: str, client: TestClient) -> None:
    told = post(client, f"/convert?to={form}", "seed: 7\n").json()
    assert "7" in told["text"] and told["diagnostics"] == []


def test_an_option_that_a_form_overlooks_is_told(client: TestClient) -> None:
    told = post(client, "/convert?to=env&image=x", "seed: 7\n").json()
    assert told["text"] is None and told["diagnostics"][0]["code"] == "CLI125"


@pytest.mark.parametrize("address", ALL)
def test_no_secret_comes_back(address: str, client: TestClient) -> None:
    for text in (SECRETS, UNKNOWN, f"{SECRETS}---\n{UNKNOWN}", f"hub_token: {CANARY}\n  x: ["):
        assert CANARY not in post(client, address, text).text


@pytest.mark.parametrize("address", ALL)
@pytest.mark.parametrize("text", ["[", "- 1", "\x00", "a: *b", "seed: 1\nseed: 2", "---\n" * 200])
def test_a_bad_document_is_no_fault_of_ours(address: str, text: str, client: TestClient) -> None:
    assert post(client, address, text).status_code in (200, 400, 413)
