"""Settings as plain data: what the user said, or everything with what follows from it. Never a secret unasked."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from trainspec.settings.values.foreign_types import name_of
from trainspec.settings.values.masking import fields_of, placeholder, secrets_in, without_secrets
from trainspec.settings.values.secret_types import is_secret, is_secret_value
from trainspec.text.containers import is_collection, is_dataclass, is_mapping
from trainspec.text.redaction import HIDDEN, redact_url, redacted

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


def dump(settings: Settings, *, derived: bool, secrets: bool) -> dict[str, Any]:
    """A JSON-compatible dict, in the order of the fields; secrets are left out unless asked for."""
    names = type(settings).__pydantic_fields__ if derived else _said_in_order(settings)
    hidden = frozenset() if secrets else secrets_in(settings)
    return {
        name: plain(getattr(settings, name) if derived else settings.__dict__[name], whole=derived, secrets=secrets)
        for name in names
        if name not in hidden
    }


def _said_in_order(settings: Settings) -> list[str]:
    return [name for name in type(settings).__pydantic_fields__ if name in settings.__pydantic_fields_set__]


def plain(value: Any, *, whole: bool = False, secrets: bool = False) -> Any:
    """The value without our types: enums as values, sections as dicts (`whole`: with their defaults).

    A secret is left out of what has keys, and its placeholder stands where a value must be; `secrets` asks for the
    plain text.
    """
    if isinstance(value, Enum):
        return value.value
    if is_secret_value(value):
        return _revealed(value.get_secret_value()) if secrets else HIDDEN
    if isinstance(value, BaseModel) and value.__pydantic_root_model__:
        return plain(value.__dict__["root"], whole=whole, secrets=secrets)
    if isinstance(value, BaseModel) or is_dataclass(value):
        return _plain_fields(value, whole, secrets)
    if is_mapping(value):
        kept = {key: item for key, item in value.items() if secrets or not is_secret_value(item)}
        return {_plain_key(key, secrets): plain(item, whole=whole, secrets=secrets) for key, item in kept.items()}
    if is_collection(value) or isinstance(value, range):
        return [plain(item, whole=whole, secrets=secrets) for item in value]
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, int | float | bool | None) else name_of(value) or str(value)


def _plain_fields(value: Any, whole: bool, secrets: bool) -> dict[str, Any]:
    """The fields of a model or dataclass under the names that they are read by."""
    hidden = frozenset() if secrets else secrets_in(value)
    found = {}
    for name in _names_in(value, whole):
        held = getattr(value, name)
        if name in hidden:
            if not _is_required(type(value), name):
                continue
            held = placeholder(held)
        found[_written_name(type(value), name)] = plain(held, whole=whole, secrets=secrets)
    return found


def _is_required(cls: type[Any], name: str) -> bool:
    """Whether a field has no default; an extra key is never required."""
    if issubclass(cls, BaseModel):
        return name in cls.__pydantic_fields__ and cls.__pydantic_fields__[name].is_required()
    missing = {field.name for field in dataclasses.fields(cls) if field.default is field.default_factory}
    return name in missing


def _written_name(cls: type[Any], name: str) -> str:
    """What a document says for a field: its alias, where the model is not read by the names of its fields."""
    if not issubclass(cls, BaseModel) or name not in cls.__pydantic_fields__:
        return name
    if any(cls.model_config.get(key) for key in ("populate_by_name", "validate_by_name")):
        return name
    alias = cls.__pydantic_fields__[name].validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return next((choice for choice in choices if isinstance(choice, str)), name)


def _revealed(secret: Any) -> Any:
    return secret.decode() if isinstance(secret, bytes) else plain(secret, secrets=True)


def _names_in(value: Any, whole: bool) -> list[str]:
    """The fields of a model, those that were said unless `whole`; of a dataclass, which does not tell, all."""
    if isinstance(value, BaseModel):
        extra = value.__pydantic_extra__ or {}
        return [name for name in fields_of(value) if whole or name in value.model_fields_set or name in extra]
    return [field.name for field in dataclasses.fields(value) if field.init]


def default_without_secrets(info: FieldInfo) -> Any:
    """The default of a field, as it may be shown."""
    value = info.get_default(call_default_factory=True)
    return placeholder(value) if is_secret(info.annotation) else without_secrets(value)


def _plain_key(key: Any, secrets: bool) -> str:
    bare = key.value if isinstance(key, Enum) else key
    return str(plain(bare, secrets=secrets) if is_secret_value(bare) else bare)


def sanitize(settings: Settings) -> dict[str, bool | int | float | str]:
    """Everything that holds, as scalars: what trackers take as hyperparameters."""
    everything = {name: redacted("", item) for name, item in dump(settings, derived=True, secrets=False).items()}
    for name in ("train_batch_size", "eval_batch_size"):
        if hasattr(type(settings), name):
            everything[name] = getattr(settings, name)
    scalars = {
        name: value if isinstance(value, bool | int | float) else str(value) for name, value in everything.items()
    }
    return {name: redact_url(value) if isinstance(value, str) else value for name, value in scalars.items()}


def state_without_secrets(settings: Settings, state: dict[Any, Any]) -> dict[Any, Any]:
    """pydantic's pickling state without secrets: a pickle is a file like any other.

    One that has a default is unsaid again; where a value must stand, it is the placeholder.
    """
    fields, secret = type(settings).__pydantic_fields__, secrets_in(settings)
    stored = {
        name: placeholder(value) if name in secret else without_secrets(value)
        for name, value in state["__dict__"].items()
        if name not in secret or fields[name].is_required()
    }
    slots = {name: without_secrets(state[name]) for name in ("__pydantic_extra__", "__pydantic_private__")}
    said = set(state["__pydantic_fields_set__"]) - secret
    return {**state, **slots, "__dict__": stored, "__pydantic_fields_set__": said}
