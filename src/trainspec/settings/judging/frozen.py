"""What may not change once it is made: settings of a class that is frozen, and single frozen fields."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import validation_error

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

_HASHABLE = (str, int, float, bool, Enum, type(None))


def refuse_changes(cls: type[Settings], names: Iterable[str]) -> None:
    """Raises ValidationError where settings of this class keep what stands under one of these names."""
    fields, whole = cls.__pydantic_fields__, bool(cls.model_config.get("frozen"))
    kept = [name for name in names if whole or (name in fields and fields[name].frozen)]
    if kept:
        raise validation_error(cls, [_refusal(cls, name, whole=whole) for name in kept])


def hash_of(settings: Settings) -> int:
    """The hash of frozen settings, which agrees with how they compare: by what was said, without secrets."""
    said = settings._said()
    plain = frozenset((name, value) for name, value in said.items() if isinstance(value, _HASHABLE))
    return hash((type(settings), frozenset(said), plain))


def _refusal(cls: type[Settings], name: str, *, whole: bool) -> Diagnostic:
    code = CODES["VAL106"]
    message = f"{name} cannot be assigned: {f'{cls.__name__} is' if whole else 'it is'} frozen"
    remedy = f"make other settings: replace({name}=...)"
    return Diagnostic("VAL106", code.name, "error", message, "it was declared so", remedy, (Evidence(name),))


def made_hashable(cls: Any) -> None:
    """Give a frozen class the hash that agrees with how its settings compare; pydantic's counts secrets too."""
    if cls.model_config.get("frozen"):
        type.__setattr__(cls, "__hash__", hash_of)
