"""What a value's schema is where only text can be said: the pattern of all texts that are read as such a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from trainspec.settings.values.coercion import FALSE_WORDS, TRUE_WORDS
from trainspec.settings.values.kinds import Kind

Schema = dict[str, Any]

# Blanks around a value are no part of it.
NAME: Schema = {"type": "string", "pattern": r"^\s*[^\u0000-\u001f\u007f\s][^\u0000-\u001f\u007f]*\s*$"}
PATH: Schema = {"type": "string", "pattern": r"^\s*[^\u0000-\u001f\u007f\s{\[][^\u0000-\u001f\u007f]*\s*$"}
"""Text of one line with something in it; as a path it does not begin as JSON does."""
# Without contentMediaType, by which validators of one draft read such a text and those of the others do not.
JSON_TEXT: Schema = {
    "type": "string",
    "description": "The mapping as JSON in a text.",
    "pattern": r"^\s*\{[\s\S]*\}\s*$",
}
"""Text that stands for a mapping; what is in it the loader judges."""
_ANYTHING = r"[\s\S]*"
_PLAIN_TEXT = r"[^\u0000-\u001f\u007f]*"
_JSON_OBJECT, _JSON_LIST = r"\{[\s\S]*\}", r"\[[\s\S]*\]"
_DIGITS = "[0-9]+"
_DECIMAL = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_ZERO = r"(?:0+\.?0*|\.0+)(?:[eE][+-]?[0-9]+)?"
_WORD = re.compile(r"[\w./:@%+,-]*", re.ASCII)
_SPECIAL = frozenset(r"\^$.*+?()[]{}|/")


def pattern_of(schema: Schema, kind: Kind) -> str | None:
    """The pattern of the texts that say a value of the schema, or nothing at all; None where any text may.

    Blanks around a text are no part of it, and a variable of blanks counts as unset.
    """
    ways = list(dict.fromkeys(_ways(schema, kind)))
    return None if _ANYTHING in ways or not ways else rf"^\s*(?:{'|'.join(ways)})?\s*$"


def pattern_of_pairs(keys: Mapping[str, tuple[Schema, Kind]]) -> str:
    """The pattern of texts like k=v,k2=v2 with these keys, in any order, each with a value of its own type."""
    pairs = (rf"{key}\s*=\s*(?:{_value_in_pair(schema, kind)})\s*" for key, (schema, kind) in keys.items())
    return rf"^[\s,]*(?:(?:{'|'.join(pairs)})(?:,[\s,]*|$))*$" if keys else r"^[\s,]*$"


def _value_in_pair(schema: Schema, kind: Kind) -> str:
    # Commas are between pairs, so a list stands in brackets, and text ends at the next comma.
    ways = dict.fromkeys(_ways(schema, replace(kind, items=None)))
    spelled = {_ANYTHING: "[^,]*", _PLAIN_TEXT: "[^,]*", _JSON_LIST: r"\[[^\[\]]*\]"}
    return "|".join(spelled.get(way, way) for way in ways)


def listed(schema: Schema) -> list[Schema]:
    """The words that an editor may offer: choices with their descriptions, and what a switch is set to."""
    members = [member for key in ("anyOf", "oneOf") for member in schema.get(key, [])]
    found = [item for member in members for item in listed(member)]
    if "const" in schema:
        found.append({**schema, "const": str(schema["const"])})
    if schema.get("type") == "boolean":
        found += [{"const": "true", "description": "On."}, {"const": "false", "description": "Off."}]
    return list({item["const"]: item for item in found}.values())


def as_text(value: Any) -> str:
    """A value as a variable holds it: text as it stands, all else as JSON. Raises ValueError for nan and infinity."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False)


def in_dotenv(text: str) -> str:
    """As dotenv files and shells read it: what is more than a word stands in single quotes."""
    if _WORD.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def any_case(text: str) -> str:
    """A pattern of the text whatever the case of its letters."""
    return "".join(f"[{low.upper()}{low}]" if (low := letter.lower()).isalpha() else exactly(letter) for letter in text)


def exactly(text: str) -> str:
    """A pattern of the text alone."""
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in text)


def _ways(schema: Schema, kind: Kind) -> Iterator[str]:
    """Patterns of which a text must match one."""
    yield from _null(kind) if kind.null else ()
    for key in ("anyOf", "oneOf", "allOf"):
        for member in schema.get(key, []):
            yield from _ways(member, kind)
    if "const" in schema:
        yield exactly(str(schema["const"]))
    elif "enum" in schema:
        yield from _among(schema["enum"])
    elif "$ref" in schema or schema.get("pattern") == JSON_TEXT["pattern"]:
        yield _JSON_OBJECT
    elif "type" in schema:
        yield from _of_type(schema, kind)
    elif not schema:
        yield _ANYTHING


def _null(kind: Kind) -> Iterator[str]:
    yield from ("null", "None")
    if not kind.takes_strings:
        yield from (any_case("null"), any_case("none"))


def _among(values: list[Any]) -> Iterator[str]:
    """Of the values that dumps hold, a variable can hold the texts; where lists are among them, words of any kind."""
    texts = [value for value in values if isinstance(value, str)]
    yield from [_ANYTHING] if [] in values else [exactly(text) for text in texts if text]


def _of_type(schema: Schema, kind: Kind) -> Iterator[str]:
    match schema["type"]:
        case "boolean":
            yield from (any_case(word) for word in sorted(TRUE_WORDS | FALSE_WORDS))
        case "integer":
            yield _integer(schema)
        case "number":
            yield _number(schema)
        case "string":
            yield _text(schema)
        case "object":
            yield _JSON_OBJECT
        case "array":
            yield _JSON_LIST
            if kind.items is not None:
                items = schema.get("items", {})
                # Of a tuple each place has a schema of its own, which no pattern of words tells apart.
                yield _parted({} if isinstance(items, list) else items, kind.items)


def _text(schema: Schema) -> str:
    pattern = schema.get("pattern")
    if pattern is None:
        return _ANYTHING
    # A pattern of words is the setting's own; the others only keep control characters and emptiness out.
    return _PLAIN_TEXT if r"[^\u0000" in pattern else f"(?:{pattern.removeprefix('^').removesuffix('$')})"


def _parted(items: Schema, kind: Kind) -> str:
    """Items between commas, of which some may be empty."""
    ways = list(dict.fromkeys(_ways(items, kind)))
    loose = next((way for way in (_ANYTHING, _PLAIN_TEXT) if way in ways), None)
    return loose or rf"[\s,]*(?:(?:{'|'.join(ways)})\s*(?:,[\s,]*|$))*"


def _integer(schema: Schema) -> str:
    """Whole numbers, with the lower bounds that a look at the sign and at zero can tell."""
    least = schema.get("minimum")
    if least is None or least < -1:
        return f"[+-]?{_DIGITS}"
    if least >= 1:
        return r"\+?0*[1-9][0-9]*"
    return rf"\+?{_DIGITS}|-0+" + ("|-0*1" if least == -1 else "")


def _number(schema: Schema) -> str:
    if "exclusiveMinimum" in schema and schema["exclusiveMinimum"] >= 0:
        return rf"\+?{_DECIMAL}"
    return rf"\+?{_DECIMAL}|-{_ZERO}" if schema.get("minimum", -1) >= 0 else rf"[+-]?{_DECIMAL}"
