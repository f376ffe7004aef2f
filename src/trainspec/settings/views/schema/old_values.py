"""The values of old names that became another kind of setting, and old values of settings, as JSON Schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations
from typing import Any

from trainspec.settings.sources.renames import NOTHING, RETIRED_VALUES, SHARDED_DDP
from trainspec.settings.views.schema.combining import Schema, any_of

_SWITCHES: tuple[Any, ...] = (True, False, None, "", [])
_SHARDED = [
    list(words)
    for how in ([], *([name] for name in SHARDED_DDP))
    for more in ([], ["offload"], ["auto_wrap"], ["offload", "auto_wrap"])
    for words in permutations([*how, *more])
    if words
]
_OLD_VALUES: dict[str, tuple[Any, ...]] = {
    "sharded_ddp": (*_SWITCHES, *(" ".join(words) for words in _SHARDED), *_SHARDED),
}


def old_values(name: str) -> tuple[Any, ...]:
    """All values of an old name that became another kind of setting."""
    return _OLD_VALUES.get(name, _SWITCHES)


def of_other_types(name: str, deprecation: Callable[[str], Schema]) -> list[Schema]:
    """Values that a setting once took and whose type it does not take: null, and no text at all."""
    retired = RETIRED_VALUES.get(name, {})
    null, empty = retired.get(None), retired.get("")
    found: list[Schema] = [{"type": "null"}] if null is not None and null.becomes is not None else []
    numbers = [old for old in retired if isinstance(old, int)]
    if numbers:
        marks = {"description": "Old value: leave it out.", **deprecation("it says nothing")}
        found.append({"enum": numbers, **marks})
    if empty is not None:
        what = "leave it out" if empty.becomes is NOTHING else f"write {empty.becomes}"
        why = "it says nothing" if empty.becomes is NOTHING else f"it became {empty.becomes}"
        marks = {"description": f"Old value: {what}.", **deprecation(why)}
        found.append({"type": "string", "pattern": r"^\s*$", **marks})
    return found


def among_old_values(name: str, values: Iterable[Any]) -> Schema:
    """These values of an old name; words in one text may have any blanks between and around them."""
    texts = [value for value in values if name == "sharded_ddp" and isinstance(value, str)]
    lists = [value for value in values if isinstance(value, list) and value]
    others = [value for value in values if value not in texts and value not in lists]
    ways: list[Schema] = [{"enum": others}] if others else []
    ways += _in_any_order(lists)
    if texts:
        ways.append({"type": "string", "pattern": rf"^\s*{_spelled([text.split() for text in texts])}\s*$"})
    return any_of(ways)


def _in_any_order(lists: list[list[str]]) -> Iterator[Schema]:
    """Lists that are there in every order, by the strategy in them, with all that may stand beside it said at once."""
    by_strategy: dict[frozenset[str], set[frozenset[str]]] = {}
    for words in map(frozenset, lists):
        by_strategy.setdefault(words & frozenset(SHARDED_DDP), set()).add(words)
    for found in by_strategy.values():
        always = frozenset.intersection(*found)
        whole = frozenset.union(*found)
        # An empty list says nothing, so there is none among them.
        is_free = len(found) + (not always) == 2 ** len(whole - always)
        for least, most in [(always, whole)] if is_free else [(words, words) for words in sorted(found, key=sorted)]:
            yield _list_of(least, most)


def _list_of(least: frozenset[str], most: frozenset[str]) -> Schema:
    """Lists of some of the words, `least` among them, no word twice."""
    schema: Schema = {
        "type": "array",
        "items": {"enum": sorted(most)},
        "uniqueItems": True,
        "minItems": max(1, len(least)),
    }
    if least == most or not least:
        return schema
    needed: list[Schema] = [{"type": "array", "contains": {"const": word}} for word in sorted(least)]
    return {**schema, **needed[0]} if len(needed) == 1 else {**schema, "allOf": needed}


def _spelled(sequences: list[list[str]]) -> str:
    """A pattern of these sequences of words, in which what may follow several words is said once."""
    after: dict[str, list[list[str]]] = {}
    for first, *rest in filter(None, sequences):
        after.setdefault(first, []).append(rest)
    words: dict[str, list[str]] = {}
    for first, rests in after.items():
        more = rf"\s+{_spelled([rest for rest in rests if rest])}" if any(rests) else ""
        words.setdefault(f"(?:{more})?" if more and [] in rests else more, []).append(first)
    ways = [_one_of(firsts) + more for more, firsts in words.items()]
    found = _one_of(ways)
    return f"(?:{found})?" if [] in sequences else found


def _one_of(ways: list[str]) -> str:
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
