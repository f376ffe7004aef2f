"""What does not depend on a document: as the commands tell it, with a tag by which it is asked for again."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings
from starlette.testclient import TestClient

from trainspec import TrainingArguments
from trainspec.cli import main
from trainspec.service.app import create_app
from trainspec.service.options import Options


class Mine(TrainingArguments):
    """A user's class."""

    flavour: str = "sweet"


SCHEMAS = {
    "/schema/v1/training-arguments.json": "trainspec.schema.json",
    "/schema/v1/training-arguments.json?draft=2020-12": "trainspec.2020-12.schema.json",
    "/schema/env?draft=2020-12": "trainspec.environment.schema.json",
}


@pytest.mark.parametrize("address, file", SCHEMAS.items(), ids=SCHEMAS)
def test_a_schema_is_the_published_one(address: str, file: str, client: TestClient) -> None:
    told, published = client.get(address), (Path(__file__).parents[2] / "schemas" / file).read_text()
    assert told.json()["$id"] == f"http://testserver{address}"
    assert told.text == published.replace(json.loads(published)["$id"], told.json()["$id"], 1)
    again = client.get(address, headers={"If-None-Match": told.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "address, words",
    [
        ("/fields", ["explain", "--format", "json"]),
        ("/fields/evaluation_strategy", ["explain", "evaluation_strategy", "--format", "json"]),
        ("/rules", ["rule", "--format", "json"]),
        ("/rules/PRE101", ["rule", "PRE101", "--format", "json"]),
    ],
)
def test_facts_are_those_of_the_command(address: str, words: list[str], client: TestClient, capsys: Any) -> None:
    assert main(words) == 0
    assert client.get(address).text == capsys.readouterr().out


@pytest.mark.parametrize("address", ["/fields/sead", "/rules/PRE999", "/nothing", "/fields/"])
def test_what_there_is_not(address: str, client: TestClient) -> None:
    told = client.get(address)
    assert told.status_code == 404 and told.json()["diagnostics"]
    assert client.get("/validate").status_code == 405


def test_classes_of_users_side_by_side() -> None:
    client = TestClient(create_app(Options(models={"mine:Mine": Mine})))
    asked = {"input": "yaml", "model": "mine:Mine"}
    told = [client.post("/validate", content="flavour: 3\n", params=one).json() for one in (asked, {"input": "yaml"})]
    codes = [[item["code"] for item in one["files"][0]["diagnostics"]] for one in told]
    assert codes == [["VAL101"], ["SRC102"]]
    assert "flavour" in client.get("/schema/v1/training-arguments.json", params={"model": "mine:Mine"}).text


class App(BaseSettings):
    train: TrainingArguments = Field(default_factory=TrainingArguments)


def test_an_app_is_judged_by_its_files_alone() -> None:
    client = TestClient(create_app(Options(models={"mine:App": App})))
    asked = {"model": "mine:App"}
    told = client.post("/validate", content="train: {sede: 7}\n", params={**asked, "input": "yaml"}).json()
    assert [item["code"] for item in told["files"][0]["diagnostics"]] == ["SRC102"]
    refused = client.post("/validate", content="TRAINSPEC_SEED=7\n", params={**asked, "input": "env"})
    assert refused.status_code == 415 and refused.json()["diagnostics"][0]["code"] == "SVC103"
