"""Settings as the body of a FastAPI application: rules in its OpenAPI document, codes in its answers, no secrets."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import pytest
from fastapi import Body, FastAPI, Form, Query
from fastapi.testclient import TestClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel
from tests.settings.rules.test_registry import all_borders

from trainspec import TrainingArguments
from trainspec.export.json_schema import not_expressed

CANARY = "hf_canary_5e0"
CODES = frozenset(not_expressed(TrainingArguments))
BROKEN = {"fp16": True, "bf16": True}


class Checkpoint(BaseModel):
    """A name that a section of DeepSpeed has too."""

    path: str = ""


class Job(BaseModel):
    name: str = "job"
    train: TrainingArguments
    before: TrainingArguments | None = None
    checkpoint: Checkpoint = Checkpoint()


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI()

    @app.post("/settings")
    def settings(args: TrainingArguments) -> TrainingArguments:
        return args

    @app.post("/job")
    def job(job: Job) -> Job:
        return job

    @app.post("/embedded")
    def embedded(args: Annotated[TrainingArguments, Body(embed=True)]) -> int:
        return args.seed

    @app.post("/two")
    def two(first: TrainingArguments, second: TrainingArguments) -> list[int]:
        return [first.seed, second.seed]

    @app.post("/list")
    def several(runs: list[TrainingArguments]) -> list[TrainingArguments]:
        return runs

    @app.get("/query")
    def query(args: Annotated[TrainingArguments, Query()]) -> str:
        return args.output_dir

    @app.post("/form")
    def form(args: Annotated[TrainingArguments, Form()]) -> str:
        return args.output_dir

    return app


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app)


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


@pytest.fixture(scope="module")
def component(document: dict[str, Any]) -> Callable[[str], jsonschema_rs.Validator]:
    """The validator of a schema of the document, by its name; each is compiled once."""

    @cache
    def validator(name: str) -> jsonschema_rs.Validator:
        place = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/components/schemas/{name}"}
        return jsonschema_rs.validator_for({**place, "components": document["components"]})

    return validator


def test_an_application_is_made_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        app = FastAPI()

        @app.post("/settings")
        def settings(args: TrainingArguments) -> TrainingArguments:
            return args

        assert TestClient(app).post("/settings", json={}).status_code == 200


def test_the_document_is_valid_openapi_and_every_schema_in_it_is_used(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()
    text = json.dumps(document)
    unused = [name for name in document["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert unused == []
    assert not [name for name in document["components"]["schemas"] if "__" in name]


@pytest.mark.parametrize("border", all_borders(), ids=lambda border: border.code)
def test_the_document_carries_the_rules(border: Any, component: Callable[[str], jsonschema_rs.Validator]) -> None:
    judge, job = component("TrainingArguments-Input"), component("Job-Input")
    for said in (border.wrong, border.right):
        verdict = TrainingArguments.check(said)
        takes = judge.is_valid(said)
        assert job.is_valid({"train": said}) is takes
        assert takes is verdict.ok or (takes and {item.code for item in verdict.errors} <= CODES), said


def test_swagger_offers_a_document_that_is_valid(client: TestClient, document: dict[str, Any]) -> None:
    (example,) = document["components"]["schemas"]["TrainingArguments-Input"]["examples"]
    assert client.post("/settings", json=example).status_code == 200


def faults(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422
    return {line["type"]: line["loc"] for line in answer.json()["detail"]}


PLACES: dict[str, tuple[str, Any, list[Any]]] = {
    "the body": ("/settings", lambda said: said, []),
    "in a model": ("/job", lambda said: {"train": said}, ["train"]),
    "an optional one": ("/job", lambda said: {"train": {}, "before": said}, ["before"]),
    "embedded": ("/embedded", lambda said: {"args": said}, ["args"]),
    "one of two": ("/two", lambda said: {"first": {}, "second": said}, ["second"]),
    "in a list": ("/list", lambda said: [{}, said], [1]),
}


@pytest.mark.parametrize(("path", "around", "place"), PLACES.values(), ids=PLACES)
def test_every_fault_has_its_code_and_place(client: TestClient, path: str, around: Any, place: list[Any]) -> None:
    said = {**BROKEN, "learning_rate": "3e-4", "sed": 7, "deepspeed": {"zero_optimization": {"stag": 2}}}
    answer = client.post(path, json=around(said))
    assert faults(answer) == {
        "PRE101": ["body", *place, "bf16"],
        "VAL101": ["body", *place, "learning_rate"],
        "SRC102": ["body", *place, "sed"],
        "VAL107": ["body", *place, "deepspeed", "zero_optimization", "stag"],
    }
    messages = {line["type"]: line["msg"] for line in answer.json()["detail"]}
    assert "fp16" in messages["PRE101"] and "did you mean seed?" in messages["SRC102"]


@pytest.mark.parametrize("body", [[], "text", 5, None, [CANARY], {"": CANARY}], ids=str)
def test_a_body_of_another_form_is_refused(client: TestClient, body: Any) -> None:
    answer = client.post("/settings", json=body)
    assert answer.status_code == 422 and CANARY not in answer.text


SECRETS: dict[str, dict[str, Any]] = {
    "beside a broken rule": {"hub_token": CANARY, **BROKEN},
    "of another type": {"hub_token": [CANARY]},
    "in a mapping": {"hub_token": {"value": CANARY}},
    "under an unknown name": {"hub_tokn": CANARY, "password": CANARY, "anything": {"deep": [CANARY]}},
    "under an old name": {"push_to_hub_token": CANARY, "hub_token": "another"},
    "in a URL": {"output_dir": f"s3://user:{CANARY}@bucket/runs", **BROKEN},
    "as a nested key": {"deepspeed": {"wandb": {"api_key": CANARY}}},
    "in a section of another type": {"fsdp_config": {"version": {"token": CANARY}}},
    "in arguments": {"optim": "sgd", "optim_args": f"token={CANARY}"},
}


@pytest.mark.parametrize(("path", "around"), [place[:2] for place in PLACES.values()], ids=PLACES)
@pytest.mark.parametrize("said", SECRETS.values(), ids=SECRETS)
def test_no_answer_tells_a_secret(client: TestClient, said: dict[str, Any], path: str, around: Any) -> None:
    answer = client.post(path, json=around(said))
    assert answer.status_code == 422
    assert CANARY not in answer.text


@pytest.mark.parametrize("name", TrainingArguments.model_fields)
def test_no_answer_about_a_setting_tells_a_secret_beside_or_in_it(client: TestClient, name: str) -> None:
    beside = {"hub_token": CANARY, "push_to_hub_organization": 1, name: [["wrong"]]}
    for said in (beside, {name: {"api_key": CANARY}, **BROKEN}, {name: [{"token": CANARY}], **BROKEN}):
        answer = client.post("/job", json={"train": said, "before": said})
        assert answer.status_code == 422 and CANARY not in answer.text


@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_settings_that_are_answered_hide_their_secrets(
    client: TestClient, component: Callable[[str], jsonschema_rs.Validator]
) -> None:
    said = {"hub_token": CANARY, "push_to_hub": True, "evaluation_strategy": "no", "seed": 7}
    answer = client.post("/settings", json=said)
    assert answer.status_code == 200 and CANARY not in answer.text
    assert answer.json()["seed"] == 7 and answer.json()["hub_token"] == "**********"
    assert component("TrainingArguments-Output").is_valid(answer.json())
    job = client.post("/job", json={"train": said})
    assert job.status_code == 200 and CANARY not in job.text
    assert component("Job-Output").is_valid(job.json())
    assert CANARY not in client.post("/list", json=[said]).text


def test_the_environment_is_no_part_of_a_body(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSPEC_SEED", "7")
    monkeypatch.setenv("TRAINSPEC_LEARNING_RAT", "1")
    assert client.post("/settings", json={}).json()["seed"] == 42
    assert client.post("/job", json={"train": {}}).json()["train"]["seed"] == 42
    assert client.post("/embedded", json={"args": {}}).json() == 42
    assert client.post("/two", json={"first": {}, "second": {"seed": 1}}).json() == [42, 1]
    assert client.get("/query").status_code == client.post("/form", data={}).status_code == 200


def test_text_of_a_query_or_a_form_is_no_number(client: TestClient) -> None:
    """A document's types are never guessed, and nothing tells a model that its values came from a query."""
    for answer in (
        client.get("/query", params={"output_dir": "out"}),
        client.post("/form", data={"output_dir": "out"}),
    ):
        assert (answer.status_code, answer.json()) == (200, "out")
    for answer in (client.get("/query", params={"seed": "7"}), client.post("/form", data={"seed": "7"})):
        assert list(faults(answer)) == ["VAL101"]
        assert "seed must be a whole number >= 0" in answer.json()["detail"][0]["msg"]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application in the README, as who tries it writes it into a file."""
    text = (Path(__file__).parents[4] / "README.md").read_text()
    start = text.index("# api.py\n")
    (tmp_path / "api_of_the_readme.py").write_text(text[start : text.index("```", start)])
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("api_of_the_readme").app  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore::trainspec.settings.diagnostics.SettingsWarning")
def test_the_example_of_the_readme_tells_no_secret_of_a_body_that_lacks_something_else(example: FastAPI) -> None:
    client = TestClient(example)
    said = {"hub_token": CANARY, "push_to_hub": True}
    refused = client.post("/jobs", json={"train": {**said, **BROKEN}})
    assert faults(refused) == {"missing": ["body", "name"], "PRE101": ["body", "train", "bf16"]}
    accepted = client.post("/jobs", json={"name": "first", "train": said})
    assert accepted.status_code == 200 and accepted.json()["train"]["hub_token"] == "**********"
    assert CANARY not in refused.text + accepted.text
