"""Texts of ours as they stand in the source: what messages are composed of, with a sign where a value goes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import trainspec

SOURCE = Path(trainspec.__file__).parent
VALUE = "\0"
"""Stands for a value in a text."""
# Whose arguments people read: what makes a diagnostic of them, or is made into one where it is caught.
SAYING = frozenset(
    {"mistake", "found", "finding", "refused", "refusal", "source_error", "fault", "NotDeployable", "NotWritable"}
)
# Most texts have no more alternatives; a product of many is no text that anybody would see whole.
_MOST = 64


class Text(NamedTuple):
    """A text of the source, and where it is."""

    place: str
    text: str


@cache
def modules() -> dict[str, ast.Module]:
    """The package's modules but for the catalogues, by their path."""
    files = [path for path in sorted(SOURCE.rglob("*.py")) if "languages" not in path.parts]
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def texts_of(node: ast.expr, local: dict[str, list[str]] | None = None) -> list[str]:
    """What an expression may be as a text, with VALUE for what is not known; nothing where no part of it is known."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        return (local or {}).get(node.id, [])
    if isinstance(node, ast.JoinedStr):
        parts = [texts_of(part, local) or [VALUE] for part in node.values]
        return ["".join(one) for one in itertools.islice(itertools.product(*parts), _MOST)]
    if isinstance(node, ast.FormattedValue):
        # A name in it is of a value, whatever that was made of.
        return texts_of(node.value)
    if isinstance(node, ast.IfExp):
        return [text for part in (node.body, node.orelse) for text in texts_of(part, local) or [VALUE]]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [texts_of(side, local) for side in (node.left, node.right)]
        return ["".join(one) for one in itertools.product(*(side or [VALUE] for side in sides))] if any(sides) else []
    return []


def _local_texts(function: ast.AST) -> dict[str, list[str]]:
    """The texts that the names of a function are given in it."""
    given: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    given.setdefault(target.id, []).extend(texts_of(node.value, given))
    return given


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Call):
        # What was made to be called: words_for(given)("...").
        return {"words_for": "words", "words_of_line": "words"}.get(_called(node.func), "")
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


@cache
def said() -> tuple[Text, ...]:
    """What diagnostics are made of, each once: messages, reasons, remedies."""
    found: dict[str, str] = {}
    for path, module in modules().items():
        for function in ast.walk(module):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _called(node) in SAYING]
                local = _local_texts(function) if calls else {}
                for call in calls:
                    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
                    for text in (text for argument in arguments for text in texts_of(argument, local)):
                        found.setdefault(text, f"{path}:{call.lineno}")
    return tuple(Text(place, text) for text, place in found.items() if " " in text.replace(VALUE, "").strip())


@cache
def shown() -> tuple[Text, ...]:
    """What is asked of a language by its whole text, as `words("...")` asks."""
    return tuple(
        Text(f"{path}:{node.lineno}", text)
        for path, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and _called(node) in ("words", "_said") and node.args
        for text in texts_of(node.args[0])
        if VALUE not in text
    )


def strings() -> Iterator[str]:
    """Every text of the source, as a whole."""
    for module in modules().values():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp):
                yield from texts_of(node)
