"""`X=1`, `export X=1`, `ARGS+=(a)`, `unset X`: what they leave in a scope."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.expansion import Expander
from trainspec.migration.scripts.shell.scope import Value

if TYPE_CHECKING:
    from tree_sitter import Node

_SETTERS = frozenset({"read", "mapfile", "readarray", "getopts", "let", "printf"})
_NAME = re.compile(r"[A-Za-z_]\w*")
_PUBLIC = re.compile(r"-[A-Za-z]*x[A-Za-z]*")
_WHOLE = re.compile(r"-[A-Za-z]*[iAn][A-Za-z]*")


class Assignments:
    """Runs statements that set variables, in the scope of an Expander."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander
        self._scope = expander.scope

    def run(self, node: Node) -> None:
        match node.type:
            case "variable_assignment":
                self._assign(node)
            case "variable_assignments":
                for child in node.named_children:
                    self._assign(child)
            case "unset_command":
                for child in node.named_children:
                    self._unset(self._expander.written(child))
            case "declaration_command":
                self._declare(node)

    def _unset(self, name: str) -> None:
        if _NAME.fullmatch(name):
            self._scope.put(name, "")
            self._scope.exported.discard(name)

    def _declare(self, node: Node) -> None:
        words = [child for child in node.children[1:] if child.is_named]
        options = [text for child in words if (text := self._expander.written(child)).startswith("-")]
        public = node.children[0].type == "export" or any(map(_PUBLIC.fullmatch, options))
        if node.children[0].type == "export" and "-n" in options:
            public = False
        reckoned = node.children[0].type != "export" and any(map(_WHOLE.fullmatch, options))
        for child in words:
            said = self._assign(child) if child.type == "variable_assignment" else self._expander.written(child)
            if reckoned and said and child.type == "variable_assignment":
                self._scope.forget({said}, "it is declared as something else than text")
            if public and _NAME.fullmatch(said):
                self._scope.exported.add(said)

    def _assign(self, node: Node) -> str:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return ""
        if name.type == "subscript":
            whole = self._expander.written(name).partition("[")[0]
            self._scope.forget({whole}, "single items of it are set")
            return whole
        said = self._value(value)
        spelled = self._expander.written(name)
        self._scope.places[spelled] = self._expander.place(node)
        if any(child.type == "+=" for child in node.children):
            self._scope.append(spelled, said)
        else:
            self._scope.put(spelled, said)
        return spelled

    def _value(self, node: Node | None) -> Value:
        if node is None:
            return ""
        if node.type != "array":
            return self._expander.text(node)
        items: list[str] = []
        for child in node.named_children:
            if child.type == "comment":
                continue
            if re.match(r"\[[^\]]*\]=", self._expander.written(child)):
                return self._expander.unknown(node, "its items have names")
            items += self._expander.fields(child)
        return items


def assigned_in(node: Node, written: Callable[[Node], str]) -> set[str]:
    """The names of all variables that something inside a statement may set."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        waiting += one.children
        if one.type == "variable_assignment" and (name := one.child_by_field_name("name")) is not None:
            found.add(written(name).partition("[")[0])
        elif one.type in ("postfix_expression", "unary_expression", "binary_expression", "unset_command"):
            found |= {written(child) for child in one.named_children if child.type in ("variable_name", "word")}
        elif one.type == "command" and (words := written(one).split()) and words[0] in _SETTERS:
            found |= {spelled for word in words[1:] if _NAME.fullmatch(spelled := word.partition("=")[0])}
    return found
