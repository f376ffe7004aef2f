"""What pydantic knows of a field, and authors add to it, is kept in every schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from annotated_types import Len
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    WithJsonSchema,
)
from pydantic.json_schema import SkipJsonSchema
from tests.settings.views.schema.judging import takes

from trainspec import Rule, Settings
from trainspec.export import environment_schema
from trainspec.export.json_schema import settings_schema
from trainspec.settings.rules.predicates import above
from trainspec.settings.sections.fsdp import FSDPConfig


class Lora(BaseModel):
    r: int = 8
    """Rank."""


@dataclass
class Point:
    x: int = 0


class Names(RootModel[list[str]]):
    """A list."""


class Inner(Settings):
    low: int = 0
    high: int = 1
    order = Rule(code="ACME102", name="order", message="low is 9", reason="", fix="lower it", when=above("low", 8))


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


class Paired(Settings):
    pair: tuple[int, str] | None = None


class Kinds(Settings):
    """Fields of every kind that only pydantic knows."""

    model_config = ConfigDict(json_schema_extra={"x-owner": "acme"}, title="All kinds")

    lora: Lora = Lora()
    point: Point = Field(default_factory=Point)
    pairs: list[tuple[int, Lora]] = []  # noqa: RUF012
    some: set[int] = Field(default_factory=set)
    names: Names | None = None
    inner: Inner | None = None
    by_number: dict[int, str] = {}  # noqa: RUF012
    code: str = Field("a", pattern="^[a-z]+$", max_length=3, title="The code", json_schema_extra={"x-form": "short"})
    even: int = Field(2, multiple_of=2, deprecated="write code")
    few: list[int] = Field([], max_length=2)
    where: Annotated[Any, WithJsonSchema({"type": "string", "const": "here"})] = "here"
    which: Literal["a", 1, None] = None
    rounded: Annotated[int, BeforeValidator(round, json_schema_input_type=float)] = 0
    later: Annotated[int, AfterValidator(abs), Field(ge=-9), "a note"] = 0
    short: Annotated[list[int], Len(0, 2)] = []  # noqa: RUF012
    pet: Cat | Dog = Field(default=Cat(), discriminator="kind")
    key: SecretStr | None = None
    untold: SkipJsonSchema[int] = 0
    rather: int | SkipJsonSchema[None] = None
    child: Kinds | None = None


KINDS: dict[str, tuple[dict[str, Any], bool]] = {
    "a model": ({"lora": {"r": 4}}, True),
    "a model with another type": ({"lora": {"r": "4"}}, False),
    "a model with another key": ({"lora": {"rank": 4}}, False),
    "a dataclass": ({"point": {"x": 1}}, True),
    "a dataclass with another key": ({"point": {"z": 1}}, False),
    "a set": ({"some": [1, 2]}, True),
    "a set of another type": ({"some": ["a"]}, False),
    "a tuple of a model": ({"pairs": [[1, {"r": 1}]]}, True),
    "a tuple of a model with another key": ({"pairs": [[1, {"rank": 1}]]}, False),
    "a tuple that is too long": ({"pairs": [[1, {"r": 1}, 2]]}, False),
    "a root model": ({"names": ["a"]}, True),
    "a root model of another type": ({"names": {"root": ["a"]}}, False),
    "settings inside": ({"inner": {"low": 8}}, True),
    "settings inside with a broken rule": ({"inner": {"low": 9}}, False),
    "a pattern": ({"code": "A"}, False),
    "a length": ({"code": "abcd"}, False),
    "a multiple": ({"even": 3}, False),
    "a longer list": ({"few": [1, 2, 3]}, False),
    "a schema of its own": ({"where": "there"}, False),
    "a literal": ({"which": 1}, True),
    "null among literals": ({"which": None}, True),
    "no literal": ({"which": "b"}, False),
    "one of several by a word": ({"pet": {"kind": "dog"}}, True),
    "none of several": ({"pet": {"kind": "cow"}}, False),
    "what a validator takes": ({"rounded": 1.5}, True),
    "what a validator does not take": ({"rounded": "1"}, False),
    "a bound beside a validator": ({"later": -10}, False),
    "a length by another name": ({"short": [1, 2, 3]}, False),
    "what its author wants told nowhere": ({"untold": 1}, False),
    "a member that is told": ({"rather": 1}, True),
    "a member that is not told": ({"rather": None}, False),
    "itself inside": ({"child": {"child": {"even": 4}}}, True),
    "itself inside, wrong": ({"child": {"child": {"even": 5}}}, False),
}


@pytest.mark.parametrize(("document", "fine"), KINDS.values(), ids=KINDS)
def test_what_pydantic_knows_of_a_field_is_kept(document: dict[str, Any], fine: bool) -> None:
    assert takes(Kinds.model_json_schema(), document) is fine
    assert takes(settings_schema(Kinds, draft="2020-12"), document) is fine


@pytest.mark.parametrize("draft", ["7", "2020-12"])
def test_every_file_of_schemas_can_be_made_of_them(draft: Any) -> None:
    jsonschema.validators.validator_for(made := settings_schema(Kinds, draft=draft)).check_schema(made)
    pairs = made["properties"]["pairs"]["items"]
    assert [place.get("type") for place in pairs["items" if draft == "7" else "prefixItems"]] == ["integer", None]
    assert "TRAINSPEC_PAIR" in environment_schema.render(Paired, draft)["properties"]


def test_what_authors_add_is_kept() -> None:
    schema = Kinds.model_json_schema()["$defs"]["Kinds"]
    assert (schema["title"], schema["x-owner"]) == ("All kinds", "acme")
    assert schema["properties"]["code"] | {"title": "The code", "x-form": "short"} == schema["properties"]["code"]
    assert schema["properties"]["even"]["deprecated"] is True


def test_a_section_tells_its_own_schema() -> None:
    schema = FSDPConfig.model_json_schema()
    assert takes(schema, {"fsdp_version": 1}) and not takes(schema, {"version": 1, "fsdp_version": 1})
