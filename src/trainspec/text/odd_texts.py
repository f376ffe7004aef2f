"""Texts that say something else than their author meant: placeholders that nobody fills in, null in words, quotes.

They are valid, and a run of that name works; but hardly anybody wants a folder called `${JOB}` or `None`.
"""

from __future__ import annotations

import re
from typing import Any

# Compiled at their first use, which most processes never come to.
_PLACEHOLDER = (
    r"\$\{[^{}]+\}|\$\([^()]+\)|\$[A-Za-z_]\w*"  # shells, OmegaConf, CI systems
    r"|\{\{[^{}]+\}\}|\{%.{1,200}?%\}"  # Jinja, and what is like it
    r"|%[A-Z_][A-Z0-9_]{2,}%"  # batch files; two characters may be a byte of a URL
    r"|%\([A-Za-z_]\w*\)s|\A\s*\?\?\?\s*\Z"  # configparser; what OmegaConf misses
)
# Somebody's own text may be a template, in which they stand for what the program fills in itself.
_NOTHING_ELSE = r"\$\{[^{}]+\}|\$[A-Za-z_]\w*|\?\?\?"
_NULL_WORDS = frozenset({"None", "null", "Null", "NULL"})
_SWITCH_WORDS = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_QUOTES = ('"', "'")

_WORDS = _NULL_WORDS | _SWITCH_WORDS


def might_be_odd(text: str) -> bool:
    """Whether a text, without blanks around it, has to be looked at more closely; the usual answer is a quick no."""
    # Several searches for one character are faster than one pattern.
    marked = "$" in text or "{" in text or '"' in text or "'" in text or "%" in text or "???" in text
    return marked or text in _WORDS


def placeholder_in(text: str, *, whole: bool = False) -> str | None:
    """What stands for something that nobody fills in here; with `whole` only where it is all of the text."""
    found = re.fullmatch(_NOTHING_ELSE, text.strip()) if whole else re.search(_PLACEHOLDER, text)
    return found.group() if found else None


def unquoted(text: str) -> str | None:
    """The text between the quotes around it; None where there are none, or others between them."""
    text = text.strip()
    inner = text[1:-1]
    quote = text[:1]
    return inner if quote in _QUOTES and len(text) > 2 and text[-1] == quote and quote not in inner else None


def is_null_word(text: str) -> bool:
    return text.strip() in _NULL_WORDS


def is_switch_word(text: str) -> bool:
    return text.strip() in _SWITCH_WORDS


def is_suspect(value: Any) -> bool:
    """Whether a value has to be looked at more closely: the usual answer is no, and quick."""
    if isinstance(value, str):
        return might_be_odd(value)
    if isinstance(value, dict):
        return any(map(is_suspect, value.values()))
    return isinstance(value, list | tuple | set | frozenset) and any(map(is_suspect, value))
