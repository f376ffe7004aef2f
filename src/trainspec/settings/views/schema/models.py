"""What pydantic tells of a settings class: `model_json_schema()`, also of what embeds it, and FastAPI's OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from trainspec.settings.judging.judgement import document_context
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.schema.document import described, document_schema
from trainspec.settings.views.schema.fields import FieldSchemas, Schema

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

# Of DeepSpeed's keys, named alone, nobody would know whose they are, and a user's own class may be called the same.
_FAMILIES = {"trainspec.settings.sections.deepspeed": "DeepSpeed"}
_EXAMPLE = ("output_dir", "learning_rate", "per_device_train_batch_size", "num_train_epochs", "lr_scheduler_type")
# A class that is told of already, which a field of its own may name again.
_OPEN: ContextVar[frozenset[type[Any]]] = ContextVar("open", default=frozenset())


def settings_schema(model: type[Settings], core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
    """The schema of documents that a settings class takes, or in mode "serialization" of those that it dumps."""
    with _opened(model):
        if handler.mode == "serialization":
            return _dumped(model, core, handler)
        schema = document_schema(model, _fields(handler))
        example = _example(model)
        return _with_extra({**schema, **({"examples": [example]} if example else {})}, model)


def section_schema(model: type[BaseModel], handler: GetJsonSchemaHandler) -> Schema:
    """The same of a section."""
    return _fields(handler).section_itself(model)


def section_reference(model: type[BaseModel], handler: GetJsonSchemaHandler) -> Schema:
    """A reference to the definition of a section, which is made with it."""
    return _fields(handler).section(model)


def _fields(handler: GetJsonSchemaHandler) -> FieldSchemas:
    return FieldSchemas(_Definitions(handler), "dumps" if handler.mode == "serialization" else "models")


@contextmanager
def _opened(model: type[Any]) -> Iterator[None]:
    token = _OPEN.set(_OPEN.get() | {model})
    try:
        yield
    finally:
        _OPEN.reset(token)


class _Definitions:
    """Definitions among those that pydantic makes: named by it, put where `ref_template` says."""

    def __init__(self, handler: GetJsonSchemaHandler) -> None:
        self._handler = handler
        self._making: set[type[Any]] = set()

    def refer(self, model: type[Any], make: Callable[[], Schema]) -> Schema:
        ref = f"trainspec.{_name(model)}:{id(model)}"
        if model in self._making:
            return self._ask(core_schema.definition_reference_schema(ref))
        self._making.add(model)
        try:
            written = {"pydantic_js_functions": [lambda core, handler: make()]}
            return self._ask(core_schema.any_schema(ref=ref, metadata=written))
        finally:
            self._making.discard(model)

    def other(self, annotation: Any) -> Schema:
        if annotation in _open_classes():
            return self._ask(core_schema.definition_reference_schema(_ref(annotation)))
        return self._ask(TypeAdapter(annotation).core_schema)

    def _ask(self, core: CoreSchema) -> Schema:
        # Asked for a schema itself, a handler makes no definition of it; asked for what is in one, it does.
        return self._handler(core_schema.definitions_schema(core, []))


def _open_classes() -> tuple[type[Any], ...]:
    return tuple(_OPEN.get())


def _ref(model: type[Any]) -> str:
    """What pydantic calls a class among its definitions."""
    return f"{model.__module__}.{model.__qualname__}:{id(model)}"


def _name(model: type[Any]) -> str:
    family = next((name for start, name in _FAMILIES.items() if model.__module__.startswith(start)), "")
    return model.__qualname__ if model.__name__.startswith(family) else f"{family}{model.__name__}"


def _dumped(model: type[Settings], core: CoreSchema, handler: GetJsonSchemaHandler) -> Schema:
    """What `model_dump` gives: every setting as it was said or by default, secrets as placeholders."""
    decorators = model.__pydantic_decorators__
    if decorators.model_serializers:
        return handler(core)
    fields = _fields(handler)
    by_others = {name for one in decorators.field_serializers.values() for name in one.info.fields}
    own = {
        name: info
        for name, info in model.model_fields.items()
        if not (by_others & {name, "*"}) and info.serialization_alias is None and not info.exclude
    }
    properties, required = fields.of_all(own), _always_there(model)
    if len(own) < len(model.model_fields) or decorators.computed_fields:
        usual = handler.resolve_ref_schema(handler(core))
        required = usual.get("required", [])
        properties = {name: properties.get(name, schema) for name, schema in usual.get("properties", {}).items()}
    schema: Schema = {
        "title": model.model_config.get("title") or model.__name__,
        "description": described(model),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    return _with_extra({**schema, **({"required": required} if required else {})}, model)


def _always_there(model: type[Settings]) -> list[str]:
    """As pydantic has it: dumps may leave out defaults, unless the configuration says that they do not."""
    every = model.model_config.get("json_schema_serialization_defaults_required")
    return [name for name, info in model.model_fields.items() if every or info.is_required()]


def _with_extra(schema: Schema, model: type[BaseModel]) -> Schema:
    """What the author of a class adds to its schema."""
    extra = model.model_config.get("json_schema_extra")
    if callable(extra):
        # With the class or without it, as pydantic has it.
        from inspect import signature

        cast("Callable[..., None]", extra)(*(schema, model)[: len(signature(extra).parameters)])
        return schema
    return {**schema, **(extra or {})}


def _example(model: type[Settings]) -> Schema:
    """A document to begin with, which forms offer in place of every setting at once; empty where none is valid."""
    named = {name: info for name, info in model.model_fields.items() if name in _EXAMPLE or info.is_required()}
    wanted = {name: _first(info) for name, info in named.items()}
    document = {name: value for name, value in wanted.items() if value is not None}
    context = document_context(model, document, quiet=True)
    context.says_post_init = False
    try:
        model.__pydantic_validator__.validate_python(context.values, context=context)
    except ValidationError:
        return {}
    return document


def _first(info: FieldInfo) -> Any:
    return next((plain(example) for example in info.examples or () if example is not None), None)
