"""`reference.md`: every setting by group, every key of the sections, every rule and code under an anchor of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainspec.export.json_schema import not_expressed
from trainspec.export.rules_json import Entry, entries
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.sources.renames import REMOVED, RENAMED, RETIRED_VALUES
from trainspec.settings.values.choice_descriptions import describe_choice
from trainspec.settings.values.choices import Choice
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import Shape, shape_of
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.help_text import default_of, flags_of, sections_of

# Underscores inside a word are no markup.
_MARKUP = re.compile(r"[*<`\\\[\]]|(?<!\w)_|_(?!\w)")
_HEAD = """\
# Reference of {name}

Generated from the settings and rules themselves; do not edit.

Every setting is a key of a file (YAML, JSON, TOML), a variable, a flag and a keyword of `{name}(...)`.
Later sources override earlier ones: default, file, secrets directory, dotenv file, environment, command line, keyword.

- [Settings](#settings)
- [Sections](#sections): the keys of settings that are mappings
- [Old names](#old-names)
- [Rules and codes](#rules-and-codes)"""


def render(model: type[Settings] = TrainingArguments) -> str:
    """The text of the reference, of a settings class with its own fields and rules."""
    return "\n".join([_HEAD.format(name=model.__name__), *_Reference(model).lines()]) + "\n"


class _Reference:
    def __init__(self, model: type[Settings]) -> None:
        self.model = model
        self.shape: Shape = shape_of(model)
        self.entries = entries(model)

    def lines(self) -> Iterator[str]:
        yield from ("", "## Settings")
        for group in sections_of(self.shape):
            yield from ("", f"### {group.heading}")
            yield from ("", group.about) if group.about else ()
            for name in group.names:
                yield from self._setting(name)
        yield from ("", "## Sections")
        for section, home in self._sections().items():
            yield from self._section(section, home)
        yield from self._old_names()
        yield from self._codes()

    def _setting(self, name: str) -> Iterator[str]:
        info, kind = self.shape.fields[name], self.shape.kinds[name]
        yield from ("", f'#### <a id="{name}"></a>{name}', "", _text(info.description or ""), "")
        derivation = DERIVATIONS.get(name)
        follows = ", ".join(_link(other) for other in derivation.follows_from) if derivation is not None else ""
        rows = {
            "Type": _text(kind.expected) + (f": [keys](#{_anchor(kind.section)})" if kind.section is not None else ""),
            "Default": _code(default_of(name, info).removeprefix("default: ")),
            "Follows from": follows and f"{follows}, where it is not set",
            "Variable": _code(f"{self.model.env_prefix}{name.upper()}"),
            "Flag": _code(flags_of(name, kind, info)),
            "Example": _code(f"{name}: {_example(info)}") if _example(info) else "",
            "Old names": ", ".join(_code(old) for old, new in RENAMED.items() if new.successor == name),
            "Old values": ", ".join(f"{_code(old)} is now {_code(new)}" for old, new in _retired(name)),
            "Rules": ", ".join(_link(entry.code) for entry in self.entries if _mentions(entry, name)),
        }
        yield from (f"- {label}: {text}" for label, text in rows.items() if text)
        yield from _choices(info)

    def _sections(self) -> dict[type[BaseModel], str]:
        """Every section with the place where it stands first."""
        found: dict[type[BaseModel], str] = {}

        def visit(place: str, kind: Kind) -> None:
            section = kind.section
            if section is not None and section not in found:
                found[section] = place
                for key, inner in shape_of(section).kinds.items():
                    visit(f"{place}.{key}", inner)

        for name, kind in self.shape.kinds.items():
            visit(name, kind)
        return found

    def _section(self, section: type[BaseModel], home: str) -> Iterator[str]:
        head, *rest = home.split(".")
        place = _link(head) + (f", at {_code(home)}" if rest else "")
        yield from ("", f'### <a id="{_anchor(section)}"></a>{section.__name__}', "", f"The keys of {place}.", "")
        yield from ("| Key | Type | Default | Description |", "| --- | --- | --- | --- |")
        for key, info in section.model_fields.items():
            kind = shape_of(section).kinds[key]
            named = f" ([keys](#{_anchor(kind.section)}))" if kind.section is not None else ""
            default = _code(default_of(f"{home}.{key}", info).removeprefix("default: "))
            cells = (_code(key), _text(kind.expected) + named, default, _text(info.description or ""))
            yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    def _old_names(self) -> Iterator[str]:
        yield from ("", "## Old names", "", "They still work where they have a successor; `trainspec migrate` rewrites")
        yield from ("them.", "", "| Old name | Today | Since |", "| --- | --- | --- |")
        for old, renamed in RENAMED.items():
            head = renamed.successor.partition(".")[0]
            if head in self.shape.fields:
                yield f"| {_code(old)} | [{_code(renamed.successor)}](#{head}) | {renamed.since} |"
        yield from ("", "| Gone | Why | Instead |", "| --- | --- | --- |")
        yield from (f"| {_code(old)} | {gone.reason} | {gone.advice} |" for old, gone in REMOVED.items())

    def _codes(self) -> Iterator[str]:
        yield from ("", "## Rules and codes", "")
        yield from ("`trainspec rule CODE` says the same. Rules that JSON Schema cannot say, or only in part:",)
        explained = {entry.code for entry in self.entries}
        codes = (_link(code) if code in explained else code for code in not_expressed(self.model))
        yield f"{', '.join(codes)}."
        for family, found in groupby(self.entries, lambda entry: entry.code.rstrip("0123456789")):
            yield from ("", f"### {family}")
            for entry in found:
                yield from self._code(entry)

    def _code(self, entry: Entry) -> Iterator[str]:
        severity = f" ({entry.severity})" if entry.severity else ""
        yield from ("", f'#### <a id="{entry.code.lower()}"></a>{entry.code} {entry.name}{severity}', "")
        yield from (_sentence(entry.message), "")
        heads = dict.fromkeys(field.partition(".")[0] for field in entry.fields)
        rows = {
            "When": _sentence(entry.condition or ""),
            "Why": _sentence(entry.reason),
            "Fix": _sentence(entry.fix),
            "Settings": ", ".join(_link(head) for head in heads if head in self.shape.fields),
        }
        yield from (f"- {label}: {text}" for label, text in rows.items() if text)


def _mentions(entry: Entry, name: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for field in entry.fields)


def _retired(name: str) -> Iterator[tuple[str, str]]:
    for old, retired in RETIRED_VALUES.get(name, {}).items():
        if isinstance(old, str) and isinstance(retired.becomes, str):
            yield old or '""', retired.becomes


def _choices(info: FieldInfo) -> Iterator[str]:
    """What each choice does, of enums of ours that say so."""
    for enum in Choice.__subclasses__():
        described = {member.value: describe_choice(member) for member in enum}
        if enum.__name__ in repr(info.annotation) and all(described.values()):
            yield from ("", "| Choice | What it is |", "| --- | --- |")
            yield from (f"| {_code(value)} | {text} |" for value, text in described.items())
            return


def _example(info: FieldInfo) -> str:
    examples = [plain(value) for value in info.examples or () if value is not None]
    if not examples:
        return ""
    return examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], ensure_ascii=False)


def _anchor(section: type[BaseModel] | None) -> str:
    return f"keys-{section.__name__.lower()}" if section is not None else ""


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})" if name.isupper() else f"[{_code(name)}](#{name})"


def _code(text: Any) -> str:
    return f"`{text}`"


def _text(text: str) -> str:
    """Text in which what Markdown would take for markup stands as itself."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _sentence(text: str) -> str:
    whole = _text(text)
    return whole if not whole or whole.endswith((".", "?")) else f"{whole}."
