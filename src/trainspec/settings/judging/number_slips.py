"""What number or truth value a text that is none was meant to be, so that a message can say what to write."""

from __future__ import annotations

import ast
import operator
import re
import unicodedata
from typing import TYPE_CHECKING

from trainspec.settings.values.coercion import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.values.kinds import Kind

_TRUTH = {
    **dict.fromkeys(("yes", "y", "on", "1", "t", "enabled", "enable"), "true"),
    **dict.fromkeys(("no", "n", "off", "0", "f", "disabled", "disable"), "false"),
}
_SCALES = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
}
LONGEST = 40


def meant(kind: Kind, text: str) -> str:
    """The number or truth value that `text` stands for, as it is to be written; empty where that is a guess."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").strip().strip("'\"`").strip()
    if not plain or len(plain) > LONGEST:
        return ""
    if kind.boolean and (word := _TRUTH.get(plain.lower()) or {"true": "true", "false": "false"}.get(plain.lower())):
        return word
    if not (kind.integer or kind.number):
        return ""
    return next((number for number in _numbers(plain) if not isinstance(parse(kind, number), str)), "")


def _numbers(text: str) -> Iterator[str]:
    """Numbers that the text can stand for, in one way only."""
    yield text
    text = text.rstrip(",; ")
    yield text
    if re.fullmatch(r"[-+]?\d{1,3}([_,' ]\d{3})+(\.\d*)?", text) or re.fullmatch(r"[-+]?\d+(_\d+)+(\.\d*)?", text):
        yield re.sub(r"[_,' ]", "", text)
    if re.fullmatch(r"[-+]?\d+,\d+(e[-+]?\d+)?", text, re.IGNORECASE):
        yield text.replace(",", ".")
    if found := re.fullmatch(r"([-+]?[\d.]+) ?%", text):
        yield _shortest(float(found[1]) / 100) if found[1].count(".") <= 1 and found[1] != "." else ""
    if found := re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmb])", text, re.IGNORECASE):
        yield _shortest(float(found[1]) * _SCALES[found[2].lower()])
    if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?[fdl]", text, re.IGNORECASE):
        yield text[:-1]
    yield re.sub(r"(?i)(?<=[\d.])d(?=[-+]?\d+$)", "e", text)
    yield re.sub(r"(?<=\d) +(?=e)|(?<=e) +|(?<=[-+]) +(?=\d+$)", "", text)
    if found := re.fullmatch(r"(?:([\d.]+) ?[x*] ?)?10 ?(?:\^|\*\*) ?\(?(-?\d{1,3})\)?", text):
        yield f"{found[1] or 1}e{found[2]}"
    yield _worked_out(text)


def _worked_out(text: str) -> str:
    """A sum or product of two numbers, such as 64/8."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if not isinstance(tree, ast.BinOp) or type(tree.op) not in _OPERATORS:
        return ""
    sides = [side.value for side in (tree.left, tree.right) if isinstance(side, ast.Constant)]
    if len(sides) != 2 or not all(type(side) in (int, float) for side in sides):
        return ""
    try:
        return _shortest(_OPERATORS[type(tree.op)](*sides))  # type: ignore[arg-type]
    except (ZeroDivisionError, OverflowError):
        return ""


def _shortest(number: float) -> str:
    rounded = float(f"{number:.12g}")
    return str(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)
