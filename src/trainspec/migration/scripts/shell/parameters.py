"""`$X`, `${X:-d}`, `${X%.py}`, `"${ARGS[@]}"`, `$((N / 8))`: what variables say in a word."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from trainspec.migration.scripts.shell.arithmetic import NotReckoned, reckon
from trainspec.migration.scripts.shell.pieces import BREAK, Kind, Piece
from trainspec.migration.scripts.shell.quoting import bare
from trainspec.migration.scripts.shell.scope import Scope, Value
from trainspec.migration.scripts.words import assumptions_of, is_known, without_assumptions

if TYPE_CHECKING:
    from tree_sitter import Node

    from trainspec.migration.scripts.shell.expansion import Expander

_PLAIN = re.compile(r"\s*\$(?:([A-Za-z_]\w*|[0-9]|[@*#?$!-])|\{([A-Za-z_]\w*|[0-9]+|[@*#?$!-])\})")
_BRACED = re.compile(
    r"\s*\$\{(?P<sign>[#!])?(?P<name>[A-Za-z_]\w*|\d+|[@*])(?:\[(?P<index>[^\]]*)\])?(?P<rest>.*)\}", re.S
)
_DEFAULT = re.compile(r"(:?)([-=+?])", re.S)
_SLICE = re.compile(r":\s*(?:\(\s*)?(-?\d+)\s*\)?\s*(?::\s*(-?\d+))?")
_UNSET = "nothing in the script sets it"
_GIVEN = "the script is given it when it is started"
_LATER = "what is done to it is not worked out here"


class Parameters:
    """Expansions of variables, of one Expander."""

    def __init__(self, expander: Expander) -> None:
        self._expander = expander

    @property
    def _scope(self) -> Scope:
        return self._expander.scope

    def value(self, name: str) -> Value | None:
        """What a variable holds; None where nothing in the script says."""
        scope = self._scope
        if not name.isdigit() and name not in ("@", "*"):
            found: Value | None = scope.values.get(name)
            return found
        if scope.arguments is None or name == "0":
            return None
        if name in ("@", "*"):
            return list(scope.arguments)
        number = int(name)
        if any(map(scope.marks.may_be_several, scope.arguments[:number])):
            return None
        return scope.arguments[number - 1] if number <= len(scope.arguments) else ""

    def _unknown(self, node: Node, reason: str = _UNSET) -> str:
        return self._expander.unknown(node, reason)

    def pieces(self, node: Node, kind: Kind) -> list[Piece]:
        """What `$X` or `${X...}` says."""
        written = self._expander.written(node)
        plain = _PLAIN.fullmatch(written)
        if plain is not None:
            return self._plain(node, plain[1] or plain[2], kind)
        found = _BRACED.fullmatch(written)
        if found is None:
            return [Piece(self._unknown(node, _LATER), kind)]
        if found["index"] is not None or found["name"] in "@*":
            return self._of_array(node, found, kind)
        return self._braced(node, found, kind)

    def _plain(self, node: Node, name: str, kind: Kind) -> list[Piece]:
        if name == "#":
            arguments = self._scope.arguments
            known = arguments is not None and not any(map(self._scope.marks.may_be_several, arguments))
            return [Piece(str(len(arguments or ())) if known else self._unknown(node, _GIVEN), kind)]
        value = self.value(name)
        if value is None:
            if name == "0" or name in "?$!-":
                return [Piece(self._unknown(node, "only a run would tell it"), kind)]
            reason = _GIVEN if name.isdigit() or name in "@*" else _UNSET
            return [Piece(self._unknown(node, reason), kind)]
        if isinstance(value, list) and name not in ("@", "*"):
            value = value[0] if value else ""
        return self._spread(value, kind, joined=name == "*")

    @staticmethod
    def _spread(value: Value, kind: Kind, *, joined: bool = False) -> list[Piece]:
        """An array as one piece an item, with a break between them."""
        if isinstance(value, str):
            return [Piece(value, kind)]
        if joined and kind is Kind.QUOTED:
            return [Piece(" ".join(value), kind)]
        pieces: list[Piece] = []
        for item in value:
            pieces += [BREAK, Piece(item, kind)] if pieces else [Piece(item, kind)]
        return pieces

    def _of_array(self, node: Node, found: re.Match[str], kind: Kind) -> list[Piece]:
        value = self.value(found["name"])
        if value is None:
            return [Piece(self._unknown(node, _GIVEN if found["name"] in "@*" else _UNSET), kind)]
        items = [value] if isinstance(value, str) else value
        index, rest = found["index"] or found["name"], found["rest"]
        plain = index in ("@", "*") and not found["sign"] and not rest
        if not plain and any(not is_known(item) for item in items):
            # How many items there are, and which is which, is not known either.
            return [Piece(self._unknown(node, "not all items of it are known"), kind)]
        if index in ("@", "*"):
            if found["sign"] == "#" and not rest:
                return [Piece(str(len(items)), kind)]
            if not found["sign"] and not rest:
                return self._spread(items if isinstance(value, list) else value, kind, joined=index == "*")
            cut = _SLICE.fullmatch(rest)
            if not found["sign"] and cut is not None:
                return self._spread(_sliced(items, cut, from_one=found["name"] in "@*"), kind)
        elif not found["sign"] and not rest and (number := self._number(index)) is not None:
            inside = -len(items) <= number < len(items)
            return [Piece(items[number] if inside else "", kind)]
        return [Piece(self._unknown(node, _LATER), kind)]

    def _number(self, text: str) -> int | None:
        try:
            return reckon(text, self._known)
        except NotReckoned:
            return None

    def _braced(self, node: Node, found: re.Match[str], kind: Kind) -> list[Piece]:
        name, rest = found["name"], found["rest"]
        value = self.value(name)
        value = (value[0] if value else "") if isinstance(value, list) else value
        if found["sign"] == "#" and not rest and value is not None and is_known(value):
            return [Piece(f"{len(without_assumptions(value))}{assumptions_of(value)}", kind)]
        if found["sign"] == "!" and not rest and value is not None and is_known(value):
            said = self.value(without_assumptions(value))
            return [Piece(self._unknown(node), kind)] if said is None else self._spread(said, kind)
        if found["sign"]:
            return [Piece(self._unknown(node, _LATER), kind)]
        asked = _DEFAULT.match(rest)
        if asked is not None:
            return self._with_default(node, (name, value), asked, kind)
        if value is None:
            return [Piece(self._unknown(node), kind)]
        changed = _changed(without_assumptions(value), rest) if is_known(value) else None
        if changed is None:
            return [Piece(self._unknown(node, _LATER), kind)]
        return [Piece(changed + assumptions_of(value), kind)]

    def _with_default(self, node: Node, held: tuple[str, str | None], asked: re.Match[str], kind: Kind) -> list[Piece]:
        """`${X:-d}`, `${X:=d}`, `${X:+d}`, `${X:?text}`."""
        name, value = held
        sign, also_empty = asked[2], asked[1] == ":"
        is_empty = value is not None and without_assumptions(value) == ""
        if value is not None and not is_known(value) and also_empty:
            return [Piece(self._unknown(node, "whether it is set is not known"), kind)]
        if sign == "+":
            if value is None:
                return [Piece(self._unknown(node), kind)]
            return [] if is_empty and also_empty else self._default(node, asked, kind)
        if value is not None and not (is_empty and also_empty):
            return [Piece(value, kind)]
        if sign == "?" or (value is None and name.isdigit() and sign == "="):
            return [Piece(self._unknown(node), kind)]
        pieces = self._default(node, asked, kind)
        if value is None:
            said = self._expander.joined(pieces)
            pieces.append(Piece(self._scope.marks.assumed(name, without_assumptions(said)), kind))
        if sign == "=":
            self._scope.put(name, self._expander.joined(pieces))
        return pieces

    def _default(self, node: Node, asked: re.Match[str], kind: Kind) -> list[Piece]:
        """The word behind the sign; in quotes it is not split, and its own quotes stay letters no more."""
        sign = next(at for at, one in enumerate(node.children) if one.type == asked[0])
        pieces: list[Piece] = []
        position = node.children[sign].end_byte
        for child in node.children[sign + 1 : -1]:
            gap = self._expander.source[position : child.start_byte].decode(errors="replace")
            pieces += [Piece(gap, kind)] * bool(gap)
            position = child.end_byte
            for one in self._expander.pieces(child):
                quoted = kind is Kind.QUOTED or one.kind is Kind.QUOTED
                pieces.append(one if one is BREAK else Piece(one.text, Kind.QUOTED if quoted else Kind.EXPANDED))
        return pieces or [Piece("", kind)]

    def reckoned(self, node: Node) -> str:
        """What `$((...))` comes to."""
        written = self._expander.written(node).strip()
        inner = written[3:-2] if written.startswith("$((") else written[2:-1]
        rests: list[str] = []

        def known(name: str) -> str:
            text = self._known(name)
            rests.append(assumptions_of(text))
            return without_assumptions(text)

        try:
            return f"{reckon(_without_defaults(inner), known)}{''.join(rests)}"
        except NotReckoned:
            return self._unknown(node, "not all of it is known whole numbers")

    def _known(self, name: str) -> str:
        value = self.value(name)
        if not isinstance(value, str) or not is_known(value):
            raise NotReckoned
        return value


def _without_defaults(text: str) -> str:
    """Refuse `${X:-8}` inside of arithmetic, whose sign would read as a minus. Raises NotReckoned."""
    if re.search(r"\$\{[^}]*[^\w}]", text) or "$(" in text or "`" in text:
        raise NotReckoned
    return text


def _sliced(items: list[str], cut: re.Match[str], *, from_one: bool) -> list[str]:
    start = int(cut[1]) - (1 if from_one and int(cut[1]) > 0 else 0)
    return items[start:] if cut[2] is None else items[start:][: int(cut[2])] if int(cut[2]) >= 0 else items[start:]


def _changed(value: str, rest: str) -> str | None:
    """`%`, `%%`, `#`, `##`, `/`, `//`, `^^`, `,,`, `:1:3` with patterns that hold nothing to expand; else None."""
    if not rest:
        return value
    if rest in ("^^", ",,", "^", ","):
        changes = {"^^": value.upper(), ",,": value.lower()}
        return changes.get(rest, (value[:1].upper() if rest == "^" else value[:1].lower()) + value[1:])
    cut = _SLICE.fullmatch(rest)
    if cut is not None:
        start = int(cut[1])
        end = len(value) if cut[2] is None else int(cut[2]) if int(cut[2]) < 0 else start + int(cut[2])
        return value[start:end] if start >= 0 else None
    if "$" in rest or "`" in rest or "'" in rest or '"' in rest:
        return None
    sign = next((one for one in ("%%", "##", "//", "%", "#", "/") if rest.startswith(one)), "")
    pattern = "".join(text for text, _ in bare(rest[len(sign) :]))
    if sign in ("%", "%%", "#", "##"):
        return _trimmed(value, sign, pattern)
    old, _, new = pattern.partition("/")
    if sign not in ("/", "//") or not old or set(old) & set("*?[#%\\"):
        return None
    return value.replace(old, new) if sign == "//" else value.replace(old, new, 1)


def _trimmed(value: str, sign: str, pattern: str) -> str:
    """Without the shortest, or longest, beginning or end that a pattern matches."""
    lengths = range(len(value) + 1) if len(sign) == 1 else range(len(value), -1, -1)
    for length in lengths:
        part = value[len(value) - length :] if sign[0] == "%" else value[:length]
        if fnmatch.fnmatchcase(part, pattern):
            return value[: len(value) - length] if sign[0] == "%" else value[length:]
    return value
