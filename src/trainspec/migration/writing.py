"""A document of settings in each form that a source of settings reads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from trainspec.migration.values import NotWritable, as_toml, as_yaml, toml_key
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.variables import TASK
from trainspec.settings.views.schema.text_patterns import as_text, in_dotenv

_NO_OPTIONS: dict[str, str] = {}


def as_yaml_file(document: Mapping[str, Any], *, options: Mapping[str, str] = _NO_OPTIONS) -> str:
    """YAML that reads alike as 1.1 and 1.2, a line a setting."""
    return "".join(_yaml_lines(document, "")) or "{}\n"


def _yaml_lines(document: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in document.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{as_yaml(str(name))}:\n"
            yield from _yaml_lines(value, indent + "  ")
        else:
            yield f"{indent}{as_yaml(str(name))}: {as_yaml(value)}\n"


def as_toml_file(document: Mapping[str, Any], *, options: Mapping[str, str] = _NO_OPTIONS) -> str:
    """TOML. A null is left out where it is what holds anyway. Raises NotWritable for any other."""
    fields = TrainingArguments.__pydantic_fields__
    said = {
        name: value
        for name, value in document.items()
        if not (value is None and name in fields and fields[name].get_default(call_default_factory=True) is None)
    }
    lines = [_toml_line((name,), value) for name, value in said.items() if not isinstance(value, dict)]
    for name, value in said.items():
        if isinstance(value, dict):
            lines += ["", f"[{toml_key(name)}]", *(_toml_line((name, key), item) for key, item in value.items())]
    return "\n".join(lines).lstrip("\n") + "\n" if lines else ""


def _toml_line(path: tuple[str, ...], value: Any) -> str:
    try:
        return f"{toml_key(path[-1])} = {as_toml(value)}"
    except NotWritable as why:
        raise NotWritable(f"{'.'.join(path)}: {why}") from None


def as_json_file(document: Mapping[str, Any], *, options: Mapping[str, str] = _NO_OPTIONS) -> str:
    """JSON, indented. Raises NotWritable for nan and infinity."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        raise NotWritable("JSON has neither nan nor infinity") from None


def variables(document: Mapping[str, Any]) -> dict[str, str]:
    """The variables that say a document, mappings and lists as JSON. Raises NotWritable."""
    return {f"{TrainingArguments.env_prefix}{name.upper()}": _word(name, value) for name, value in document.items()}


def as_env(document: Mapping[str, Any], *, options: Mapping[str, str] = _NO_OPTIONS) -> str:
    """Lines NAME=value for a dotenv file or a shell."""
    return "".join(f"{name}={in_dotenv(value)}\n" for name, value in variables(document).items())


def as_cli(document: Mapping[str, Any], *, options: Mapping[str, str] = _NO_OPTIONS) -> str:
    """Flags, quoted for a shell."""
    return " ".join(shlex.quote(word) for word in flags(document)) + "\n" if document else ""


def flags(document: Mapping[str, Any]) -> list[str]:
    """The words of a command line that say a document. Raises NotWritable."""
    kinds = TrainingArguments.field_kinds()
    words = []
    for name, value in document.items():
        if name == TASK and isinstance(value, dict):
            words += [f"--{TASK}.{key}={_word(key, item)}" for key, item in value.items()]
        elif value is True and name in kinds and kinds[name].is_switch:
            words.append(f"--{name}")
        else:
            words.append(f"--{name}={_word(name, value)}")
    return words


def _word(name: str, value: Any) -> str:
    if value == "":
        raise NotWritable(f"{name}: variables and flags have no empty text")
    try:
        return as_text(value)
    except ValueError:
        raise NotWritable(f"{name}: it holds nan or infinity") from None
