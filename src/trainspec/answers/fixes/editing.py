"""Single edits of a document's text that leave all else as it was: take out, rename, write a value, add a key."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from yaml import YAMLError

from trainspec.migration.planning import Edit
from trainspec.migration.surgery import CannotEdit, Surgeon
from trainspec.migration.toml_surgery import edit_toml, toml_lines
from trainspec.migration.trees import Node, json_tree, yaml_trees
from trainspec.migration.values import as_json, as_toml, as_yaml, quoted, toml_key
from trainspec.settings.sources.variables import NESTED

Path = tuple[str, ...]


class Editor(Protocol):
    """What edits one document of a text; each method gives the new text, or raises CannotEdit or NotWritable."""

    def remove(self, path: Path) -> str:
        """Without the key."""

    def rename(self, path: Path, new: str) -> str:
        """With the last key of a path under another name."""

    def put(self, path: Path, value: Any) -> str:
        """With a value in place of what stands there, or as a new key."""

    def twice(self, offset: int) -> list[tuple[int, str]]:
        """Of a key that stands twice, the second at an offset, each: where it is, and the text without the other."""


class TreeEditor:
    """A document of YAML or JSON."""

    def __init__(self, text: str, format: str, number: int) -> None:
        self._text = text
        self._is_json = format == "json"
        self._write: Callable[[Any], str] = as_json if self._is_json else as_yaml
        try:
            roots = [json_tree(text)] if self._is_json else list(yaml_trees(text))
        except YAMLError:
            # In a document after this one.
            raise CannotEdit("not all documents can be read") from None
        self._root = roots[number] if number < len(roots) else Node(len(text), len(text))
        self._is_alone = len(roots) <= 1

    def _parent(self, path: Path) -> Node:
        node = self._root
        for key in path[:-1]:
            found = node.child(key)
            if found is None:
                raise CannotEdit("it comes from an anchor or a merge key")
            node = found[1]
        return node

    def _surgeon(self, path: Path) -> Surgeon:
        return Surgeon(self._text, self._parent(path), self._write)

    def remove(self, path: Path) -> str:
        return self._surgeon(path).make(Edit(path[-1:], None))

    def rename(self, path: Path, new: str) -> str:
        if self._parent(path).child(new) is not None:
            raise CannotEdit("the other name is there, too")
        return self._surgeon(path).make(Edit(path[-1:], (new,)))

    def put(self, path: Path, value: Any) -> str:
        node, depth = self._root, 0
        while depth < len(path) and (found := node.child(path[depth])) is not None:
            node, depth = found[1], depth + 1
        if depth == len(path):
            return self._surgeon(path).make(Edit(path[-1:], path[-1:], value))
        for key in reversed(path[depth + 1 :]):
            value = {key: value}
        name = as_json(path[depth]) if self._is_json else path[depth]
        if depth == 0 and self._is_alone and not node.is_mapping and not node.text and not self._is_json:
            return self._at_end(f"{name}: {as_yaml(value)}")
        return Surgeon(self._text, node, self._write).add(f"{name}: {self._write(value)}")

    def _at_end(self, line: str) -> str:
        between = "" if not self._text or self._text.endswith("\n") else "\n"
        return f"{self._text}{between}{line}\n"

    def twice(self, offset: int) -> list[tuple[int, str]]:
        """As in Editor."""
        found = self._holding(self._root, offset)
        if found is None:
            return []
        mapping, second = found
        first = next(pair for pair in mapping.entries if pair[0].text == second[0].text)
        surgeon = Surgeon(self._text, mapping, self._write)
        pairs = ((first, second), (second, first))
        return [(kept[0].start, surgeon.without(*other)) for kept, other in pairs]

    def _holding(self, node: Node, offset: int) -> tuple[Node, tuple[Node, Node]] | None:
        """The mapping, and the pair in it, of which the key begins at an offset."""
        while node.is_mapping or node.items:
            inside = None
            for key, value in node.entries:
                if key.start == offset:
                    return node, (key, value)
                inside = value if value.start <= offset < value.end else inside
            for item in node.items:
                inside = item if item.start <= offset < item.end else inside
            if inside is None:
                return None
            node = inside
        return None


class TomlEditor:
    """A TOML document."""

    def __init__(self, text: str, values: dict[str, Any]) -> None:
        self._text = text
        self._values = values

    def _edit(self, path: Path, edit: Edit) -> str:
        values: Any = self._values
        for key in path[:-1]:
            values = values.get(key) if isinstance(values, dict) else None
        return edit_toml(self._text, path[:-1], values if isinstance(values, dict) else {}, edit)

    def remove(self, path: Path) -> str:
        return self._edit(path, Edit(path[-1:], None))

    def rename(self, path: Path, new: str) -> str:
        return self._edit(path, Edit(path[-1:], (new,)))

    def put(self, path: Path, value: Any) -> str:
        lines = list(toml_lines(self._text))
        if any(line.path == path and line.value is not None for line in lines):
            return self._edit(path, Edit(path[-1:], path[-1:], value))
        written = as_toml(value)
        table = [line for line in lines if line.path[:-1] == path[:-1] and line.value is not None]
        header = next((line for line in lines if line.path == path[:-1] and line.value is None), None)
        if len(path) > 1 and header is not None:
            place = (table[-1] if table else header).end
            return self._inserted(place, f"{toml_key(path[-1])} = {written}")
        around = next((line for line in lines if line.value is not None and path[: len(line.path)] == line.path), None)
        if around is not None and around.value is not None:
            return self._in_braces(around.value, path[len(around.path) :], written)
        first = next((line.start for line in lines if line.value is None), len(self._text))
        above = [line.end for line in lines if line.value is not None and line.end <= first]
        return self._inserted(above[-1] if above else 0, f"{'.'.join(map(toml_key, path))} = {written}")

    def _in_braces(self, span: tuple[int, int], path: Path, written: str) -> str:
        whole = self._text[slice(*span)]
        if not (whole.startswith("{") and whole.endswith("}")):
            raise CannotEdit("it is no table that something could be written into")
        inside = whole[1:-1].rstrip()
        added = f"{{{inside}{',' if inside else ''} {'.'.join(map(toml_key, path))} = {written} }}"
        return self._text[: span[0]] + added + self._text[span[1] :]

    def _inserted(self, place: int, line: str) -> str:
        before = "\n" if place and self._text[place - 1] != "\n" else ""
        return f"{self._text[:place]}{before}{line}\n{self._text[place:]}"

    def twice(self, offset: int) -> list[tuple[int, str]]:
        """As in Editor."""
        lines = [line for line in toml_lines(self._text) if line.value is not None]
        spans = [(line.path, line.start, line.end) for line in lines]
        return _either(self._text, spans, offset)


class VariablesEditor:
    """The variables of a dotenv file."""

    _LINE = re.compile(r"(?m)^([ \t]*(?:export[ \t]+)?)([^\s=#'\"]+)([ \t]*=[ \t]*)([^\r\n]*)(\r?\n|\Z)")

    def __init__(self, text: str, prefix: str) -> None:
        self._text = text
        self._prefix = prefix

    def _name(self, path: Path) -> str:
        return self._prefix + NESTED.join(path).upper()

    def _found(self, path: Path) -> list[re.Match[str]]:
        wanted = self._name(path)
        return [line for line in self._LINE.finditer(self._text) if line[2].upper() == wanted]

    def _line(self, path: Path) -> re.Match[str]:
        found = self._found(path)
        if len(found) != 1 or any(quote in found[0][4] and found[0][4].count(quote) % 2 for quote in "'\""):
            raise CannotEdit("it is no variable of one line")
        return found[0]

    def remove(self, path: Path) -> str:
        line = self._line(path)
        return self._text[: line.start()] + self._text[line.end() :]

    def rename(self, path: Path, new: str) -> str:
        line = self._line(path)
        name = new if new.startswith(self._prefix) else self._name((*path[:-1], *new.split(".")))
        if any(other[2].upper() == name.upper() for other in self._LINE.finditer(self._text)):
            raise CannotEdit("the other name is there, too")
        return self._text[: line.start(2)] + name + self._text[line.end(2) :]

    def put(self, path: Path, value: Any) -> str:
        text = value if isinstance(value, str) else as_json(value)
        text = text if re.fullmatch(r"[\w./:,+-]*", text) else f"'{text}'" if "'" not in text else quoted(text)
        if self._found(path):
            line = self._line(path)
            behind = re.search(r"[ \t]+#.*$", line[4])
            return self._text[: line.start(4)] + text + (behind[0] if behind else "") + self._text[line.end(4) :]
        between = "" if not self._text or self._text.endswith("\n") else "\n"
        return f"{self._text}{between}{self._name(path)}={text}\n"

    def twice(self, offset: int) -> list[tuple[int, str]]:
        """As in Editor."""
        spans = [(line[2], line.start(), line.end()) for line in self._LINE.finditer(self._text)]
        return _either(self._text, spans, offset)


def _either(text: str, spans: Sequence[tuple[Any, int, int]], offset: int) -> list[tuple[int, str]]:
    """Of what is named twice, the second at an offset, either alone; a name with its lines' span each."""
    second = next((one for one in spans if one[1] <= offset < one[2]), None)
    first = next((one for one in spans if second is not None and one[0] == second[0]), None)
    if first is None or second is None or first is second:
        return []
    pairs = ((first, second), (second, first))
    return [(kept[1], text[: other[1]] + text[other[2] :]) for kept, other in pairs]


def variables_in(text: str, prefix: str) -> dict[str, Any]:
    """The texts of variables with a prefix, nested as their names say."""
    found: dict[str, Any] = {}
    for line in VariablesEditor._LINE.finditer(text):
        name = line[2]
        if not name.upper().startswith(prefix.upper()):
            continue
        *above, last = name[len(prefix) :].lower().split(NESTED)
        inner = found
        for key in above:
            below = inner.get(key)
            inner[key] = below if isinstance(below, dict) else {}
            inner = inner[key]
        inner[last] = line[4].strip().strip("'\"")
    return found
