"""What trackers never get to see: tokens in arguments, in settings, in a model's configuration, in error messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

from trainspec.text.redaction import HIDDEN, is_secret_name, redact_url, redact_whole_url

# Shorter values are words like "yes", which occur in any text.
_SHORTEST_SECRET = 8


def plain(value: Any, name: str = "") -> Any:
    """The value as JSON would hold it, with what may be a credential hidden at any depth."""
    if value is not None and is_secret_name(name):
        return HIDDEN
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | float | None):
        return value
    return redact_whole_url(str(value))


@contextmanager
def without_secret_arguments() -> Iterator[None]:
    """sys.argv without tokens and credentials inside the block."""
    before = sys.argv
    sys.argv = _discreet(before)
    try:
        yield
    finally:
        sys.argv = before


def safe_message(error: BaseException) -> str:
    """An error's text without credentials: those in URLs, and the values of this process's secret variables."""
    text = redact_url(str(error))
    for name, value in os.environ.items():
        if is_secret_name(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, HIDDEN)
    return text


def _discreet(arguments: list[str]) -> list[str]:
    shown: list[str] = []
    for position, argument in enumerate(arguments):
        flag, equals, _ = argument.partition("=")
        before = arguments[position - 1] if position else ""
        if equals and is_secret_name(_bare(flag)):
            shown.append(f"{flag}={HIDDEN}")
        elif before.startswith("-") and "=" not in before and is_secret_name(_bare(before)):
            shown.append(HIDDEN)
        else:
            shown.append(redact_whole_url(argument))
    return shown


def _bare(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")
