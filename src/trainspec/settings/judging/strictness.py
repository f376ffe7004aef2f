"""The value rules for fields of users' subclasses, whose plain `int` or `bool` pydantic would read leniently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import Locate
from trainspec.settings.values.kinds import Kind
from trainspec.text.redaction import show_value

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


def lenient_fields(cls: type[Settings]) -> frozenset[str]:
    """Fields with a number or a boolean that pydantic would take from another type."""
    found: frozenset[str] = cls._once(
        "lenient", lambda: frozenset(name for name, kind in cls.field_kinds().items() if kind.lenient)
    )
    return found


def lenient_faults(cls: type[Settings], values: Mapping[str, Any], locate: Locate) -> list[Diagnostic]:
    """Values that pydantic would take and the value rules refuse: true for a number, "8" for 8."""
    kinds = cls.field_kinds()
    wrong = [name for name in lenient_fields(cls) if name in values and not _fits(kinds[name], values[name])]
    return [_fault(name, values[name], kinds[name], locate) for name in sorted(wrong)]


def _fits(kind: Kind, value: Any) -> bool:
    if kind.other:
        return True
    if isinstance(value, bool):
        return kind.boolean or not (kind.integer or kind.number)
    if isinstance(value, int | float):
        whole = isinstance(value, int)
        return kind.number or (kind.integer and whole) or not (kind.boolean or kind.integer)
    if isinstance(value, str):
        return kind.takes_strings or not (kind.boolean or kind.integer or kind.number)
    if isinstance(value, list) and kind.items is not None:
        return all(_fits(kind.items, item) for item in value)
    return True


def _fault(name: str, value: Any, kind: Kind, locate: Locate) -> Diagnostic:
    shown = show_value(name, value)
    message = f"{name} must be {kind.expected}, not {shown}"
    return Diagnostic(
        "VAL101", CODES["VAL101"].name, "error", message, evidence=(Evidence(name, shown, locate((name,))),)
    )
