"""Single values as YAML, TOML and JSON write them on one line."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from trainspec.settings.sources.formats.yaml_lines import resolve_plain

_PLAIN = re.compile(r"[A-Za-z0-9_./+-](?:[A-Za-z0-9_./+@ -]*[A-Za-z0-9_./+@-])?")
# What YAML 1.1 reads as something else than text; other programs may still read files as 1.1.
_TAKEN = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class NotWritable(ValueError):
    """The form has no way to say this value; the message tells a person what and why."""


def as_yaml(value: Any) -> str:
    """A value in flow style, text without quotes where every reader takes it for text."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{as_yaml(str(key))}: {as_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, float):
        # To readers of YAML 1.1 a number without a point is no number once it has an exponent: 2.0e-05, not 2e-05.
        digits, exponent, power = repr(value).partition("e")
        return digits + (".0" if exponent and "." not in digits else "") + exponent + power
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _PLAIN.fullmatch(value) and not value.startswith("- ") and value != "-" and not value.startswith("---")
    if plain and resolve_plain(value) == value and value.lower() not in _TAKEN and not value[0].isdigit():
        return value
    return quoted(value)


def as_toml(value: Any) -> str:
    """A value on one line. Raises NotWritable for null."""
    if value is None:
        raise NotWritable("TOML has no null")
    if isinstance(value, dict):
        pairs = (f"{toml_key(str(key))} = {as_toml(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else quoted(key)


def as_json(value: Any) -> str:
    """A value on one line. Raises NotWritable for what JSON has no number for."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise NotWritable("JSON has neither nan nor infinity") from None


def quoted(text: str) -> str:
    """In double quotes, with what is not printable as escapes that YAML and TOML read alike."""
    return "".join(map(_escaped, json.dumps(text, ensure_ascii=False)))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
