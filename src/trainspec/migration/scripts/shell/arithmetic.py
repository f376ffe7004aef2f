"""`$((64 / 8))`: whole numbers as a shell reckons with them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

_LARGEST = 2**63
_LONGEST = 200
_NAME = re.compile(r"\$?\{?\b([A-Za-z_][A-Za-z0-9_]*)\b\}?")


class NotReckoned(Exception):
    """An expression of something else than known whole numbers."""


def _divided(one: int, other: int) -> int:
    """Towards zero, as C has it."""
    if other == 0:
        raise NotReckoned
    whole = abs(one) // abs(other)
    return whole if (one < 0) == (other < 0) else -whole


def _rest(one: int, other: int) -> int:
    return one - other * _divided(one, other)


def _power(one: int, other: int) -> int:
    if not 0 <= other < 64:
        raise NotReckoned
    return int(one**other)


_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divided,
    ast.FloorDiv: _divided,
    ast.Mod: _rest,
    ast.Pow: _power,
}


def reckon(text: str, lookup: Callable[[str], str]) -> int:
    """The value of an expression; `lookup` gives the text of a variable. Raises NotReckoned."""
    if "//" in text:
        raise NotReckoned
    plain = _NAME.sub(lambda found: f"({lookup(found[1]).strip() or '0'})", text)
    if len(plain) > _LONGEST or not re.fullmatch(r"[0-9+\-*/%() \t\n]*", plain) or re.search(r"\b0\d", plain):
        raise NotReckoned
    try:
        found = _value(ast.parse(plain.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotReckoned from None
    if not -_LARGEST <= found < _LARGEST:
        raise NotReckoned
    return found


def _value(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        found = _OPERATORS[type(node.op)](_value(node.left), _value(node.right))
        if -_LARGEST <= found < _LARGEST:
            return found
    raise NotReckoned
