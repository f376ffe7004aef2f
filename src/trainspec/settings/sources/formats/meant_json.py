"""Text that stands for a mapping or a list: what is wrong with it as JSON, and how it would be written."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault
from trainspec.text.redaction import redacted, shortened

if TYPE_CHECKING:
    from trainspec.settings.values.kinds import Kind

_LONGEST = 200
_EXAMPLE = '{"key": 1}'


def is_json_of(kind: Kind | None, value: Any) -> bool:
    """Whether a text was meant as JSON: it begins as the mapping or the list that is wanted."""
    if kind is None or not isinstance(value, str):
        return False
    start = value.lstrip()[:1]
    return (start == "{" and kind.mapping) or (start == "[" and kind.items is not None and not kind.text)


def broken(text: str, *, conceal: bool) -> str | None:
    """What is wrong with the text as JSON, in words; None where nothing is. With `conceal` none of its own words."""
    try:
        parse_json(text.strip())
    except Fault as fault:
        said = fault.message.removeprefix("it is not valid JSON: ")
        place = f" (line {fault.place.line}, column {fault.place.column})" if fault.place else ""
        return "" if conceal else f": {said}{place}"
    return None


def remedy(text: str, *, conceal: bool) -> str:
    """How to write it: the text itself as JSON where it is one of Python's dicts or k=v, else an example."""
    found = None if conceal else _as_python(text) or _as_pairs(text) or _as_words(text)
    written = _EXAMPLE if found is None else json.dumps(redacted("", found), ensure_ascii=False)
    return f"write JSON, with double quotes: {shortened(written, _LONGEST)}"


def _as_python(text: str) -> dict[Any, Any] | list[Any] | None:
    try:
        value = ast.literal_eval(text.strip())
        json.dumps(value, allow_nan=False)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _as_words(text: str) -> list[str] | None:
    """`[wandb, tensorboard]` as a list of texts."""
    found = re.fullmatch(r"\s*\[([^\[\]{}\"']*)\]\s*", text)
    words = [word.strip() for word in found[1].split(",") if word.strip()] if found else []
    return words or None


def _as_pairs(text: str) -> dict[str, Any] | None:
    """`num_cycles=3, power=2` as a mapping; what is neither a number nor a switch is text."""
    if text.lstrip()[:1] in ("{", "["):
        return None
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not pairs or not all(equals and key.strip().isidentifier() for key, equals, _ in pairs):
        return None
    return {key.strip(): _scalar(value.strip()) for key, _, value in pairs}


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text.lower() if text in ("True", "False") else text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
