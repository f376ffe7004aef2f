"""What one setting may be, as JSON Schema: type, bounds, choices with their descriptions, default, examples."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from trainspec.export.condition_schema import null_says_nothing, old_keys
from trainspec.settings.sources.renames import RETIRED_VALUES
from trainspec.settings.values.choice_descriptions import describe_choice
from trainspec.settings.values.declared import Declared, declared_in
from trainspec.settings.values.foreign_types import is_dtype
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.secret_types import is_secret_type
from trainspec.settings.values.shape import shape_of
from trainspec.settings.values.types import OptionWords
from trainspec.settings.views.dumping import default_without_secrets, plain

Schema = dict[str, Any]

_SCALARS = (str, int, float, bool)
_UNIONS = (Union, types.UnionType)
_BOUNDS = {Ge: ("ge", "minimum"), Gt: ("gt", "exclusiveMinimum"), Le: ("le", "maximum"), Lt: ("lt", "exclusiveMaximum")}
# Blanks around a value are no part of it, so the patterns of the model stand between blanks here.
_TEXT = r"^\s*[^\u0000-\u001f\u007f]*\s*$"
_NAME = r"^\s*[^\u0000-\u001f\u007f\s][^\u0000-\u001f\u007f]*\s*$"


class FieldSchemas:
    """Renders fields, collecting the sections they refer to as definitions."""

    def __init__(self, definitions: str, *, for_editors: bool) -> None:
        self._place = definitions
        self._for_editors = for_editors
        self.definitions: dict[str, Schema] = {}

    def field(self, name: str, info: FieldInfo) -> Schema:
        """One property: what it may be, and all that a person wants to know about it."""
        schema = self.of(info.annotation, tuple(info.metadata), name)
        if null_says_nothing(name):
            schema = {"anyOf": [schema, {"type": "null"}]}
        head: Schema = {"title": titled(name), "description": info.description or titled(name)}
        if self._for_editors:
            head["markdownDescription"] = info.description or titled(name)
            for choice in _all_choices(schema):
                # Over a choice editors show this alone, so it tells of the setting too.
                choice["markdownDescription"] = f"{head['description']}\n\n`{choice['const']}`: {choice['description']}"
        if not info.is_required():
            head["default"] = plain(default_without_secrets(info))
        examples = [plain(example) for example in info.examples or () if example is not None]
        if examples:
            head["examples"] = examples
        # Beside a reference other keywords of draft-07 would not count.
        return {**head, **({"allOf": [schema]} if "$ref" in schema else schema)}

    def of(self, annotation: Any, metadata: tuple[Any, ...] = (), name: str = "") -> Schema:
        """The schema of an annotation with its constraints."""
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *more = get_args(annotation)
            return self.of(inner, (*more, *metadata), name)
        lazy = next((item for item in metadata if isinstance(item, LazySection)), None)
        if lazy is not None:
            return self.section(lazy.model())
        if origin in _UNIONS:
            return {"anyOf": [self.of(member, metadata, name) for member in get_args(annotation)]}
        if origin is Literal:
            return _choices([(value, "") for value in get_args(annotation)])
        if origin is not None:
            return self._container(annotation, origin, name, metadata)
        return self._plain(annotation, metadata, name)

    def _container(self, annotation: Any, origin: Any, name: str, metadata: tuple[Any, ...] = ()) -> Schema:
        arguments = get_args(annotation)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            values = self.of(arguments[1]) if len(arguments) == 2 else {}
            return {"type": "object", "additionalProperties": values or True}
        if isinstance(origin, type) and issubclass(origin, list):
            return {"type": "array", "items": self.of(arguments[0], _declared(metadata), name)}
        return _from_pydantic(annotation)

    def _plain(self, annotation: Any, metadata: tuple[Any, ...], name: str) -> Schema:
        if annotation is None or annotation is type(None):
            return {"type": "null"}
        if annotation is Any:
            return {}
        if annotation in _SCALARS and (declared := _declared(metadata)):
            return _choices([(choice, "") for choice in declared[0].choices])
        simple = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}.get(annotation)
        if simple is not None:
            return {"type": simple, **_bounds(metadata)}
        if annotation is str:
            return _text(metadata)
        if isinstance(annotation, type) and is_secret_type(annotation):
            return {"type": "string"}
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return self._enum(annotation, name)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.section(annotation)
        if is_dataclass(annotation) or is_typeddict(annotation):
            return self.section(shape_of(annotation).judge_model)
        return {"type": "string"} if is_dtype(annotation) else _from_pydantic(annotation)

    def _enum(self, enum: type[Enum], name: str) -> Schema:
        schema = _choices([(member.value, describe_choice(member)) for member in enum])
        for old, retired in RETIRED_VALUES.get(name, {}).items():
            if isinstance(old, str) and isinstance(retired.becomes, str):
                entry = {"const": old, "description": f"Old value: write {retired.becomes}."}
                schema["oneOf"].append({**entry, **self.deprecation(f"{old} became {retired.becomes}")})
        return schema

    def deprecation(self, message: str) -> Schema:
        """The marks of a deprecated name or value, in the words of the dialect's readers."""
        return {"deprecated": True, "deprecationMessage": message} if self._for_editors else {"deprecated": True}

    def section(self, model: type[BaseModel]) -> Schema:
        """A reference to the definition of a section, made at its first use."""
        if model.__name__ not in self.definitions:
            self.definitions[model.__name__] = {}
            self.definitions[model.__name__] = self._section(model)
        return {"$ref": f"#/{self._place}/{model.__name__}"}

    def _section(self, model: type[BaseModel]) -> Schema:
        properties = {name: self.field(name, info) for name, info in model.model_fields.items()}
        required = [name for name, info in model.model_fields.items() if info.is_required()]
        about = (model.__doc__ or "").strip().partition("\n")[0] or f"Keys of {model.__name__}."
        old = {spelled: name for name in properties for spelled in old_keys(model, name)}
        properties |= {
            spelled: {**properties[name], **self.deprecation(f"write {name}")} for spelled, name in old.items()
        }
        schema: Schema = {
            "title": model.__name__,
            "description": about,
            "type": "object",
            "additionalProperties": model.model_config.get("extra") in ("allow", "ignore"),
            "properties": properties,
        }
        if required:
            schema["required"] = required
        return {**schema, "allOf": [one_name(*names) for names in old.items()]} if old else schema


def _declared(metadata: tuple[Any, ...]) -> tuple[Declared, ...]:
    """What a dataclass's field says of its choices, where it has some."""
    declared = declared_in(metadata)
    return (declared,) if declared is not None and declared.choices else ()


def _from_pydantic(annotation: Any) -> Schema:
    """What pydantic says of a type; of one whose values only Python code can give, that no document can."""
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True)).json_schema()
    except PydanticInvalidForJsonSchema:
        return {"not": {}}


def one_name(old: str, new: str) -> Schema:
    """A setting stands under one of its names; which of two would hold no schema can tell."""
    return {"type": "object", "not": {"type": "object", "properties": {old: {}, new: {}}, "required": [old, new]}}


def titled(name: str) -> str:
    """A name as a heading: learning_rate is Learning rate."""
    return name.replace("_", " ").capitalize()


def _choices(values: list[tuple[Any, str]]) -> Schema:
    return {"oneOf": [{"const": value, "description": text or f"The value {value}."} for value, text in values]}


def _all_choices(schema: Schema) -> list[Schema]:
    """The choices of a field, also of the items of its list."""
    found: list[Schema] = list(schema.get("oneOf", ()))
    for inner in (*schema.get("anyOf", ()), schema.get("items")):
        found += _all_choices(inner) if inner else []
    return found


def _constraints(metadata: tuple[Any, ...]) -> list[Any]:
    flat: list[Any] = []
    for item in metadata:
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    return flat


def _bounds(metadata: tuple[Any, ...]) -> Schema:
    found: Schema = {}
    for constraint in _constraints(metadata):
        for bound, (attribute, keyword) in _BOUNDS.items():
            if isinstance(constraint, bound):
                found[keyword] = getattr(constraint, attribute)
    return found


def _text(metadata: tuple[Any, ...]) -> Schema:
    constraints = _constraints(metadata)
    options = next((item for item in constraints if isinstance(item, OptionWords)), None)
    if options is not None:
        words = "|".join(str(choice.value) for choice in options.choices)
        return {"type": "string", "pattern": rf"^[\s,]*(({words})([\s,]+|$))*$"}
    named = any(isinstance(item, MinLen) or getattr(item, "min_length", None) for item in constraints)
    patterned = any(isinstance(item, StringConstraints) or getattr(item, "pattern", None) for item in constraints)
    if named:
        return {"type": "string", "pattern": _NAME}
    return {"type": "string", "pattern": _TEXT} if patterned else {"type": "string"}
