"""Settings as plain data: what the user said, or everything with what follows from it. Never a secret unasked."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from trainspec.text.redaction import redact_url

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


def dump(settings: Settings, *, derived: bool, secrets: bool) -> dict[str, Any]:
    """A JSON-compatible dict, in the order of the fields; secrets are left out unless asked for."""
    cls = type(settings)
    names = cls.__pydantic_fields__ if derived else _said_in_order(settings)
    hidden = frozenset() if secrets else cls.secret_fields()
    return {
        name: plain(getattr(settings, name) if derived else settings.__dict__[name], whole=derived)
        for name in names
        if name not in hidden
    }


def _said_in_order(settings: Settings) -> list[str]:
    return [name for name in type(settings).__pydantic_fields__ if name in settings.__pydantic_fields_set__]


def plain(value: Any, *, whole: bool = False) -> Any:
    """The value without our types: enums as values, sections as dicts (`whole`: with their defaults)."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        return {
            name: plain(getattr(value, name), whole=whole)
            for name in type(value).model_fields
            if whole or name in value.model_fields_set
        }
    if isinstance(value, dict):
        return {_plain_key(key): plain(item, whole=whole) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, whole=whole) for item in value]
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, int | float | bool | None) else str(value)


def _plain_key(key: Any) -> str:
    return str(key.value if isinstance(key, Enum) else key)


def sanitize(settings: Settings) -> dict[str, bool | int | float | str]:
    """Everything that holds, as scalars: what trackers take as hyperparameters."""
    everything = dump(settings, derived=True, secrets=False)
    for name in ("train_batch_size", "eval_batch_size"):
        if hasattr(type(settings), name):
            everything[name] = getattr(settings, name)
    scalars = {
        name: value if isinstance(value, bool | int | float) else str(value) for name, value in everything.items()
    }
    return {name: redact_url(value) if isinstance(value, str) else value for name, value in scalars.items()}


def state_without_secrets(settings: Settings, state: dict[Any, Any]) -> dict[Any, Any]:
    """pydantic's pickling state with secrets taken back to unsaid: a pickle is a file like any other."""
    fields, secret = type(settings).__pydantic_fields__, type(settings).secret_fields()
    stored = dict(state["__dict__"])
    for name in secret & stored.keys():
        stored[name] = fields[name].get_default(call_default_factory=True)
    said = set(state["__pydantic_fields_set__"]) - secret
    return {**state, "__dict__": stored, "__pydantic_fields_set__": said}
