"""Words of a shell from the syntax tree of a script, as sh makes them: expansions, then blanks, then quotes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.braces import with_braces
from trainspec.migration.scripts.shell.parameters import Parameters
from trainspec.migration.scripts.shell.pieces import BREAK, Kind, Piece, fields_of
from trainspec.migration.scripts.shell.quoting import bare, in_ansi_quotes, in_double_quotes
from trainspec.migration.scripts.shell.scope import Scope
from trainspec.migration.scripts.words import Word

if TYPE_CHECKING:
    from tree_sitter import Node

# Putting one word together takes as long as so many of the steps inside it.
_WORK = 40
_RUN = "only running a command would tell it"
_GAP = re.compile(r"\\\n|\\.|\s+|[^\\\s]+|\\", re.S)
_STRUCTURED = frozenset(
    {
        *("string", "raw_string", "ansi_c_string", "translated_string", "concatenation", "command_name", "array"),
        *("simple_expansion", "expansion", "arithmetic_expansion", "command_substitution", "process_substitution"),
        "ERROR",
    }
)
_NAME_AND_BRACE = re.compile(r"\$\w+\{")
_OVERLOOKED = re.compile(r"\$(\w+|(?=[{(]))|`")
BESIDE = frozenset({"file_redirect", "herestring_redirect", "heredoc_redirect", "variable_assignment", "comment"})
"""What stands among the words of a command and is none."""


class Expander:
    """Words of one text, under the variables of a scope."""

    def __init__(self, source: bytes, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.parameters = Parameters(self)
        self._seen = (0, 0, 1)

    def words(self, *parts: Node | str) -> Iterator[Word]:
        """The words that one argument becomes: none, one or several."""
        nodes = [part for part in parts if not isinstance(part, str)]
        line, column = self.place(nodes[0]) if nodes else (0, 0)
        for text in self.fields(*parts):
            yield Word.at(text, line, column)

    def grouped(self, nodes: list[Node]) -> Iterator[list[Node | str]]:
        """The parts of each argument: the parser drops a blank behind a backslash, and divides what it joins."""
        group: list[Node | str] = []
        before: Node | None = None
        for node in nodes:
            between = b"" if before is None else self.source[before.end_byte : node.start_byte]
            for gap in _GAP.findall(between.decode(errors="replace")):
                if gap.isspace() and group:
                    yield group
                    group = []
                elif not gap.isspace() and gap != "\\\n":
                    group.append(gap)
            before = node
            if node.type in BESIDE:
                yield group
                group = []
            else:
                group.append(node)
        yield group

    def place(self, node: Node) -> tuple[int, int]:
        """Line and column of a node, from 1."""
        line = node.start_point[0] + 1
        before, byte, column = self._seen
        if before != line or byte > node.start_byte:
            byte, column = node.start_byte - node.start_point[1], 1
        # On from the node before it: all words of a script may stand on one line.
        column += len(self.source[byte : node.start_byte].decode(errors="replace"))
        self._seen = line, node.start_byte, column
        return line, column

    def fields(self, *parts: Node | str) -> list[str]:
        """The texts that one argument becomes."""
        whole = self._in_a_row(parts)
        self.scope.marks.spend(_WORK)
        words = with_braces(whole, self.scope.marks)
        raw = "".join(part if isinstance(part, str) else self.written(part) for part in parts)
        if len(words) > 1 and _NAME_AND_BRACE.search(raw):
            return [self.scope.marks.unknown(raw, "braces are expanded into the name of a variable")]
        return [field for pieces in words for field in fields_of(pieces, self.scope.marks)]

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

    def _plain(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        for run, escaped in bare(text):
            pieces += [Piece(run, Kind.QUOTED)] if escaped else self._with_overlooked(run)
        return pieces

    def _with_overlooked(self, text: str) -> list[Piece]:
        """Text outside quotes, with variables that the parser took for text: `$X\\ y`."""
        pieces: list[Piece] = []
        position = 0
        for found in _OVERLOOKED.finditer(text):
            pieces.append(Piece(text[position : found.start()], Kind.LITERAL))
            position = found.end()
            value = self.parameters.value(found[1]) if found[1] else None
            plain = value if isinstance(value, str) else self.scope.marks.unknown(found[0], "it is not known here")
            pieces.append(Piece(plain, Kind.EXPANDED))
        return [*pieces, Piece(text[position:], Kind.LITERAL)]

    def _of_children(self, node: Node) -> list[Piece]:
        # $"..." is translated text: the sign says nothing about it.
        return self._in_a_row([child for child in node.children if not is_sign(child)])

    def _in_a_row(self, parts: Iterable[Node | str]) -> list[Piece]:
        """Parts of one word; text that the parser has divided, a sign from its name too, is read as one."""
        pieces: list[Piece] = []
        text = ""
        for part in _flat(parts):
            if isinstance(part, str) or part.type not in _STRUCTURED:
                text += part if isinstance(part, str) else self.written(part)
                continue
            pieces += [*self._plain(text), *self.pieces(part)]
            text = ""
        return [*pieces, *self._plain(text)]

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


def is_sign(node: Node) -> bool:
    """Whether it is the sign of $"text", which a translation may be looked up for."""
    return node.type == "$" and node.next_sibling is not None and node.next_sibling.type == "string"


def _flat(parts: Iterable[Node | str]) -> Iterator[Node | str]:
    for part in parts:
        if not isinstance(part, str) and part.type == "concatenation":
            yield from part.children
        else:
            yield part
