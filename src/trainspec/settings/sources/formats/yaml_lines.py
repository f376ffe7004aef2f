"""YAML of nothing but lines `name: value`, as most settings are written, read without a parser of YAML.

These lines mean the same under the whole grammar, which reads everything else: a value inside another, a list, a key
that stands twice, a letter that is not ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trainspec.settings.sources.formats.limits import Fault, Marks, Path, Place

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})

_LONGEST = 2**15
_SKIPPED = re.compile(r" *(#[ -~]*)?")
# Nothing of it is an indicator where it stands: no `- `, `: ` or ` #` is in a value.
_LINE = re.compile(
    r"([A-Za-z_][A-Za-z0-9_]{0,99}): +"
    r"(?:([A-Za-z0-9_./+](?:[ :]?[A-Za-z0-9_./+-])*|-[A-Za-z0-9_.](?:[ :]?[A-Za-z0-9_./+-])*)"
    r"""|"([ !#-\[\]-~]*)"|'([ -&(-~]*)')"""
    r"(?: +#[ -~]*| *)"
)


def resolve_plain(text: str) -> Any:
    """A plain (unquoted) scalar by YAML 1.2's core schema."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    head = text[0]
    if head not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    if _INFINITE.fullmatch(text) or text in _NAN:
        return float(text.replace(".", ""))
    return text


def parse_yaml(
    text: str, *, faults: list[Fault] | None = None, referred: set[Path] | None = None
) -> Iterator[tuple[Any, Marks | None]]:
    """The documents of a YAML stream, each with the places of its values, or None where `line_marks` tells them.

    Otherwise as the `parse_yaml` of the whole grammar. Raises Fault.
    """
    values = lines_of(text)
    if values is not None:
        yield values, None
        return
    from trainspec.settings.sources.formats.yaml12 import parse_yaml as parse_any

    yield from parse_any(text, faults=faults, referred=referred)


def lines_of(text: str) -> dict[str, Any] | None:
    """The mapping that lines of `name: value` are; None for everything else."""
    if len(text) > _LONGEST:
        return None
    values: dict[str, Any] = {}
    for line in text.split("\n"):
        found = _LINE.fullmatch(line)
        if found is None:
            if _SKIPPED.fullmatch(line) is None:
                return None
            continue
        name, plain, *quoted = found.groups()
        if name in values:
            return None
        values[name] = resolve_plain(plain) if plain is not None else quoted[quoted[0] is None]
    return values or None


def line_marks(text: str) -> Marks:
    """The places of the keys in a text that `lines_of` reads, and of the mapping, which begins with the first."""
    marks: Marks = {}
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LINE.match(line)
        if found is not None:
            marks.setdefault((), Place(number, 1))
            marks[(found[1],)] = Place(number, 1)
    return marks
