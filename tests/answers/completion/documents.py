"""Texts with a mark where somebody types, what is offered there, and all keys that the schema knows."""

from collections.abc import Iterator
from typing import Any

from tests.export.documents import schema_of

from trainspec import TrainingArguments
from trainspec.answers.completion import Completion, complete
from trainspec.answers.completion.positions import Lines, Position

MARK = "¦"
SCHEMA = schema_of("7")
PREFIX = "TRAINSPEC_"


def place_of(marked: str) -> tuple[str, int, int]:
    """The text without its mark, and where the mark stood."""
    before, _, behind = marked.partition(MARK)
    position = Lines(before).position(len(before))
    return before + behind, position["line"], position["character"]


def at(marked: str, format: Any = "yaml", model: Any = TrainingArguments, **more: Any) -> Completion:
    """What is answered at the mark of a text."""
    return complete(*_ordered(marked, format), model, **more)


def _ordered(marked: str, format: Any) -> tuple[str, Any, int, int]:
    text, line, character = place_of(marked)
    return text, format, line, character


def labels(found: Completion) -> list[str]:
    return [item.label for item in found.items]


def index(text: str, position: Position) -> int:
    return Lines(text).offset(position["line"], position["character"])


def applied(text: str, found: Completion, label: str) -> tuple[str, int]:
    """The text with an item taken, and where it begins there."""
    item = next(one for one in found.items if one.label == label)
    start, end = (index(text, found.replace[side]) for side in ("start", "end"))
    return text[:start] + item.insert + text[end:], start


def known_keys(schema: Any = SCHEMA, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key that the schema tells of, those of other years left out."""
    for name, inner in resolved(schema).get("properties", {}).items():
        # Editors use it to find the schema; the task's own keys are the task's.
        if inner.get("deprecated") or (not above and name in ("$schema", "task")):
            continue
        yield (*above, name)
        for one in branches(inner):
            yield from known_keys(one, (*above, name))


def resolved(schema: Any) -> Any:
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def branches(schema: Any) -> Iterator[Any]:
    schema = resolved(schema)
    yield from [schema] if "properties" in schema else []
    for word in ("anyOf", "allOf", "oneOf"):
        for inner in schema.get(word, ()):
            yield from branches(inner)


def written(path: tuple[str, ...], format: str) -> str:
    """An unfinished document in which a key may be typed in the mapping at a path."""
    depth = len(path)
    if format == "yaml":
        return "".join(f"{'  ' * level}{key}:\n" for level, key in enumerate(path)) + "  " * depth + MARK
    if format == "flow":
        return f"seed: 1\n{path[0]}: {{" + "".join(f"{key}: {{" for key in path[1:]) + MARK
    if format == "json":
        return "{" + "".join(f'"{key}": {{' for key in path) + MARK
    if format == "toml":
        return f"seed = 1\n[{'.'.join(path)}]\n{MARK}" if path else MARK
    if format == "dotted":
        return ".".join((*path, MARK))
    if format == "inline":
        return f"{path[0]} = {{ " + "".join(f"{key} = {{ " for key in path[1:]) + MARK
    return PREFIX + "__".join((*path, MARK)).upper()
