"""Edits in a YAML or JSON text that leave every other character as it was: comments, order, quotes, indentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainspec.migration.planning import AS_IT_STANDS, Edit
from trainspec.migration.trees import Node


class CannotEdit(Exception):
    """The text is written in a way that this edit cannot be made in; the message tells a person why."""


class Surgeon:
    """One edit of one mapping in a text; `write` writes a value of the text's format on one line."""

    def __init__(self, text: str, mapping: Node, write: Callable[[Any], str]) -> None:
        self.text = text
        self.mapping = mapping
        self.write = write
        self.newline = "\r\n" if "\r\n" in text else "\n"

    def make(self, edit: Edit) -> str:
        """The text with the edit made. Raises CannotEdit."""
        found = self.mapping.child(edit.old[0])
        if found is None:
            raise CannotEdit("it comes from an anchor or a merge key")
        key, value = found
        if key.marked:
            raise CannotEdit("an anchor or a tag stands at its name")
        if len(edit.old) > 1:
            return self._put(value.items[int(edit.old[1])], edit.value)
        if edit.new is None:
            return self._remove(key, value)
        if len(edit.new) > 1:
            return self._move(key, value, edit.new, edit.value)
        text = self.text if edit.value is AS_IT_STANDS else self._replace_value(key, value, edit.value)
        return (
            text if edit.new == edit.old else self._spliced(key.start, key.end, self._key_like(key, edit.new[0]), text)
        )

    def add(self, entry: str) -> str:
        """The text with one more entry, written as the format has it, at the mapping's end. Raises CannotEdit."""
        if not self.mapping.is_mapping:
            raise CannotEdit("it is no mapping that something could be written into")
        if self.mapping.flow:
            place, added = self._added_in_braces(self.mapping, entry)
            return self._spliced(place, place, added)
        first, last = self.mapping.entries[0], self.mapping.entries[-1]
        self._lines_of(*first)
        place = self._lines_of(*last)[1]
        before = self.newline if place and self.text[place - 1] != "\n" else ""
        indent = self.text[self._line_start(first[0].start) : first[0].start]
        return self._spliced(place, place, f"{before}{indent}{entry}{self.newline}")

    def without(self, key: Node, value: Node) -> str:
        """The text without an entry of the mapping. Raises CannotEdit."""
        return self._remove(key, value)

    def _spliced(self, start: int, end: int, new: str, text: str | None = None) -> str:
        whole = self.text if text is None else text
        return whole[:start] + new + whole[end:]

    def _key_like(self, key: Node, name: str) -> str:
        """The name in the quotes that the key has."""
        quote = self.text[key.start]
        return f"{quote}{name}{quote}" if quote in "\"'" else name

    def _put(self, node: Node, value: Any) -> str:
        new, quote = self.write(value), self.text[node.start : node.start + 1]
        if isinstance(value, str) and quote and quote in "\"'" and new[:1] not in "\"'":
            new = f"{quote}{new}{quote}"
        return self._spliced(node.start, node.end, new if node.end > node.start else f" {new}")

    def _replace_value(self, key: Node, value: Node, new: Any) -> str:
        if value.flow:
            return self._put(value, new)
        ending = self.newline if self.text[value.end - 1 : value.end] == "\n" else ""
        return self._spliced(key.end, value.end, f": {self.write(new)}{ending}")

    # Entries of a mapping in braces.

    def _remove(self, key: Node, value: Node, *, leaves_comment: bool = False) -> str:
        if not self.mapping.flow:
            start, end = self._lines_of(key, value)
            behind = self.text[value.end : end].strip() if leaves_comment else ""
            comment = f"{self.text[start : key.start]}{behind}{self.newline}" if behind.startswith("#") else ""
            return self._spliced(start, end, comment)
        pairs = self.mapping.entries
        index = next(number for number, pair in enumerate(pairs) if pair[0] is key)
        if index + 1 < len(pairs):
            return self._spliced(key.start, pairs[index + 1][0].start, "")
        return self._spliced(pairs[index - 1][1].end if index else key.start, value.end, "")

    def _added_in_braces(self, mapping: Node, entry: str) -> tuple[int, str]:
        """Where an entry of a mapping in braces goes, and with what before it."""
        if not mapping.entries:
            return mapping.end - 1, entry
        key, value = mapping.entries[-1]
        before = self.text[: key.start]
        gap = before[len(before.rstrip()) :]
        alone = len(mapping.entries) == 1 and "\n" not in gap
        return value.end, f",{' ' if alone else gap}{entry}"

    # Entries of a mapping by indentation.

    def _line_start(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def _line_end(self, place: int) -> int:
        end = self.text.find("\n", place)
        return len(self.text) if end < 0 else end + 1

    def _lines_of(self, key: Node, value: Node) -> tuple[int, int]:
        start = self._line_start(key.start)
        if self.text[start : key.start].strip():
            raise CannotEdit("it does not begin its line")
        at_line_start = value.end > key.end and self.text[value.end - 1] == "\n"
        return start, value.end if at_line_start else self._line_end(value.end)

    # Into a mapping inside.

    def _move(self, key: Node, value: Node, new: tuple[str, ...], said: Any) -> str:
        section, name = new[0], new[-1]
        inner = self.mapping.child(section)
        whole = self.text[value.start : value.end] if said is AS_IT_STANDS else self.write(said)
        if inner is None:
            return self._wrap(key, value, section, name, whole)
        if value.marked and said is AS_IT_STANDS:
            raise CannotEdit("an anchor or a tag stands at its value")
        home = inner[1]
        if not home.is_mapping:
            raise CannotEdit(f"{section} is no mapping that it could be written into")
        if home.flow:
            if not value.flow:
                raise CannotEdit(f"it takes several lines and {section} stands in braces")
            place, entry = self._added_in_braces(home, f"{self._key_like(key, name)}: {whole}")
            return self._moved(key, value, place, entry)
        start, end = self._lines_of(key, value)
        last = home.entries[-1]
        depth = home.entries[0][0].start - self._line_start(home.entries[0][0].start)
        own = key.start - start
        lines = self._renamed_lines(start, end, key, name)
        if said is not AS_IT_STANDS:
            lines = [f"{' ' * own}{self._key_like(key, name)}: {whole}{self.newline}"]
        moved = "".join(self._indented(line, depth - own) for line in lines)
        return self._moved(key, value, self._lines_of(*last)[1], moved)

    def _renamed_lines(self, start: int, end: int, key: Node, name: str) -> list[str]:
        block = self.text[start : key.start] + self._key_like(key, name) + self.text[key.end : end]
        return (block if block.endswith("\n") else block + self.newline).splitlines(keepends=True)

    def _indented(self, line: str, by: int) -> str:
        if by >= 0 or not line.strip():
            return " " * by + line if line.strip() else line
        return line[-by:] if not line[:-by].strip() else line.lstrip(" ")

    def _moved(self, key: Node, value: Node, place: int, entry: str) -> str:
        """The entry at its new place, taken away at its old one."""
        if place and not self.mapping.flow and entry.endswith("\n") and self.text[place - 1] != "\n":
            entry = self.newline + entry
        # Braces have no room for the comment behind an entry, which then stays where it was.
        without = self._remove(key, value, leaves_comment=not entry.endswith("\n"))
        if place <= key.start:
            return without[:place] + entry + without[place:]
        shift = len(self.text) - len(without)
        return without[: place - shift] + entry + without[place - shift :]

    def _wrap(self, key: Node, value: Node, section: str, name: str, whole: str) -> str:
        """A mapping inside, made where the entry stands."""
        outer, inner = self._key_like(key, section), self._key_like(key, name)
        if self.mapping.flow:
            return self._spliced(key.start, value.end, f"{outer}: {{{inner}: {whole}}}")
        start, end = self._lines_of(key, value)
        indent, step = self.text[start : key.start], "  "
        lines = self._renamed_lines(start, end, key, name)
        if whole != self.text[value.start : value.end]:
            lines = [f"{indent}{inner}: {whole}{self.newline}"]
        moved = "".join(step + line if line.strip() else line for line in lines)
        return self._spliced(start, end, f"{indent}{outer}:{self.newline}{moved}")
