"""`reference.md`: every setting by group, every key of the sections, every rule and code under an anchor of its own.

`reference.zh.md` is the same in Chinese: every name, value and anchor stays.
"""

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
from trainspec.text.languages import Words, words_of

# Underscores inside a word are no markup.
_MARKUP = re.compile(r"[*<`\\\[\]]|(?<!\w)_|_(?!\w)")
_HEAD = (
    "# Reference of {name}",
    "",
    "Generated from the settings and rules themselves; do not edit.",
    "",
    "Every setting is a key of a file (YAML, JSON, TOML), a variable, a flag and a keyword of `{name}(...)`.",
    "Later sources override earlier ones: default, file, secrets directory, dotenv file, environment, command line, "
    "keyword.",
)
_PARTS = {
    "Settings": "",
    "Sections": "the keys of settings that are mappings",
    "Old names": "",
    "Rules and codes": "",
}


def render(model: type[Settings] = TrainingArguments, *, language: str = "en") -> str:
    """The text of the reference, of a settings class with its own fields and rules."""
    return "\n".join(_Reference(model, words_of(language)).lines()) + "\n"


def _anchor_of(part: str) -> str:
    return part.lower().replace(" ", "-")


class _Reference:
    def __init__(self, model: type[Settings], words: Words) -> None:
        self.model = model
        self.words = words
        self.shape: Shape = shape_of(model)
        self.entries = entries(model, words)

    def lines(self) -> Iterator[str]:
        yield from (self.words(line).replace("{name}", self.model.__name__) for line in _HEAD)
        yield ""
        for part, about in _PARTS.items():
            told = self.words(": ") + self.words(about) if about else ""
            yield f"- [{self.words(part)}](#{_anchor_of(part)}){told}"
        yield from self._heading("Settings")
        for group in sections_of(self.shape):
            yield from ("", f"### {self.words(group.heading)}")
            yield from ("", self.words(group.about)) if group.about else ()
            for name in group.names:
                yield from self._setting(name)
        yield from self._heading("Sections")
        for section, home in self._sections().items():
            yield from self._section(section, home)
        yield from self._old_names()
        yield from self._codes()

    def _heading(self, part: str) -> Iterator[str]:
        # What an anchor is called does not depend on the language, so that links fit both.
        name = self.words(part)
        yield from ("", f"## {name}" if name == part else f'## <a id="{_anchor_of(part)}"></a>{name}')

    def _setting(self, name: str) -> Iterator[str]:
        info, kind = self.shape.fields[name], self.shape.kinds[name]
        yield from ("", f'#### <a id="{name}"></a>{name}', "", _text(self.words(info.description or "")), "")
        derivation = DERIVATIONS.get(name)
        follows = ", ".join(_link(other) for other in derivation.follows_from) if derivation is not None else ""
        rows = {
            "Type": self._type(kind, ": [{}]({})"),
            "Default": self._default(name, info),
            "Follows from": follows and self.words("{names}, where it is not set").format(names=follows),
            "Variable": _code(f"{self.model.env_prefix}{name.upper()}"),
            "Flag": _code(flags_of(name, kind, info)),
            "Example": _code(f"{name}: {_example(info)}") if _example(info) else "",
            "Old names": ", ".join(_code(old) for old, new in RENAMED.items() if new.successor == name),
            "Old values": ", ".join(self._renamed(old, new) for old, new in _retired(name)),
            "Rules": ", ".join(_link(entry.code) for entry in self.entries if _mentions(entry, name)),
        }
        yield from self._rows(rows)
        yield from self._choices(info)

    def _rows(self, rows: dict[str, str]) -> Iterator[str]:
        yield from (f"- {self.words(label)}{self.words(': ')}{text}" for label, text in rows.items() if text)

    def _table(self, *labels: str) -> Iterator[str]:
        yield f"| {' | '.join(map(self.words, labels))} |"
        yield f"|{' --- |' * len(labels)}"

    def _renamed(self, old: str, new: str) -> str:
        return self.words("{old} is now {new}").format(old=_code(old), new=_code(new))

    def _default(self, name: str, info: FieldInfo) -> str:
        said = default_of(name, info).removeprefix("default: ")
        return _code(self.words(said) if said in ("none", "required") else said)

    def _type(self, kind: Kind, link: str) -> str:
        """A type in words, with a link to the keys of a mapping."""
        keys = link.format(self.words("keys"), f"#{_anchor(kind.section)}") if kind.section is not None else ""
        return _text(self.words(kind.expected)) + keys

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
        place = _link(head)
        if rest:
            place = self.words("{place}, at {home}").format(place=place, home=_code(home))
        told = self.words("The keys of {place}.").format(place=place)
        yield from ("", f'### <a id="{_anchor(section)}"></a>{section.__name__}', "", told, "")
        yield from self._table("Key", "Type", "Default", "Description")
        for key, info in section.model_fields.items():
            kind = shape_of(section).kinds[key]
            about = _text(self.words(info.description or ""))
            cells = (_code(key), self._type(kind, " ([{}]({}))"), self._default(f"{home}.{key}", info), about)
            yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"

    def _old_names(self) -> Iterator[str]:
        yield from self._heading("Old names")
        work = "They still work where they have a successor; `trainspec migrate` rewrites them."
        yield from ("", self.words(work), "")
        yield from self._table("Old name", "Today", "Since")
        for old, renamed in RENAMED.items():
            head = renamed.successor.partition(".")[0]
            if head in self.shape.fields:
                yield f"| {_code(old)} | [{_code(renamed.successor)}](#{head}) | {renamed.since} |"
        yield ""
        yield from self._table("Gone", "Why", "Instead")
        for old, gone in REMOVED.items():
            yield f"| {_code(old)} | {self.words(gone.reason)} | {self.words(gone.advice)} |"

    def _codes(self) -> Iterator[str]:
        yield from self._heading("Rules and codes")
        same = "`trainspec rule CODE` says the same. Rules that JSON Schema cannot say, or only in part:"
        yield from ("", self.words(same))
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
        yield from (self._sentence(entry.message), "")
        heads = dict.fromkeys(field.partition(".")[0] for field in entry.fields)
        rows = {
            "When": self._sentence(entry.condition or ""),
            "Why": self._sentence(entry.reason),
            "Fix": self._sentence(entry.fix),
            "Settings": ", ".join(_link(head) for head in heads if head in self.shape.fields),
        }
        yield from self._rows(rows)

    def _sentence(self, text: str) -> str:
        whole = _text(text)
        return whole if not whole or whole.endswith((".", "?", "。")) else whole + self.words(".")

    def _choices(self, info: FieldInfo) -> Iterator[str]:
        """What each choice does, of enums of ours that say so."""
        for enum in Choice.__subclasses__():
            described = {member.value: describe_choice(member) for member in enum}
            if enum.__name__ in repr(info.annotation) and all(described.values()):
                yield ""
                yield from self._table("Choice", "What it is")
                yield from (f"| {_code(value)} | {self.words(text)} |" for value, text in described.items())
                return


def _mentions(entry: Entry, name: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for field in entry.fields)


def _retired(name: str) -> Iterator[tuple[str, str]]:
    for old, retired in RETIRED_VALUES.get(name, {}).items():
        if isinstance(old, str) and isinstance(retired.becomes, str):
            yield old or '""', retired.becomes


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
