"""Words of a shell from the syntax tree of a script, as sh makes them: expansions, then blanks, then quotes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.braces import with_braces
from trainspec.migration.scripts.shell.parameters import Parameters
from trainspec.migration.scripts.shell.pieces import BREAK, Kind, Piece, fields_of
from trainspec.migration.scripts.shell.quoting import bare, in_ansi_quotes, in_double_quotes
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Word

if TYPE_CHECKING:
    from tree_sitter import Node

_RUN = "only running a command would tell it"


class Expander:
    """Words of one text, under the variables of a scope."""

    def __init__(self, source: bytes, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.parameters = Parameters(self)

    def words(self, *nodes: Node) -> Iterator[Word]:
        """The words that one argument becomes: none, one or several."""
        line, column = self.place(nodes[0])
        for text in self.fields(*nodes):
            yield Word.at(text, line, column)

    def grouped(self, nodes: list[Node]) -> Iterator[list[Node]]:
        """The nodes of each argument: the parser takes `a\\ b` for two, though no blank divides them."""
        group: list[Node] = []
        for node in nodes:
            if group and self._gap(group[-1], node) in ("", "\\ ", "\\\t"):
                group.append(node)
            else:
                if group:
                    yield group
                group = [node]
        if group:
            yield group

    def _gap(self, one: Node, other: Node) -> str:
        return self.source[one.end_byte : other.start_byte].decode(errors="replace")

    def place(self, node: Node) -> tuple[int, int]:
        """Line and column of a node, from 1."""
        start = self.source.rfind(b"\n", 0, node.start_byte) + 1
        return node.start_point[0] + 1, len(self.source[start : node.start_byte].decode(errors="replace")) + 1

    def fields(self, *nodes: Node) -> list[str]:
        """The texts that one argument becomes."""
        whole: list[Piece] = []
        for number, node in enumerate(nodes):
            whole += self._plain(self._gap(nodes[number - 1], node)) if number else []
            whole += self.pieces(node)
        found: list[str] = []
        for pieces in with_braces(whole):
            found += fields_of(pieces, self.scope.marks)
        return found

    def text(self, node: Node) -> str:
        """One text, as an assignment has it: nothing is split."""
        return self.joined(self.pieces(node))

    @staticmethod
    def joined(pieces: list[Piece]) -> str:
        return "".join(" " if one is BREAK else one.text for one in pieces)

    def written(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode(errors="replace")

    def unknown(self, node: Node, reason: str) -> str:
        return self.scope.marks.unknown(self.written(node).strip(), reason)

    def pieces(self, node: Node) -> list[Piece]:
        """What a node of a word says, before blanks split it."""
        match node.type:
            case "string":
                return self.quoted(node)
            case "raw_string":
                return [Piece(self.written(node)[1:-1], Kind.QUOTED)]
            case "ansi_c_string":
                return [Piece(in_ansi_quotes(self.written(node)[2:-1]), Kind.QUOTED)]
            case "concatenation" | "translated_string" | "command_name" | "array" | "heredoc_body":
                return self._of_children(node)
            case "simple_expansion" | "expansion" | "arithmetic_expansion" | "command_substitution":
                return self._expanded(node, quoted=False)
            case "process_substitution" | "ERROR":
                return [Piece(self.unknown(node, _RUN), Kind.EXPANDED)]
        return self._plain(self.written(node))

    @staticmethod
    def _plain(text: str) -> list[Piece]:
        return [Piece(run, Kind.QUOTED if escaped else Kind.LITERAL) for run, escaped in bare(text)]

    def _of_children(self, node: Node) -> list[Piece]:
        pieces: list[Piece] = []
        for child in node.children:
            # $"..." is translated text: the sign says nothing about it.
            if child.type == "$" and child.next_sibling is not None and child.next_sibling.type == "string":
                continue
            pieces += self.pieces(child)
        return pieces

    def quoted(self, node: Node) -> list[Piece]:
        """What stands between double quotes: the parser leaves blanks to no node, so gaps are text too."""
        pieces: list[Piece] = []
        position = node.start_byte + 1
        for child in node.children[1:-1]:
            pieces += self._inner(position, child.start_byte)
            if child.type in ("simple_expansion", "expansion", "arithmetic_expansion", "command_substitution"):
                pieces += self._expanded(child, quoted=True)
            else:
                pieces += self._inner(child.start_byte, child.end_byte)
            position = child.end_byte
        pieces += self._inner(position, node.end_byte - 1)
        return pieces or ([Piece("", Kind.QUOTED)] if len(node.children) <= 2 else [])

    def quoted_value(self, node: Node) -> str:
        """What an expansion says where nothing is split: in a here-document."""
        return self.joined(self._expanded(node, quoted=True))

    def _inner(self, start: int, end: int) -> list[Piece]:
        text = in_double_quotes(self.source[start:end].decode(errors="replace")) if end > start else ""
        return [Piece(text, Kind.QUOTED)] if text else []

    def _expanded(self, node: Node, *, quoted: bool) -> list[Piece]:
        written = self.written(node)
        blank = written[: len(written) - len(written.lstrip())] if quoted else ""
        before = [Piece(in_double_quotes(blank), Kind.QUOTED)] if blank else []
        kind = Kind.QUOTED if quoted else Kind.EXPANDED
        if node.type == "command_substitution":
            return [*before, Piece(self.unknown(node, _RUN), kind)]
        if node.type == "arithmetic_expansion":
            return [*before, Piece(self.parameters.reckoned(node), kind)]
        return [*before, *self.parameters.pieces(node, kind)]
