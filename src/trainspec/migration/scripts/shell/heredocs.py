"""Here-documents: text inside a script that goes into a file, or to the command in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.expansion import Expander
from trainspec.migration.scripts.shell.quoting import in_heredoc
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Word, without_assumptions

if TYPE_CHECKING:
    from tree_sitter import Node

_EXPANSIONS = frozenset({"simple_expansion", "expansion", "arithmetic_expansion", "command_substitution"})
_OWN = frozenset({"heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor", "comment"})
_STATEMENTS = frozenset({"pipeline", "command", "list", "redirected_statement", "subshell", "compound_statement"})


@dataclass(slots=True)
class Heredoc:
    """A here-document: its text, the file that it is written to, and what else stands on its first line."""

    text: str
    target: str = ""
    words: list[Node] = field(default_factory=list)
    behind: list[Node] = field(default_factory=list)

    def keep(self, scope: Scope, words: list[Word]) -> None:
        """Remember what a script writes into a file."""
        target = self.target
        if words and words[0] == "tee" and not target:
            target = next((str(word) for word in words[1:] if not word.startswith("-")), "")
        if target and words and words[0] in ("cat", "tee"):
            self.target = target
            scope.files[_plain(target)] = self.text


def heredocs_in(node: Node, expander: Expander) -> Iterator[Heredoc]:
    """The here-documents of a redirected statement."""
    targets = [_target(child, expander) for child in node.named_children if child.type == "file_redirect"]
    for child in node.named_children:
        if child.type != "heredoc_redirect":
            continue
        document = Heredoc(_text(child, expander), next(filter(None, targets), ""))
        for part in child.named_children:
            if part.type == "file_redirect":
                document.target = document.target or _target(part, expander)
            elif part.type in _STATEMENTS:
                document.behind.append(part)
            elif part.type not in _OWN:
                document.words.append(part)
        yield document


def words_behind(node: Node) -> Iterator[Node]:
    """The words of a command behind its redirections, `cmd > file --seed 7`, which the parser takes for files."""
    for child in node.named_children:
        if child.type == "file_redirect":
            targets = child.children_by_field_name("destination")
            closes = any(one.type in (">&-", "<&-") for one in child.children)
            yield from targets[0 if closes else 1 :]


def written_file(path: str, scope: Scope) -> str | None:
    """What a script has written into the file of that name."""
    return scope.files.get(_plain(path))


def _plain(path: str) -> str:
    return without_assumptions(path).removeprefix("./")


def _target(node: Node, expander: Expander) -> str:
    sign = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    return expander.text(target) if target is not None and sign in (">", ">|", ">>", "&>") else ""


def _text(node: Node, expander: Expander) -> str:
    start = next((child for child in node.children if child.type == "heredoc_start"), None)
    body = next((child for child in node.children if child.type == "heredoc_body"), None)
    if body is None or start is None:
        return ""
    text = expander.source[body.start_byte : body.end_byte].decode(errors="replace")
    if not set(expander.written(start)) & set("'\"\\"):
        text = _expanded(body, expander)
    indented = any(child.type == "<<-" for child in node.children)
    return "\n".join(line.lstrip("\t") for line in text.split("\n")) if indented else text


def _expanded(body: Node, expander: Expander) -> str:
    parts: list[str] = []
    position = body.start_byte
    for child in body.children:
        if child.type not in _EXPANSIONS:
            continue
        parts.append(in_heredoc(expander.source[position : child.start_byte].decode(errors="replace")))
        parts.append(expander.quoted_value(child))
        position = child.end_byte
    parts.append(in_heredoc(expander.source[position : body.end_byte].decode(errors="replace")))
    return "".join(parts)
