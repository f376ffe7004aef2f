"""A document of settings as TRAINSPEC_* variables, each checked to read back as the value that it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.variables import NESTED, TASK
from trainspec.settings.values.coercion import Manner, coerce
from trainspec.settings.values.kinds import Kind

# A task's key that a variable can name, and a word that no type reads as something else.
_PLAIN_KEY = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9/.][\w/.:@ -]*(?<! )")
_NO_WORDS = frozenset({"null", "none", "true", "false", "yes", "no", "on", "off"})


def as_variables(document: Mapping[str, Any]) -> dict[str, str] | None:
    """The variables that say what the document says; None where a value has no spelling as a variable."""
    prefix, kinds = TrainingArguments.env_prefix, TrainingArguments.field_kinds()
    found: dict[str, str] = {}
    for name, value in document.items():
        if name == TASK:
            found.update(_of_task(value or {}, f"{prefix}{TASK.upper()}"))
            continue
        text = next((text for text in _spellings(value) if _reads_back(kinds[name], text, value)), None)
        if text is None:
            return None
        found[f"{prefix}{name.upper()}"] = text
    return found


def _spellings(value: Any) -> Iterator[str]:
    """Ways to write the value as text, the most readable first."""
    if value is None or isinstance(value, bool):
        yield json.dumps(value)
    elif isinstance(value, int | float):
        yield repr(value)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield ",".join(value)
        yield _json(value)
    else:
        yield _json(value)


def _reads_back(kind: Kind, text: str, value: Any) -> bool:
    plain = text.strip()
    return bool(plain) and "\0" not in plain and _same(coerce(kind, plain, Manner.STRINGS), value)


def _same(read: Any, value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return not isinstance(read, bool) and bool(read == value)
    return type(read) is type(value) and _json(read) == _json(value)


def _of_task(section: Mapping[str, Any], name: str) -> dict[str, str]:
    """The types of a task's settings are not known here: plain words are variables, all else is JSON in one."""
    if all(_PLAIN_KEY.fullmatch(key) and _is_plain(value) for key, value in section.items()):
        return {f"{name}{NESTED}{key.upper()}": next(_spellings(value)) for key, value in section.items()}
    return {name: _json(section)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return _PLAIN_WORD.fullmatch(value) is not None and value.lower() not in _NO_WORDS
    return isinstance(value, bool | int | float)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
