"""What `dataclasses.field(metadata={...})` says about a field: its help, its choices, other spellings of its flag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class Declared:
    """Annotation metadata: the mapping of a dataclass's field, of which the choices are held to."""

    __slots__ = ("choices", "metadata")

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata
        said = metadata.get("choices") or ()
        self.choices: tuple[Any, ...] = tuple(_bare(choice) for choice in said)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self._check, schema) if self.choices else schema

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        return _with_choices(found, self.choices) if self.choices else found

    def _check(self, value: Any) -> Any:
        several = isinstance(value, list | tuple | set | frozenset)
        wrong = [one for one in (value if several else (value,)) if not self._takes(one)]
        if wrong:
            raise PydanticCustomError("enum", "{word} is no choice", {"word": str(_bare(wrong[0]))})
        return value

    def _takes(self, value: Any) -> bool:
        # True is no 1, though Python holds them for equal.
        bare = _bare(value)
        return bare is None or any(
            isinstance(bare, bool) == isinstance(one, bool) and bare == one for one in self.choices
        )


def declared_in(metadata: Iterable[Any]) -> Declared | None:
    """What a dataclass's field declared, among a field's annotation metadata: the last word on it."""
    return next((item for item in reversed(tuple(metadata)) if isinstance(item, Declared)), None)


def declare(info: FieldInfo, metadata: Mapping[str, Any]) -> FieldInfo:
    """The field with what a dataclass's field says about it."""
    if metadata:
        info.metadata = [*info.metadata, Declared(metadata)]
    return info


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _with_choices(schema: JsonSchemaValue, choices: tuple[Any, ...]) -> JsonSchemaValue:
    """The schema with its values restricted: of a list, its items; null stays where it may be."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_with_choices(inner, choices) for inner in schema["anyOf"]]}
    if schema.get("type") == "array":
        return {**schema, "items": _with_choices(schema.get("items", {}), choices)}
    return schema if schema.get("type") == "null" else {**schema, "enum": list(choices)}
