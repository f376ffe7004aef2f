"""Edits in a TOML text that leave every other character as it was."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainspec.migration.planning import AS_IT_STANDS, Edit, Path
from trainspec.migration.surgery import CannotEdit
from trainspec.migration.values import as_toml, toml_key
from trainspec.settings.sources.formats.toml_text import _HEADER, _KEY, _PART, _TOKEN


@dataclass(slots=True)
class TomlLine:
    """A table's header or an entry `key = value`: its path, the span of the last part of its name, of its value."""

    path: Path
    start: int
    key: tuple[int, int]
    value: tuple[int, int] | None
    end: int = 0


def edit_toml(text: str, at: Path, values: dict[str, Any], edit: Edit) -> str:
    """The text with an edit made in the table at a path, which says `values`. Raises CannotEdit."""
    lines = list(toml_lines(text))
    entry = next((line for line in lines if line.path == (*at, edit.old[0]) and line.value is not None), None)
    if entry is None or entry.value is None:
        raise CannotEdit("it is no plain entry of a table")
    if len(edit.old) > 1:
        items = list(values[edit.old[0]])
        items[int(edit.old[1])] = edit.value
        return text[: entry.value[0]] + as_toml(items) + text[entry.value[1] :]
    if edit.new is None:
        return text[: entry.start] + text[entry.end :]
    said = text[slice(*entry.value)] if edit.value is AS_IT_STANDS else as_toml(edit.value)
    if len(edit.new) == 1:
        key = text[slice(*entry.key)] if edit.new == edit.old else _key_like(text, entry, edit.new[0])
        return text[: entry.key[0]] + key + text[entry.key[1] : entry.value[0]] + said + text[entry.value[1] :]
    return _move(text, lines, entry, at, edit.new, said)


def _key_like(text: str, entry: TomlLine, name: str) -> str:
    quote = text[entry.key[0]]
    return f"{quote}{name}{quote}" if quote in "\"'" else name


def _move(text: str, lines: list[TomlLine], entry: TomlLine, at: Path, new: Path, said: str) -> str:
    """Into a table of its own where there is one, into one in braces, or under a dotted key where the entry stands."""
    section = (*at, new[0])
    table = [line for line in lines if line.path[: len(section)] == section and line is not entry]
    name, behind = toml_key(new[1]), text[entry.value[1] : entry.end] if entry.value else "\n"
    home = next((line for line in table if line.path == section), None)
    if home is None:
        dotted = f"{toml_key(new[0])}.{name}"
        return text[: entry.key[0]] + dotted + text[entry.key[1] :]
    if home.value is not None:
        whole = text[slice(*home.value)]
        if not whole.startswith("{"):
            raise CannotEdit(f"{new[0]} is no table that it could be written into")
        inside = whole[1:-1].rstrip()
        place, added = home.value[1], f"{{{inside}{',' if inside.strip() else ''} {name} = {said} }}"
        # Braces have no room for the comment behind an entry, which then stays where it was.
        entry.end -= len(behind.lstrip(" \t")) if behind.strip() else 0
        return _without(text, entry, home.value[0], place, added)
    last = [line for line in table if line.path[:-1] == section and line.value is not None]
    place = (last[-1] if last else home).end
    added = f"{name} = {said}{behind}"
    return _without(text, entry, place, place, added if added.endswith("\n") else f"{added}\n")


def _without(text: str, entry: TomlLine, start: int, end: int, added: str) -> str:
    """The text with `added` in place of a span, and without the entry."""
    if start and start == end and text[start - 1] != "\n":
        added = f"\n{added}"
    if start >= entry.end:
        return text[: entry.start] + text[entry.end : start] + added + text[end:]
    return text[:start] + added + text[end : entry.start] + text[entry.end :]


def toml_lines(text: str) -> Iterator[TomlLine]:
    """Headers and entries, in order; the text is valid TOML."""
    table: Path = ()
    position = 0
    while position < len(text):
        head = _HEADER.match(text, position) or _KEY.match(text, position)
        if head is None:
            token = _TOKEN.match(text, position)
            position = token.end() if token else position + 1
            continue
        parts = [(match.start(), match.end()) for match in _PART.finditer(text, head.start(1), head.end(1))]
        names = tuple(_unquoted(text[slice(*span)]) for span in parts)
        start = text.rfind("\n", 0, position) + 1
        if head.re is _HEADER:
            table = names
            end = _line_end(text, head.end())
            yield TomlLine(table, start, parts[-1], None, end)
        else:
            value = _value(text, head.end())
            end = _line_end(text, value[1])
            yield TomlLine((*table, *names), start, parts[-1], value, end)
        position = end


def _value(text: str, position: int) -> tuple[int, int]:
    """The span of the value that begins behind `=`: to the end of its line, unless brackets or quotes go on."""
    while text[position] in " \t":
        position += 1
    start = end = position
    depth = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        found = token.group() if token else text[position]
        if depth == 0 and found.startswith(("#", "\n", "\r")):
            break
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        position += len(found)
        if found.strip():
            end = position
    return start, end


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _unquoted(part: str) -> str:
    if part.startswith('"'):
        key: str = next(iter(tomllib.loads(f"{part} = 0")))
        return key
    return part.strip("'")
