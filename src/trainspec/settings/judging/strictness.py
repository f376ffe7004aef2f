"""The value rules for fields of users' subclasses, whose plain `int` or `bool` pydantic would read leniently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import Locate
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.masking import shown

if TYPE_CHECKING:
    from trainspec.settings.values.shape import Shape


def lenient_faults(shape: Shape, values: Mapping[str, Any], locate: Locate) -> list[Diagnostic]:
    """Values that pydantic would take and the value rules refuse: true for a number, "8" for 8."""
    wrong = [name for name in shape.lenient if name in values and not _fits(shape.kinds[name], values[name])]
    return [_fault(shape, name, values[name], locate) for name in sorted(wrong)]


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


def _fault(shape: Shape, name: str, value: Any, locate: Locate) -> Diagnostic:
    seen = shown(name, value, secret=shape.conceals((name,)))
    message = f"{name} must be {shape.kinds[name].expected}, not {seen}"
    return Diagnostic(
        "VAL101", CODES["VAL101"].name, "error", message, evidence=(Evidence(name, seen, locate((name,))),)
    )
