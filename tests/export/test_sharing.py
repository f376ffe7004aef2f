"""The published schema says once what stands in several rules, and judges as the one that says it each time."""

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema_rs import validator_for
from tests.export.documents import DRAFTS, Documents, schema_of

from trainspec.export.json_schema import file_schema
from trainspec.export.sharing import published, shared

WHOLE = {draft: validator_for(schema_of(draft)) for draft in DRAFTS}
SHARED = {draft: validator_for(file_schema(draft=draft)) for draft in DRAFTS}


@pytest.mark.parametrize("draft", DRAFTS)
@given(document=Documents(schema_of("7")).mutated())
def test_the_verdict_is_the_same(draft: str, document: dict[str, Any]) -> None:
    assert SHARED[draft].is_valid(document) is WHOLE[draft].is_valid(document)


@pytest.mark.parametrize("draft", DRAFTS)
def test_it_is_shorter_and_text_and_schema_agree(draft: str) -> None:
    schema = file_schema(draft=draft)
    assert json.loads(published(schema)) == schema
    assert len(json.dumps(schema)) < 0.95 * len(json.dumps(schema_of(draft)))


def test_what_stands_once_stays_where_it_is() -> None:
    schema = {"allOf": [{"if": {"type": "object", "required": ["a" * 200]}}], "definitions": {}}
    assert shared(schema, "definitions") == schema


def test_what_stands_twice_is_one_definition() -> None:
    part = {"type": "object", "required": ["a" * 200]}
    found = shared({"allOf": [{"if": part}, {"if": {"not": part}}], "definitions": {"X": {}}}, "definitions")
    reference = {"$ref": "#/definitions/condition-1"}
    assert found["allOf"] == [{"if": reference}, {"if": {"not": reference}}]
    assert found["definitions"] == {"X": {}, "condition-1": part}
