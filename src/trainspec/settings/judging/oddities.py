"""Warnings about texts that are valid and hardly what their author meant, and what to say of those that are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from enum import Enum
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import nearest
from trainspec.settings.values.masking import shown
from trainspec.settings.values.secret_types import is_secret_value
from trainspec.text.odd_texts import is_null_word, is_switch_word, might_be_odd, placeholder_in, unquoted
from trainspec.text.redaction import HIDDEN, printable, redact_url

if TYPE_CHECKING:
    from trainspec.settings.judging.pydantic_errors import Locate
    from trainspec.settings.values.kinds import Kind
    from trainspec.settings.values.shape import Shape

Path = tuple[str, ...]
UNFILLED, IN_WORDS, QUOTED = "VAL201", "VAL202", "VAL203"
_FILLED_IN = "write the value itself, or have it filled in before it gets here"


def oddities(shape: Shape, values: Mapping[str, Any], locate: Locate, ours: Set[str]) -> Iterator[Diagnostic]:
    """A warning for each text that is odd. Of `ours` no text is a template that a program fills in itself."""
    for name, kind in shape.kinds.items():
        if name in values and kind.holds_text:
            for code, path, text, part in _odd_texts(kind, values[name], (name,), ours=name in ours):
                yield _oddity(code, path, text, part, shape, locate)


def _oddity(code: str, path: Path, text: str, part: str, shape: Shape, locate: Locate) -> Diagnostic:
    name, conceal = printable(".".join(path)), shape.conceals(path)
    seen = shown(path[-1], text, secret=conceal)
    told = "a placeholder" if seen == HIDDEN else printable(redact_url(part))
    message, remedy = {
        UNFILLED: (f"{name} holds {told}, which nothing fills in here", _FILLED_IN),
        IN_WORDS: (f"{name} is the word {seen}, not {part}", f"write {part}, without quotes, or leave {name} out"),
        QUOTED: (f"the quotes are part of {name}", "write it without them"),
    }[code]
    why = CODES[code]
    return Diagnostic(
        code, why.name, "warning", message, why.reason, remedy, (Evidence(name, seen, nearest(path, locate)),)
    )


def _odd_texts(kind: Kind | None, value: Any, path: Path, *, ours: bool) -> Iterator[tuple[str, Path, str, str]]:
    """Each odd text in a value: its code, its path, itself, and what of it is odd; `ours` is a setting of ours."""
    if is_secret_value(value):
        value = value.get_secret_value()
    if isinstance(value, str) and not isinstance(value, Enum):
        code, part = _what_is_odd(kind, value, ours=ours)
        if code is not None:
            yield code, path, value, part
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _odd_texts(kind.values if kind else None, item, (*path, str(key)), ours=ours)
    elif isinstance(value, list | tuple | set | frozenset):
        for number, item in enumerate(value):
            yield from _odd_texts(kind.items if kind else None, item, (*path, str(number)), ours=ours)


def _what_is_odd(kind: Kind | None, text: str, *, ours: bool) -> tuple[str | None, str]:
    if not might_be_odd(text.strip()) or (kind is not None and text in kind.choices):
        return None, ""
    # A password may have a dollar sign in it.
    whole = not ours or (kind is not None and kind.secret)
    if (part := placeholder_in(text, whole=whole)) is not None:
        return UNFILLED, part
    if is_null_word(text) or (kind is not None and kind.boolean and is_switch_word(text)):
        return IN_WORDS, "null" if is_null_word(text) else text.strip().lower()
    return (QUOTED, "") if unquoted(text) is not None else (None, "")


def hint(kind: Kind | None, value: Any, *, conceal: bool) -> str:
    """What to do about a text that is refused, where its looks tell."""
    if kind is None or not isinstance(value, str):
        return ""
    if placeholder_in(value) is not None:
        return f"placeholders are not filled in here: {_FILLED_IN}"
    if unquoted(value) is not None and not (kind.items is not None and "," in value):
        return "the quotes are part of the value: write it without them"
    if kind.null and is_null_word(value):
        return "write null, without quotes"
    return "" if conceal else _as_list(kind, value)


def _as_list(kind: Kind, text: str) -> str:
    """How words in one text are written as a list, where a list is wanted and each stands for an item."""
    is_free = kind.items is not None and kind.items.text
    parts = text.split(",") if is_free else text.replace(",", " ").split()
    words = [word for part in parts if (word := part.strip())]
    if kind.items is None or kind.text or len(words) < 2 or text.lstrip()[:1] in ("[", "{"):
        return ""
    return printable(redact_url(f"write it as a list: [{', '.join(words)}]"))
