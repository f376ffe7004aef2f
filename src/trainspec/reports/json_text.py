"""Answers as JSON under the version of their shape: the same bytes from a command and from the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# The shape of what --format json prints.
JSON_VERSION = 1


def json_text(data: Mapping[str, Any]) -> str:
    """The answer as text, without the line break at its end."""
    from json import dumps
    from json.encoder import encode_basestring

    whole = {"version": JSON_VERSION, **data}
    try:
        return _written(whole, "\n", encode_basestring)
    except TypeError:
        # A type that answers rarely have, or a key that is no text.
        return dumps(whole, indent=2, ensure_ascii=False)


def in_utf8(text: str) -> bytes:
    """A text as bytes: half a pair of surrogates, which a document may hold, as stdout shows it."""
    return text.encode("utf-8", "backslashreplace")


def _written(value: Any, line: str, quoted: Callable[[str], str]) -> str:
    """What `json.dumps(value, indent=2, ensure_ascii=False)` writes, for which that needs three times as long.

    `line` is the line break before what stands beside the value, with its blanks.
    """
    kind = type(value)
    if kind is str:
        return quoted(value)
    if value is True or value is False or value is None:
        return "null" if value is None else "true" if value else "false"
    if kind is int:
        return str(value)
    inner = line + "  "
    if kind is dict:
        if not value:
            return "{}"
        parts = [f"{quoted(name)}: {_written(item, inner, quoted)}" for name, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{line}}}"
    if kind is list:
        if not value:
            return "[]"
        return f"[{inner}{f',{inner}'.join([_written(item, inner, quoted) for item in value])}{line}]"
    raise TypeError(kind)
