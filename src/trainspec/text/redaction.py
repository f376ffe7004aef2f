"""What may be shown of a value: secrets never, credentials inside URLs never, long values shortened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from trainspec.text.containers import is_collection, is_mapping

HIDDEN = "**********"

# Any name will do, also one we do not know: a token under a name of years ago is a token all the same.
_SECRET_NAME = re.compile(
    r"(?i)(?:^|[._-])(?:(?<!pad_)(?<!eos_)(?<!bos_)(?<!unk_)(?<!sep_)(?<!cls_)(?<!mask_)token"
    r"|secret|password|passwd|api_?key|access_?key|credentials?)$"
)
# Passwords hold slashes and at signs that nobody has escaped, users are addresses with an at sign of their own; queries
# hold signatures and tokens. What Azure's abfs writes before the at sign is a container, unless a password follows.
_USERINFO = re.compile(r"(?<=://)(?:[^/:\s\"']*:[^\s\"']*|(?<!abfs://)(?<!abfss://)[^/\s\"']*)@")
_URL_END = re.compile(r"[\s\"']|$")
_QUERY = re.compile(r"(?<=\?)[^\s\"'#]+")
# A secret beside its name inside a longer text: arguments as k=v, JSON that does not parse.
_PAIR = re.compile(
    r"""(?i)((?:token|secret|password|passwd|api_?key|access_?key|credentials?)\\?["']?\s*[:=]\s*\\?["']?)[^\s"',}\\]+"""
)
_LONGEST = 120
# Longer than any URL; the search is quadratic in the worst of texts.
_LONGEST_SEARCHED = 8192


def is_secret_name(name: str) -> bool:
    """Whether a setting of this (dotted) name holds a credential, known to us or not."""
    return _SECRET_NAME.search(name) is not None


def redact_url(text: str) -> str:
    """The text without what may be a credential: user:password and query of a URL in it, what follows `token=`."""
    if len(text) > _LONGEST_SEARCHED:
        text = text[:_LONGEST_SEARCHED] + "…"
    if ":" in text or "=" in text:
        text = _PAIR.sub(rf"\1{HIDDEN}", text)
    if "://" not in text:
        return text
    return _QUERY.sub(HIDDEN, _without_userinfo(text))


def _without_userinfo(text: str) -> str:
    shown, done = [], 0
    for match in _USERINFO.finditer(text):
        if match.start() < done:
            continue
        shown += [text[done : match.start()], f"{HIDDEN}@"]
        done = match.end()
        # The at sign may as well be one of a query, and what follows it the rest of a signature.
        if "?" in match.group() and (end := _URL_END.search(text, done)):
            shown.append(HIDDEN)
            done = end.start()
    return "".join([*shown, text[done:]])


def printable(text: str) -> str:
    """The text with what a terminal would obey, or no terminal can show, written as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(ord(letter)) for letter in text)


def shortened(text: str, longest: int) -> str:
    """At most so many characters of the text."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _escaped(number: int) -> str:
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def show_value(field: str, value: Any, write: Callable[[Any], str] = repr) -> str:
    """The value as JSON-like text for a person, at most 120 characters, with secrets hidden.

    `write` says what stands for an object that JSON has no form for.
    """
    if value is not None and is_secret_name(field):
        return HIDDEN
    text = printable(redact_url(_as_text(value, write)))
    return shortened(text, _LONGEST)


def _as_text(value: Any, write: Callable[[Any], str]) -> str:
    if isinstance(value, Enum):
        value = value.value
    if hasattr(value, "model_dump"):
        value = value.model_dump(exclude_unset=True, mode="json")
    if hasattr(value, "get_secret_value"):
        return HIDDEN
    try:
        return json.dumps(_hide_nested(value), ensure_ascii=False, default=write)
    except Exception:  # whatever an object's own repr raises
        return f"<{type(value).__name__}>"


def redacted(name: str, value: Any) -> Any:
    """A plain value (of JSON) with what `show_value` hides of it hidden."""
    if value is not None and is_secret_name(name):
        return HIDDEN
    if is_mapping(value):
        pairs = ((str(key), item) for key, item in value.items())
        return {redact_url(key): _redacted_under(key, item) for key, item in pairs}
    if is_collection(value):
        return [redacted("", item) for item in value]
    return redact_url(value) if isinstance(value, str) else value


def _redacted_under(key: str, item: Any) -> Any:
    return HIDDEN if item is not None and _PAIR.search(f"{key}=x") else redacted(key, item)


def _hide_nested(value: Any) -> Any:
    if is_mapping(value):
        return {
            str(key): HIDDEN if item is not None and is_secret_name(str(key)) else _hide_nested(item)
            for key, item in value.items()
        }
    if is_collection(value):
        return [_hide_nested(item) for item in value]
    if hasattr(value, "get_secret_value"):
        return HIDDEN
    return value
