"""Values as a source holds them, turned into the types that validation expects.

Three manners, and nothing is guessed in any:

* STRINGS (environment, dotenv, secrets, command line) hold only text, which is parsed as the field's type.
* CONSTRUCTOR takes real types, and numeric or boolean strings where a number or a boolean is due, since people pass on
  what their own loaders read.
* DOCUMENT (JSON, YAML, TOML) is strict, as its schema says; only 8.0 stands for the integer 8, as JSON has it. Blanks
  around a text are no part of it; one of several choices is written exactly.

What cannot be parsed is passed on as it is, and validation says what was expected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import keys_of

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf(inity)?)", re.IGNORECASE)


_NOTHING = Kind()
OLD_PREFIX = "fsdp_"
"""What stood before the keys of fsdp_config in old files, and stands there in those of accelerate."""


class Manner(Enum):
    """How the values of a source are to be read."""

    STRINGS = auto()
    CONSTRUCTOR = auto()
    DOCUMENT = auto()


class Verbatim(str):
    """Text that is not to be read as anything else: a validator of the user's does that."""

    __slots__ = ()


class Word(str):
    """Text of a source that can only hold text, whose type is known only later (arguments of a schedule)."""

    __slots__ = ()


def coerce(kind: Kind, value: Any, manner: Manner) -> Any:
    """The value as validation should see it."""
    if isinstance(value, str) and not isinstance(value, Enum):
        text = value.strip()
        if manner is Manner.STRINGS:
            return str(value) if type(value) is Verbatim else parse(kind, text)
        if manner is Manner.DOCUMENT:
            return value if kind.only_choices else text
        return text if kind.takes_strings else _parse_scalar(kind, text)
    if isinstance(value, float) and kind.integer and (manner is Manner.DOCUMENT or kind.interval):
        return _whole(value) if manner is Manner.DOCUMENT or value >= 0 else value
    if isinstance(value, dict):
        return _coerce_mapping(kind, value, manner)
    if isinstance(value, list | tuple) and kind.items is not None and manner is not Manner.DOCUMENT:
        return [coerce(kind.items, item, manner) for item in value]
    if isinstance(value, list) and kind.items is not None:
        return [coerce(kind.items, item, manner) for item in value]
    if isinstance(value, os.PathLike) and kind.text and manner is Manner.CONSTRUCTOR:
        return os.fspath(value)
    return value


def coerce_setting(kind: Kind, value: Any, manner: Manner) -> Any:
    """The value of a whole setting: text that begins as a mapping does is JSON, in every source."""
    if kind.mapping and isinstance(value, str) and not isinstance(value, Enum) and manner is not Manner.STRINGS:
        text = value.strip()
        if text[:1] == "{" and not kind.secret:
            return _parse_json(kind, text)
    return coerce(kind, value, manner)


def _coerce_mapping(kind: Kind, value: dict[Any, Any], manner: Manner) -> Any:
    kinds = keys_of(kind)
    if kinds is not None:
        return {
            key: coerce(kinds[short], item, manner) if (short := _short(key, kinds)) in kinds else item
            for key, item in value.items()
            if item is not None or not kinds.get(key, _NOTHING).null_is_unsaid
        }
    if kind.values is not None:
        return {key: coerce(kind.values, item, manner) for key, item in value.items()}
    if manner is Manner.STRINGS:
        return {key: Word(item) if type(item) is str else item for key, item in value.items()}
    return value


def _short(key: Any, kinds: Mapping[str, Kind]) -> str:
    """The key without the prefix that fsdp_config's keys had in old files."""
    text = str(key)
    return text if text in kinds else text.removeprefix(OLD_PREFIX)


def parse(kind: Kind, text: str) -> Any:
    """A string of a source of strings as a value of `kind`; the string itself where it spells none."""
    if kind.null and text in ("null", "None") and text not in kind.choices:
        return None
    if kind.secret:
        return text
    if text[:1] in ("{", "[") and (kind.mapping or kind.items is not None):
        return _parse_json(kind, text)
    if kind.items is not None and not kind.text and not _is_one_choice(kind, text):
        if kind.boolean and text.lower() in TRUE_WORDS | FALSE_WORDS:
            return text.lower() in TRUE_WORDS
        return [parse(kind.items, part.strip()) for part in text.split(",") if part.strip()]
    if kind.items is not None and kind.text and "," in text and not kind.mapping:
        return [parse(kind.items, part.strip()) for part in text.split(",") if part.strip()]
    return _parse_scalar(kind, text)


def _is_one_choice(kind: Kind, text: str) -> bool:
    return text in kind.choices


def _parse_scalar(kind: Kind, text: str) -> Any:
    lower = text.lower()
    if text in kind.choices and not (kind.boolean and lower in ("true", "false")):
        return text
    if kind.boolean:
        # Where text is a value too (a checkpoint's path), only the two unmistakable words are booleans.
        words = ({"true"}, {"false"}) if kind.text and kind.items is None else (TRUE_WORDS, FALSE_WORDS)
        if lower in words[0] or lower in words[1]:
            return lower in words[0]
    if kind.integer and _INTEGER.fullmatch(text):
        return int(text)
    if (kind.number or kind.interval) and _NUMBER.fullmatch(text):
        return _whole(float(text)) if kind.interval and kind.integer and text[0] != "-" else float(text)
    if kind.choices:
        return next((choice for choice in kind.choices if str(choice) == text), text)
    if kind.null and lower in ("null", "none") and not kind.takes_strings:
        return None
    return text


def _whole(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def _parse_json(kind: Kind, text: str) -> Any:
    from trainspec.settings.sources.formats.json_text import parse_json
    from trainspec.settings.sources.formats.limits import Fault

    try:
        value = parse_json(text)
    except Fault:
        return text
    return coerce(kind, value, Manner.DOCUMENT)
