"""YAML of nothing but lines `name: value`, as most settings are written, read without a parser of YAML.

These lines mean the same under the whole grammar, which reads everything else: a value inside another, a list, a key
that stands twice, a letter that is not ASCII.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Any

from trainspec.settings.sources.formats.limits import Fault, Marks, Path, Place

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_BEGIN_NUMBERS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})

_LONGEST = 2**15
# Nothing of a value is an indicator where it stands: no `- `, `: ` or ` #` is in it.
_LINE = re.compile(
    r"^(?:([A-Za-z_][A-Za-z0-9_]{0,99}): +"
    r"(?:((?:[A-Za-z0-9_./+]|-[A-Za-z0-9_.])[A-Za-z0-9_./+-]*(?:[ :][A-Za-z0-9_./+-]+)*)"
    r"""|"([ !#-\[\]-~]*)"|'([ -&(-~]*)')"""
    r"(?: +#[ -~]*| *)| *(?:#[ -~]*)?)$",
    re.MULTILINE,
)
_LONGEST_NAME, _SHORT = 100, 19
# All letters of lines without quotes and comments, and those that may follow a dash at the beginning of a value.
_PLAINEST = (string.ascii_letters + string.digits + "_./+-: \n").encode()
_BEHIND_DASH = frozenset(string.ascii_letters + string.digits + "_.")


def resolve_plain(text: str) -> Any:
    """A plain (unquoted) scalar by YAML 1.2's core schema."""
    if text[:1] not in _BEGIN_NUMBERS:
        return _WORDS.get(text, text)
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        # Longer ones are no numbers that could be told.
        return int(text, 0) if len(text) < 3000 else text
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


def _plainest(text: str) -> dict[str, Any] | None:
    """The same of lines without quotes and comments alone, in a third of the time that the pattern takes."""
    if not text.isascii() or text.encode().translate(None, _PLAINEST):
        return None
    pairs = [line.partition(": ") for line in text.removesuffix("\n").split("\n")]
    names = [name for name, _, _ in pairs]
    told = [value.strip(" ") for _, _, value in pairs]
    # Between two parts of a value there is one blank or colon, and none around them.
    parts = "\n".join(("", *told, "")).replace(":", " ")
    if "  " in parts or " \n" in parts or "\n " in parts or "\n\n" in parts:
        return None
    if not all(map(str.isidentifier, names)) or max(map(len, names)) > _LONGEST_NAME:
        return None
    if "\n-" in parts and not all(value[0] != "-" or value[1:2] in _BEHIND_DASH for value in told):
        return None
    read = [
        _WORDS.get(one, one)
        if one[0] not in _BEGIN_NUMBERS
        else int(one)
        if one.isdigit() and len(one) < _SHORT
        else resolve_plain(one)
        for one in told
    ]
    values = dict(zip(names, read, strict=True))
    return values if len(values) == len(names) else None


def lines_of(text: str) -> dict[str, Any] | None:
    """The mapping that lines of `name: value` are; None for everything else."""
    if len(text) > _LONGEST:
        return None
    values = _plainest(text)
    if values is not None:
        return values
    lines = _LINE.findall(text)
    if len(lines) <= text.count("\n"):
        return None
    said = [line for line in lines if line[0]]
    values = {name: resolve_plain(plain) if plain else double or single for name, plain, double, single in said}
    return values if values and len(values) == len(said) else None


def line_marks(text: str) -> Marks:
    """The places of the keys in a text that `lines_of` reads, and of the mapping, which begins with the first."""
    marks: Marks = {}
    for number, (name, *_) in enumerate(_LINE.findall(text), start=1):
        if name:
            marks.setdefault((), Place(number, 1))
            marks[(name,)] = Place(number, 1)
    return marks
