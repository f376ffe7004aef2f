"""Values with their secrets taken out, for what people, logs and files get to see."""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from trainspec.settings.values.representation import represented
from trainspec.settings.values.secret_types import holds_secret, is_secret_value, secret_names
from trainspec.settings.values.shape import shape_of
from trainspec.text.containers import is_collection, is_dataclass, is_mapping
from trainspec.text.redaction import HIDDEN, show_value


def shown(name: str, value: Any, *, secret: bool) -> str:
    """The value as text for a person; `secret` hides all of it."""
    return (
        HIDDEN
        if secret and value is not None
        else show_value(name, without_secrets(value), lambda inner: represented("", inner))
    )


def secrets_in(value: Any) -> frozenset[str]:
    """The fields of a model or dataclass that are secrets, by their type or by what they hold."""
    cls = type(value)
    by_type = shape_of(cls).secrets if isinstance(value, BaseModel) else secret_names(cls)
    return by_type | {name for name in fields_of(value) if is_secret_value(getattr(value, name))}


def without_secrets(value: Any) -> Any:
    """The value with the placeholder in place of each secret; the very value where it holds none."""
    if is_secret_value(value):
        return placeholder(value)
    if isinstance(value, BaseModel):
        return _model_without_secrets(value)
    if is_dataclass(value):
        return _dataclass_without_secrets(value)
    return _rebuilt(value, without_secrets)


def apart_from_secrets(value: Any) -> Any:
    """What is compared of a value: whether a secret was said, and which, is no part of it."""
    if is_secret_value(value):
        return HIDDEN
    if isinstance(value, BaseModel) or (is_dataclass(value) and _may_hold_secrets(value)):
        secret = secrets_in(value)
        held = {name: apart_from_secrets(getattr(value, name)) for name in fields_of(value) if name not in secret}
        return type(value), held, apart_from_secrets(getattr(value, "__pydantic_private__", None))
    if is_mapping(value):
        return {key: apart_from_secrets(item) for key, item in value.items() if not is_secret_value(item)}
    if is_collection(value) and not isinstance(value, set | frozenset):
        return [type(value), *map(apart_from_secrets, value)]
    return without_secrets(value)


def placeholder(value: Any) -> Any:
    """What stands where a secret was; of several, for each of them. Null says that there was none."""
    if is_secret_value(value):
        hidden: Any = HIDDEN.encode() if isinstance(value, SecretBytes) else HIDDEN
        return type(value)(hidden)
    if is_mapping(value) or is_collection(value):
        return _rebuilt(value, placeholder)
    return None if value is None else SecretStr(HIDDEN)


def fields_of(value: Any) -> list[str]:
    """The names of what a model holds, its extra keys too, or a dataclass."""
    if isinstance(value, BaseModel):
        declared = [name for name in type(value).__pydantic_fields__ if name in value.__dict__]
        return [*declared, *(value.__pydantic_extra__ or ())]
    return [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]


def _masked_fields(value: Any, held: dict[str, Any]) -> dict[str, Any]:
    """The fields that look another way without secrets."""
    secret = secrets_in(value)
    masked = {name: placeholder(item) if name in secret else without_secrets(item) for name, item in held.items()}
    return {name: item for name, item in masked.items() if item is not held[name]}


def _model_without_secrets(model: BaseModel) -> BaseModel:
    fields = _masked_fields(model, dict(model.__dict__))
    # Extra keys and private attributes are no fields, and are written into a pickle all the same.
    slots = {name: getattr(model, name, None) for name in ("__pydantic_extra__", "__pydantic_private__")}
    changed = {name: new for name, held in slots.items() if (new := _rebuilt(held, without_secrets)) is not held}
    if not fields and not changed:
        return model
    masked = model.model_copy()
    masked.__dict__.update(fields)
    for name, held in changed.items():
        object.__setattr__(masked, name, held)
    return masked


def _dataclass_without_secrets(value: Any) -> Any:
    fields = _masked_fields(value, {name: getattr(value, name) for name in fields_of(value)})
    if not fields:
        return value
    masked = copy.copy(value)
    for name, item in fields.items():
        object.__setattr__(masked, name, item)
    return masked


def _may_hold_secrets(value: Any) -> bool:
    return holds_secret(type(value)) or without_secrets(value) is not value


def _rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """A container with each item changed; the very value where no item is, or where it is no container."""
    if is_mapping(value):
        pairs = {without_secrets(key): change(item) for key, item in value.items()}
        same = all(key in value and pairs[key] is value[key] for key in pairs) and len(pairs) == len(value)
        return value if same else _mapping_like(value, pairs)
    if not is_collection(value):
        return value
    items = [change(item) for item in value]
    same = all(new is old for new, old in zip(items, value, strict=True))
    return value if same else _collection_like(value, items)


def _mapping_like(value: Any, pairs: dict[Any, Any]) -> Any:
    if type(value) is dict or not isinstance(value, dict):
        return pairs
    # Of a class of its own, with a factory or an order to keep.
    new = copy.copy(value)
    new.clear()
    new.update(pairs)
    return new


def _collection_like(value: Any, items: list[Any]) -> Any:
    if isinstance(value, tuple):
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, deque):
        return deque(items, value.maxlen)
    return set(items) if isinstance(value, set) else frozenset(items) if isinstance(value, frozenset) else items
