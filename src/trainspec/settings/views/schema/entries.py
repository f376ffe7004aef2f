"""Conditions on an entry of a mapping with any keys, which may also be written as one text: momentum=0.9,nesterov=true.

An absent entry reads as null. Of texts only what their type spells for certain is told apart: switches, and numbers
that are zero; text that spells no value of the argument's type is refused whatever the rules say.
"""

from __future__ import annotations

from trainspec.settings.rules.conditions import Equals, IsTruthy, OfOneField
from trainspec.settings.values.coercion import FALSE_WORDS, TRUE_WORDS
from trainspec.settings.views.schema.combining import Schema, any_of
from trainspec.settings.views.schema.text_patterns import any_case

_NOT_ZERO = r"[+-]?[0-9.]*[1-9][^,]*"


def text_with_key(key: str) -> str:
    """The pattern of texts in which a key is given."""
    return rf"(^|,)\s*{key}\s*(=|,|$)"


def entry_schema(condition: OfOneField, key: str, value: Schema, *, is_text: bool) -> Schema:
    """The mappings (and with `is_text` the texts) for an entry of which the condition holds."""
    present: Schema = {"type": "object", "properties": {key: value}, "required": [key]}
    ways = [present]
    texts: list[Schema] = []
    if is_text:
        texts.append({"type": "string", "pattern": rf"(^|,)\s*{key}\s*=\s*(?:{_spelled(condition)})\s*(,|$)"})
    if condition.holds_for(None):
        ways += [
            {"type": "object", "not": {"type": "object", "properties": {key: {}}, "required": [key]}},
            {"not": {"anyOf": [{"type": "object"}, {"type": "string"}]} if is_text else {"type": "object"}},
        ]
        texts += [{"type": "string", "not": {"type": "string", "pattern": text_with_key(key)}}] if is_text else []
    ways += texts
    return any_of(ways)


def _spelled(condition: OfOneField) -> str:
    match condition:
        case Equals(to=True):
            return "|".join(map(any_case, sorted(TRUE_WORDS)))
        case Equals(to=False):
            return "|".join(map(any_case, sorted(FALSE_WORDS)))
        case IsTruthy():
            return _NOT_ZERO
    raise TypeError(f"no pattern of texts can say {condition!r}")
