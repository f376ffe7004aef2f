"""The schemas as data and as the text that is published."""

from pathlib import Path
from typing import Any

import pytest
from tests.answers.conftest import as_json

from trainspec import Settings, TrainingArguments
from trainspec.answers.schema import schema

SCHEMAS = Path(__file__).parents[2] / "schemas"
PUBLISHED: dict[str, tuple[Any, Any]] = {
    "trainspec.schema.json": ("file", "7"),
    "trainspec.2020-12.schema.json": ("file", "2020-12"),
    "trainspec.environment.schema.json": ("env", "2020-12"),
    "trainspec.diagnostics.schema.json": ("diagnostics", "7"),
}


@pytest.mark.parametrize(("name", "asked"), PUBLISHED.items(), ids=PUBLISHED)
def test_a_schema_is_the_published_one(name: str, asked: tuple[Any, Any]) -> None:
    what, draft = asked
    found = schema(what, TrainingArguments, draft)
    assert found.text == (SCHEMAS / name).read_text()
    assert as_json(found)["$schema"].startswith(("http://json-schema.org/", "https://json-schema.org/"))


class Own(Settings):
    """Settings of a team."""

    depth: int = 3


@pytest.mark.parametrize(("what", "name"), [("file", "depth"), ("env", "TRAINSPEC_DEPTH")])
def test_a_class_of_ones_own(what: Any, name: str) -> None:
    properties = as_json(schema(what, Own))["properties"]
    assert name in properties and not {"seed", "TRAINSPEC_SEED"} & properties.keys()
