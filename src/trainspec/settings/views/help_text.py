"""What `--help` and `trainspec explain` say about settings: one heading a group, wrapped to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import get_annotations
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import Shape, keys_of
from trainspec.settings.views.dumping import default_without_secrets
from trainspec.text.redaction import show_value
from trainspec.text.wrapping import wrap

_GROUPS = "trainspec.settings.groups."


@dataclass(frozen=True, slots=True)
class Section:
    """Settings under one heading."""

    heading: str
    about: str
    names: tuple[str, ...]


def sections_of(shape: Shape) -> list[Section]:
    """The fields of a model, each under the class that declares it; groups of ours by the group's name."""
    placed: set[str] = set()
    found = []
    for base in reversed(shape.judge_model.__mro__):
        new = tuple(name for name in get_annotations(base) if name in shape.fields and name not in placed)
        placed.update(new)
        if new:
            found.append(Section(*_heading(base, shape), new))
    return found


def _heading(base: type[Any], shape: Shape) -> tuple[str, str]:
    import sys

    if base.__module__.startswith(_GROUPS):
        about = (sys.modules[base.__module__].__doc__ or "").strip().partition("\n")[0]
        return base.__module__.removeprefix(_GROUPS).replace("_", " ").capitalize(), about
    described = shape.model if base is shape.judge_model else base
    about = (described.__doc__ or "").strip().partition("\n")[0]
    # A dataclass without a docstring gets its signature as one.
    return described.__name__, "" if about.startswith(f"{described.__name__}(") else about


def group_of(shape: Shape, name: str) -> str:
    """The heading under which a setting stands."""
    return next(section.heading for section in sections_of(shape) if name in section.names)


def default_of(name: str, info: FieldInfo) -> str:
    """The default as a person would write it."""
    if info.is_required():
        return "required"
    value = default_without_secrets(info)
    return "default: none" if value is None or value is PydanticUndefined else f"default: {show_value(name, value)}"


def flags_of(name: str, kind: Kind, info: FieldInfo, aliases: Iterable[str] = (), parent: str = "") -> str:
    """The flag as it is typed: `--bf16`, `--seed N`, `--[no_]save_safetensors`, `--label_names ITEM ...`."""
    spelled = f"--[no_]{parent}{name}" if kind.boolean and _is_on(info) else f"--{parent}{name}"
    return " ".join(filter(None, (", ".join((*aliases, spelled)), _metavar(kind))))


def _is_on(info: FieldInfo) -> bool:
    return info.default is True


def _metavar(kind: Kind) -> str:
    if kind.is_switch:
        return ""
    if kind.items is not None and not kind.mapping:
        return "ITEM ..."
    if kind.mapping:
        return "JSON"
    if kind.integer and not kind.number:
        return "N"
    return "X" if kind.number else "NAME" if kind.choices else "TEXT"


def render_help(prog: str, shapes: Sequence[Shape], *, description: str = "", color: bool = False) -> str:
    """The help of a script whose settings these are."""
    bold, off = ("\x1b[1m", "\x1b[0m") if color else ("", "")
    lines = [f"usage: {prog} [--NAME VALUE ...]", ""]
    lines += [*wrap(description), ""] if description else []
    lines += wrap(
        "Every setting is a flag; dashes and underscores are the same. A switch alone is true, --no_NAME is false."
    )
    for shape in shapes:
        for section in sections_of(shape):
            lines += ["", f"{bold}{section.heading}{off}", *(wrap(section.about, "  ") if section.about else [])]
            for name in section.names:
                lines += _entry(shape, name)
    lines += ["", f"{bold}Other{off}", "  -h, --help", "      Show this text."]
    return "\n".join(lines)


def _entry(shape: Shape, name: str) -> Iterator[str]:
    info, kind = shape.fields[name], shape.kinds[name]
    aliases = [alias for alias, field in shape.aliases.items() if field == name]
    yield f"  {flags_of(name, kind, info, aliases)}"
    if info.description:
        yield from wrap(info.description, "      ")
    facts = [kind.expected, default_of(name, info)]
    if shape.settings is not None:
        facts.append(f"{shape.settings.env_prefix}{name.upper()}")
    yield from wrap("; ".join(facts), "      ")
    if kind.is_theirs:
        yield from wrap("keys: " + ", ".join(_nested_flags(name, kind)), "      ")


def _nested_flags(parent: str, kind: Kind) -> Iterator[str]:
    """The flags of the keys inside a setting, as they are typed: --lora.rank N."""
    for key, inner in (keys_of(kind) or {}).items():
        yield " ".join(filter(None, (f"--{parent}.{key}", _metavar(inner))))
