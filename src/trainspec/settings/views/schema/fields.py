"""What one setting may be, as JSON Schema: type, bounds, choices with their descriptions, default, examples."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

from annotated_types import BaseMetadata, Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, Strict, StringConstraints, WrapValidator
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticOmit, PydanticUndefined, core_schema
from typing_extensions import is_typeddict

from trainspec.settings.sections.section import Section
from trainspec.settings.sources.renames import RETIRED_VALUES
from trainspec.settings.values.choice_descriptions import describe_choice
from trainspec.settings.values.foreign_types import is_dtype
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.secret_types import is_secret_type
from trainspec.settings.values.shape import shape_of
from trainspec.settings.values.types import OptionWords
from trainspec.settings.views.dumping import default_without_secrets, plain
from trainspec.settings.views.schema.conditions import old_keys
from trainspec.settings.views.schema.old_values import of_other_types
from trainspec.settings.views.schema.text_patterns import NAME
from trainspec.text.redaction import HIDDEN

Schema = dict[str, Any]
Reader = Literal["editors", "tools", "models", "dumps"]
"""Whom a schema is for: language servers, other readers of files, pydantic's callers, and readers of what it dumps."""

_UNIONS = (Union, types.UnionType)
_LIMITS = {
    Ge: ("ge", "minimum"),
    Gt: ("gt", "exclusiveMinimum"),
    Le: ("le", "maximum"),
    Lt: ("lt", "exclusiveMaximum"),
    MultipleOf: ("multiple_of", "multipleOf"),
}
_KNOWN = (*_LIMITS, MinLen, MaxLen, Strict, StringConstraints, AfterValidator)
# Blanks around a value are no part of it, so the patterns of the model stand between blanks here.
_OURS = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^\s*[^\u0000-\u001f\u007f]*\s*$"
_NAME = NAME["pattern"]
_PLACEHOLDER: Schema = {"pattern": f"^(?:{HIDDEN.replace('*', '[*]')})?$"}

_USUAL: Any = getattr(BaseModel.__get_pydantic_json_schema__, "__func__", None)


class Definitions(Protocol):
    """Where definitions go that fields refer to."""

    def refer(self, model: type[Any], make: Callable[[], Schema]) -> Schema:
        """A reference to the definition of a class, made at its first use."""

    def other(self, annotation: Any) -> Schema:
        """What pydantic says of a type that is none of ours."""


class FieldSchemas:
    """Renders fields, and the sections they refer to as definitions."""

    def __init__(self, definitions: Definitions, reader: Reader) -> None:
        self._definitions = definitions
        self._reader = reader
        self._sections: dict[type[Any], Schema] = {}

    @property
    def for_editors(self) -> bool:
        """Whether the words of language servers may be used."""
        return self._reader == "editors"

    @property
    def in_full(self) -> FieldSchemas:
        """The same with every choice where it may be said, for who reads the schemas and not the definitions."""
        return self if self._of_files else FieldSchemas(self._definitions, "tools")

    @property
    def _of_files(self) -> bool:
        return self._reader in ("editors", "tools")

    @property
    def _of_dumps(self) -> bool:
        return self._reader == "dumps"

    def of_all(self, named: Mapping[str, FieldInfo], *, inside: bool = False) -> dict[str, Schema]:
        """The properties of a class; none that its author tells nobody of. `inside` a setting nothing is old."""
        found = {}
        for name, info in named.items():
            with suppress(PydanticOmit):
                found[name] = self.field(name, info, inside=inside)
        return found

    def field(self, name: str, info: FieldInfo, *, inside: bool = False) -> Schema:
        """One property: what it may be, and all that a person wants to know about it."""
        schema = self._type_of(name, info)
        old = [] if self._of_dumps or inside else of_other_types(name, self.deprecation)
        if old:
            schema = {"anyOf": [*(schema["anyOf"] if [*schema] == ["anyOf"] else [schema]), *old]}
        head: Schema = {"title": info.title or titled(name), "description": info.description or titled(name)}
        if self.for_editors:
            for choice in _all_choices(schema):
                # Over a choice editors show this alone, so it tells of the setting too.
                choice["markdownDescription"] = f"{head['description']}\n\n`{choice['const']}`: {choice['description']}"
        if not info.is_required():
            head["default"] = plain(default_without_secrets(info))
        examples = [plain(example) for example in info.examples or () if example is not None]
        if examples:
            head["examples"] = examples
        if info.deprecated:
            head |= self.deprecation(info.deprecation_message or f"{name} is deprecated")
        # Beside a reference other keywords of draft-07 would not count.
        found = {**head, **({"allOf": [schema]} if "$ref" in schema and self.for_editors else schema)}
        return _with_extra(found, info)

    def _type_of(self, name: str, info: FieldInfo) -> Schema:
        if info.discriminator is not None:
            return self._definitions.other(Annotated[info.annotation, Field(discriminator=info.discriminator)])
        return self.of(info.annotation, tuple(info.metadata), name)

    def of(self, annotation: Any, metadata: tuple[Any, ...] = (), name: str = "") -> Schema:
        """The schema of an annotation with its constraints."""
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *more = get_args(annotation)
            return self.of(inner, (*more, *metadata), name)
        lazy = next((item for item in metadata if isinstance(item, LazySection)), None)
        if lazy is not None:
            return self.section(lazy.model())
        ours = next((item for item in metadata if _adds_to_schemas(item)), None)
        if ours is not None:
            inner = self.of(annotation, tuple(item for item in metadata if item is not ours), name)
            found: Schema = ours.__get_pydantic_json_schema__(core_schema.any_schema(), lambda core: inner)
            return found
        if not all(map(_is_known, _constraints(metadata))):
            return self._definitions.other(Annotated[annotation, *metadata])
        if origin in _UNIONS:
            return {"anyOf": list(self._members(get_args(annotation), metadata, name))}
        if origin is Literal:
            return _literal(get_args(annotation), described=self._of_files)
        if origin is not None:
            return self._container(annotation, origin, metadata, name)
        return self._plain(annotation, metadata, name)

    def _members(self, annotations: tuple[Any, ...], metadata: tuple[Any, ...], name: str) -> Iterator[Schema]:
        for member in annotations:
            with suppress(PydanticOmit):
                yield self.of(member, metadata, name)

    def _container(self, annotation: Any, origin: Any, metadata: tuple[Any, ...], name: str) -> Schema:
        arguments = get_args(annotation)
        if isinstance(origin, type):
            if issubclass(origin, Mapping) and arguments[:1] in ((), (str,), (Any,)):
                values = self.of(arguments[1]) if len(arguments) == 2 else {}
                lengths = _lengths(metadata, "minProperties", "maxProperties")
                return {"type": "object", "additionalProperties": values or True, **lengths}
            if issubclass(origin, tuple) and arguments and Ellipsis not in arguments:
                return self._tuple(arguments)
            if issubclass(origin, Sequence | Set):
                once: Schema = {"uniqueItems": True} if issubclass(origin, Set) else {}
                items = self.of(arguments[0], name=name)
                return {"type": "array", "items": items, **once, **_lengths(metadata, "minItems", "maxItems")}
            if is_secret_type(origin) and self._of_dumps:
                return self._secret()
        return self._other(annotation, metadata)

    def _tuple(self, arguments: tuple[Any, ...]) -> Schema:
        places = "items" if self.for_editors else "prefixItems"
        number = len(arguments)
        return {"type": "array", places: list(map(self.of, arguments)), "minItems": number, "maxItems": number}

    def _plain(self, annotation: Any, metadata: tuple[Any, ...], name: str) -> Schema:
        if annotation is None or annotation is type(None):
            return {"type": "null"}
        if annotation is Any:
            return {}
        simple = {bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}.get(annotation)
        if simple is not None:
            return {"type": simple, **_bounds(metadata)}
        if annotation is str:
            return _text(metadata)
        if isinstance(annotation, type):
            if is_secret_type(annotation):
                return self._secret()
            if issubclass(annotation, Enum):
                return self._enum(annotation, name)
            if self._is_rendered_here(annotation):
                return self.section(annotation)
            if is_dtype(annotation):
                return {"type": "string"}
        return self._other(annotation, metadata)

    def _other(self, annotation: Any, metadata: tuple[Any, ...]) -> Schema:
        try:
            return self._definitions.other(Annotated[annotation, *metadata] if metadata else annotation)
        except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
            # Values that Python code alone can give: no document can.
            return {"not": {}}

    def _secret(self) -> Schema:
        if self._of_files:
            return {"type": "string"}
        marks: Schema = {"type": "string", "format": "password", "writeOnly": True}
        return {**marks, **_PLACEHOLDER} if self._of_dumps else marks

    def _is_rendered_here(self, cls: type[Any]) -> bool:
        """Whether documents of a class with keys are told of here; what it dumps, or says of itself, pydantic tells.

        Here, since inside settings such classes take no other keys and no other types, as settings do.
        """
        if issubclass(cls, Section):
            return True
        if self._of_dumps:
            return False
        if not issubclass(cls, BaseModel):
            return is_dataclass(cls) or is_typeddict(cls)
        if cls.__pydantic_root_model__ or cls.model_config.get("json_schema_extra"):
            return False
        says: Any = cls.__get_pydantic_json_schema__
        return says.__func__ is _USUAL

    def _enum(self, enum: type[Enum], name: str) -> Schema:
        old = [] if self._of_dumps else self._old_choices(name)
        if self._of_files:
            schema = _choices([(member.value, describe_choice(member)) for member in enum])
            schema["oneOf"] += old
            return schema
        # Among pydantic's definitions an enum is one, by which people's tools name a type.
        said = self._definitions.other(enum)
        return {"anyOf": [said, *old]} if old else said

    def _old_choices(self, name: str) -> list[Schema]:
        """Values of other years that still work, marked."""
        return [
            {
                "const": old,
                "description": f"Old value: write {retired.becomes}.",
                **self.deprecation(f"{old} became {retired.becomes}"),
            }
            for old, retired in RETIRED_VALUES.get(name, {}).items()
            if isinstance(old, str) and isinstance(retired.becomes, str)
        ]

    def deprecation(self, message: str) -> Schema:
        """The marks of a deprecated name or value, in the words of the dialect's readers."""
        return {"deprecated": True, "deprecationMessage": message} if self.for_editors else {"deprecated": True}

    def section(self, model: type[Any]) -> Schema:
        """A reference to the definition of a section."""
        return self._definitions.refer(model, lambda: self.section_itself(model))

    def keys(self, model: type[Any]) -> Mapping[str, Schema]:
        """What each key of a section may be."""
        properties: Mapping[str, Schema] = self.section_itself(model)["properties"]
        return properties

    def section_itself(self, model: type[Any]) -> Schema:
        """The definition of a section, not a reference to it."""
        if model not in self._sections:
            self._sections[model] = self._section(model, shape_of(model).judge_model)
        return self._sections[model]

    def _section(self, cls: type[Any], model: type[BaseModel]) -> Schema:
        told = self.of_all(model.model_fields, inside=True)
        properties = {_key(model, name, model.model_fields[name]): schema for name, schema in told.items()}
        required = [_key(model, name, info) for name, info in model.model_fields.items() if info.is_required()]
        about = _docstring(cls) or f"Keys of {cls.__name__}."
        old = {spelled: name for name in properties for spelled in old_keys(model, name) if not self._of_dumps}
        properties |= {
            spelled: {**properties[name], **self.deprecation(f"write {name}")} for spelled, name in old.items()
        }
        schema: Schema = {
            "title": model.model_config.get("title") or cls.__name__,
            "description": about,
            "type": "object",
            "additionalProperties": model.model_config.get("extra") in ("allow", "ignore"),
            "properties": properties,
        }
        if required:
            schema["required"] = required
        return {**schema, "allOf": [one_name(*names) for names in old.items()]} if old else schema


def one_name(old: str, new: str) -> Schema:
    """A setting stands under one of its names; which of two would hold no schema can tell."""
    return {"type": "object", "not": {"type": "object", "properties": {old: {}, new: {}}, "required": [old, new]}}


def titled(name: str) -> str:
    """A name as a heading: learning_rate is Learning rate."""
    return name.replace("_", " ").capitalize()


def _docstring(cls: type[Any]) -> str:
    """The first line of a docstring; the signature that `@dataclass` writes is none."""
    written = (cls.__doc__ or "").strip().partition("\n")[0]
    return "" if written.startswith(f"{cls.__name__}(") else written


def _key(model: type[BaseModel], name: str, info: FieldInfo) -> str:
    """What a document writes for a field: its alias, where the model is not read by the names of its fields."""
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return name if by_name or not isinstance(info.validation_alias, str) else info.validation_alias


def _with_extra(schema: Schema, info: FieldInfo) -> Schema:
    """What the author of a field adds to its schema."""
    extra = info.json_schema_extra
    if callable(extra):
        extra(schema)
        return schema
    return {**schema, **(extra or {})}


def _literal(values: tuple[Any, ...], *, described: bool) -> Schema:
    said = [value for value in values if value is not None]
    choices: Schema = _choices([(value, "") for value in said]) if described else {"enum": said}
    return {"anyOf": [choices, {"type": "null"}]} if None in values else choices


def _choices(values: list[tuple[Any, str]]) -> Schema:
    return {"oneOf": [{"const": value, "description": text or f"The value {value}."} for value, text in values]}


def _all_choices(schema: Schema) -> list[Schema]:
    """The choices of a field, also of the items of its list."""
    items = schema.get("items", [])
    found: list[Schema] = [choice for choice in schema.get("oneOf", ()) if {"const", "description"} <= choice.keys()]
    # In the editors' dialect a tuple's items are a list.
    for inner in (*schema.get("anyOf", ()), *(items if isinstance(items, list) else [items])):
        found += _all_choices(inner)
    return found


def _constraints(metadata: tuple[Any, ...]) -> list[Any]:
    flat: list[Any] = []
    for item in metadata:
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    return flat


def _is_known(item: Any) -> bool:
    """Whether a constraint is rendered here or says nothing to a schema; of others pydantic knows what they say."""
    if isinstance(item, BeforeValidator | WrapValidator):
        return item.json_schema_input_type is PydanticUndefined
    if isinstance(item, _KNOWN):
        return True
    if isinstance(item, BaseMetadata | GroupedMetadata):
        # What pydantic makes of Field(pattern=..., strict=...) has no class of its own in public.
        return hasattr(item, "__dict__") and vars(item).keys() <= {"pattern", "strict"}
    return not hasattr(item, "__get_pydantic_core_schema__") and not hasattr(item, "__get_pydantic_json_schema__")


def _adds_to_schemas(item: Any) -> bool:
    """Whether an annotation of our own restricts what stands there, whatever that is."""
    return type(item).__module__.startswith("trainspec.") and hasattr(item, "__get_pydantic_json_schema__")


def _bounds(metadata: tuple[Any, ...]) -> Schema:
    found: Schema = {}
    for constraint in _constraints(metadata):
        for bound, (attribute, keyword) in _LIMITS.items():
            if isinstance(constraint, bound):
                found[keyword] = getattr(constraint, attribute)
    return found


def _lengths(metadata: tuple[Any, ...], least: str, most: str) -> Schema:
    constraints = _constraints(metadata)
    shortest = [(least, item.min_length) for item in constraints if isinstance(item, MinLen)]
    longest = [(most, item.max_length) for item in constraints if isinstance(item, MaxLen)]
    return dict(shortest + longest)


def _text(metadata: tuple[Any, ...]) -> Schema:
    constraints = _constraints(metadata)
    options = next((item for item in constraints if isinstance(item, OptionWords)), None)
    if options is not None:
        words = "|".join(str(choice.value) for choice in options.choices)
        return {"type": "string", "pattern": rf"^[\s,]*(({words})([\s,]+|$))*$"}
    least = max((getattr(item, "min_length", None) or 0 for item in constraints), default=0)
    most = [length for item in constraints if (length := getattr(item, "max_length", None)) is not None]
    patterns = [pattern for item in constraints if (pattern := getattr(item, "pattern", None)) is not None]
    if patterns in ([], [_OURS]) and least <= 1 and not most:
        pattern = _NAME if least else _TEXT
        return {"type": "string", "pattern": pattern} if patterns or least else {"type": "string"}
    found: Schema = {"type": "string", **({"minLength": least} if least else {})}
    if most:
        found["maxLength"] = min(most)
    if patterns:
        found["pattern"] = getattr(patterns[-1], "pattern", patterns[-1])
    return found
