"""`model_json_schema()` carries the rules: of settings, of what embeds them, of adapters, as documents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import (
    BaseModel,
    Field,
    TypeAdapter,
)
from pydantic_settings import BaseSettings
from tests.settings.views.schema.judging import takes

from trainspec import Rule, TrainingArguments
from trainspec.export.json_schema import expressed, settings_schema
from trainspec.settings.rules.predicates import above, all_of, on

BROKEN = {"fp16": True, "bf16": True}
GOOD = {"learning_rate": 3e-4, "fp16": True, "evaluation_strategy": "no"}


class Mine(TrainingArguments):
    """Settings of a team."""

    rank: int = 8
    rank_with_fp16 = Rule(
        code="ACME101",
        name="rank-with-fp16",
        message="rank above 64 does not work with fp16",
        reason="it overflows",
        fix="lower rank",
        when=all_of(above("rank", 64), on("fp16")),
    )


class Checkpoint(BaseModel):
    """A name that a section of DeepSpeed has too."""

    path: str = ""


class Job(BaseModel):
    train: TrainingArguments
    again: TrainingArguments | None = None
    several: list[TrainingArguments] = []
    mine: Mine | None = None
    checkpoint: Checkpoint | None = None


class App(BaseSettings):
    train: TrainingArguments
    jobs: dict[str, Job] = {}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_every_rule_that_the_schema_of_files_has_is_in_it() -> None:
    said = {
        rule["$comment"].partition(":")[0]
        for rule in TrainingArguments.model_json_schema()["allOf"]
        if "$comment" in rule
    }
    assert said >= {rule.code for rule in expressed(TrainingArguments)} >= {"PRE101", "CKP101"}


PLACES: dict[str, tuple[Any, Any]] = {
    "itself": (TrainingArguments, lambda document: document),
    "of a subclass": (Mine, lambda document: document),
    "in an app": (App, lambda document: {"train": document}),
    "optional": (Job, lambda document: {"train": {}, "again": document}),
    "in a list": (Job, lambda document: {"train": {}, "several": [{}, document]}),
    "a subclass in an app": (Job, lambda document: {"train": {}, "mine": document}),
    "deep inside": (App, lambda document: {"train": {}, "jobs": {"a": {"train": document}}}),
    "adapted": (list[TrainingArguments | None], lambda document: [None, document]),
    "annotated": (Annotated[TrainingArguments, Field(description="A run.")], lambda document: document),
    "of several": (TrainingArguments | int, lambda document: document),
}


@pytest.mark.parametrize(("model", "around"), PLACES.values(), ids=PLACES)
def test_the_rules_are_there_wherever_settings_stand(model: Any, around: Any) -> None:
    schema = TypeAdapter(model).json_schema()
    assert takes(schema, around(GOOD)) and not takes(schema, around(BROKEN))
    assert not takes(schema, around({"learning_rat": 1}))
    assert not takes(schema, around({"optim": "sgd", "optim_args": {"beta": 1}}))
    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} == schema.get("$defs", {}).keys()


def test_a_subclass_has_its_fields_and_rules_in_it() -> None:
    schema = Mine.model_json_schema()
    assert takes(schema, {"rank": 65}) and not takes(schema, {"rank": 65, "fp16": True})
    assert not takes(schema, {"rank": "8"})
    assert schema["title"] == "Mine" and schema["description"] == "Settings of a team."


def test_pythons_own_validator_judges_alike() -> None:
    schema = App.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"train": GOOD}) and not validator.is_valid({"train": BROKEN})


def test_the_names_of_definitions_are_short_and_take_none_of_the_users() -> None:
    names = Job.model_json_schema()["$defs"].keys()
    assert {"TrainingArguments", "Mine", "Checkpoint", "DeepSpeedCheckpoint", "FSDPConfig", "SGDArguments"} <= names
    assert not [name for name in names if "__" in name]


def test_references_are_where_the_template_says() -> None:
    template = "#/components/schemas/{model}"
    found = set(references(Job.model_json_schema(ref_template=template)))
    assert "#/components/schemas/TrainingArguments" in found
    assert all(ref.startswith("#/components/schemas/") for ref in found)


@pytest.mark.parametrize("by_alias", [True, False])
def test_aliases_make_no_difference_to_names_of_settings(by_alias: bool) -> None:
    assert takes(TrainingArguments.model_json_schema(by_alias=by_alias), GOOD)


def test_the_example_is_a_valid_document_without_a_warning() -> None:
    (example,) = TrainingArguments.model_json_schema()["examples"]
    verdict = TrainingArguments.check(example)
    assert verdict.ok and not verdict.diagnostics and "learning_rate" in example


def test_it_says_each_thing_once() -> None:
    once = len(json.dumps(TrainingArguments.model_json_schema()))
    files = len(json.dumps(settings_schema(draft="2020-12")))
    assert once < files
    assert len(json.dumps(App.model_json_schema())) - len(json.dumps(Mine.model_json_schema())) < once


LAZY = """
import sys
from trainspec import TrainingArguments
from pydantic import BaseModel, TypeAdapter
class App(BaseModel):
    train: TrainingArguments
App.model_validate({"train": {"seed": 7}}); TypeAdapter(TrainingArguments)
assert not [name for name in sys.modules if name.startswith("trainspec.settings.views.schema")]
App.model_json_schema()
assert "trainspec.settings.views.schema.models" in sys.modules
assert not [name for name in sys.modules if name.startswith(("trainspec.export", "torch"))]
"""


@pytest.mark.fully_installed
def test_only_who_asks_for_a_schema_imports_what_makes_it() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)
