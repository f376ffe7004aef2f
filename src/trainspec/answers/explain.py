"""All there is to know of one setting, under any name it has or had; and all settings by group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import NoAnswer, mistake, shown_word
from trainspec.export.environment_schema import OF_COMMANDS, WHERE_FOUND
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.sources.command_line import kind_at
from trainspec.settings.sources.renames import REMOVED, RENAMED, RETIRED_VALUES
from trainspec.settings.sources.variables import FILE_SUFFIX, TASK
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.help_text import default_of, flags_of, group_of, sections_of
from trainspec.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from trainspec.text.languages import Words

_FOUND, _COMMAND, _OWN = "Where settings are found", "What the command goes by", "The task's own"
_NO_SETTINGS = {
    **{name: (_FOUND, about) for name, about in WHERE_FOUND.items()},
    **{name: (_COMMAND, about) for name, (about, _) in OF_COMMANDS.items()},
    TASK: (_OWN, "The task's own settings, as a JSON object."),
}
"""Variables of ours that are no settings: the heading that they belong under, and what they are."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One setting, or one key of a mapping under its dotted name; the fields are those of the JSON, in its order."""

    name: str
    asked_for: str
    group: str
    description: str
    type: str
    choices: list[Any]
    default: str
    follows_from: list[str]
    layers: str
    keys: list[str]
    variable: str
    flag: str
    example: Any
    rules: list[str]
    old_names: list[str]
    old_values: list[str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Group:
    """The settings under one heading, each with its description."""

    heading: str
    settings: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        listed = [{"name": name, "description": about} for name, about in self.settings.items()]
        return {"heading": self.heading, "settings": listed}


def overview(words: Words = str) -> list[Group]:
    """All settings by group, described in these words."""
    shape = shape_of(TrainingArguments)
    return [
        Group(words(section.heading), {name: words(shape.fields[name].description or "") for name in section.names})
        for section in sections_of(shape)
    ]


def explain_all(words: Words = str) -> list[Facts]:
    """The facts of every setting, in the order of the fields."""
    return [explain(name, words) for name in TrainingArguments.field_kinds()]


def explain(word: str, words: Words = str) -> Facts:
    """The facts, in these words, of a setting under any name it has or had, or its variable's. Raises NoAnswer."""
    path = _path_of(word)
    if path[0] in _NO_SETTINGS or _secret_in_file(path):
        return _variable(word, ".".join(path), words)
    kinds = TrainingArguments.field_kinds()
    kind = kind_at(kinds, path) if path[0] in kinds else None
    if kind is None:
        raise NoAnswer(_unknown(word, path))
    info = _info_at(path)
    whole = ".".join(path)
    derivation = DERIVATIONS.get(whole)
    return Facts(
        name=whole,
        asked_for=word,
        group=words(group_of(shape_of(TrainingArguments), path[0])),
        description=words(info.description or ""),
        type=words(kind.expected),
        choices=[plain(choice) for choice in kind.choices],
        default=_default(whole, info, words),
        follows_from=list(derivation.follows_from) if derivation is not None else [],
        layers=words(_layers(kind)),
        keys=list(shape_of(kind.section).kinds) if kind.section is not None else [],
        variable=TrainingArguments.env_prefix + "__".join(path).upper(),
        flag=flags_of(path[-1], kind, info, parent="".join(f"{part}." for part in path[:-1])),
        example=plain(info.examples[0]) if info.examples else None,
        rules=[f"{rule.code} {rule.name}" for rule in TrainingArguments.rules() if _mentions(rule.fields, whole)],
        old_names=[old for old, renamed in RENAMED.items() if renamed.successor == whole],
        old_values=[_spelled(value) for value in RETIRED_VALUES.get(whole, ())],
    )


def _secret_in_file(path: Sequence[str]) -> str:
    """The secret whose file a variable names."""
    secret = path[0].removesuffix(FILE_SUFFIX)
    return secret if path == (f"{secret}{FILE_SUFFIX}",) and secret in TrainingArguments.secret_fields() else ""


def _variable(word: str, name: str, words: Words) -> Facts:
    """The facts of a variable that is no setting. Raises NoAnswer for a key of one."""
    secret = _secret_in_file((name,))
    if name not in _NO_SETTINGS and not secret:
        raise NoAnswer(_unknown(word, (name,)))
    of_secret = (_FOUND, f"Path of the file that holds {secret}, as mounted secrets are.")
    group, about = of_secret if secret else _NO_SETTINGS[name]
    return Facts(
        name=name,
        asked_for=word,
        group=words(group),
        description=words(about),
        type=words("text"),
        choices=[],
        default=words("none"),
        follows_from=[],
        layers="",
        keys=[],
        variable=TrainingArguments.env_prefix + name.upper(),
        flag="",
        example=None,
        rules=[],
        old_names=[],
        old_values=[],
    )


def _default(name: str, info: Any, words: Words) -> str:
    """A default is a value, and as it is written; that there is none is not."""
    said = default_of(name, info).removeprefix("default: ")
    return words(said) if said in ("none", "required") else said


def _layers(kind: Kind) -> str:
    """What several sources, config files among them, make of it together, where that is not plain."""
    if kind.mapping:
        return "a stronger source is laid over a weaker one key by key"
    return "a stronger source replaces the list of a weaker one" if kind.items is not None else ""


def _path_of(word: str) -> tuple[str, ...]:
    """Where the setting stands today. Raises NoAnswer for one that is gone."""
    name = word.replace("-", "_").removeprefix("TRAINSPEC_").replace("__", ".")
    name = name if name in RENAMED or name in REMOVED else name.lower()
    if name in REMOVED:
        gone = REMOVED[name]
        raise NoAnswer(mistake("CLI104", f"{name} is no setting any more: {gone.reason}", gone.advice))
    return tuple((RENAMED[name].successor if name in RENAMED else name).split("."))


def _info_at(path: tuple[str, ...]) -> Any:
    info = TrainingArguments.__pydantic_fields__[path[0]]
    for depth in range(1, len(path)):
        above = kind_at(TrainingArguments.field_kinds(), path[:depth])
        section = above.section if above is not None else None
        if section is not None:
            info = section.model_fields[path[depth]]
    return info


def _mentions(fields: Iterable[str], name: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for field in fields)


def _unknown(word: str, path: Sequence[str]) -> Diagnostic:
    kinds = TrainingArguments.field_kinds()
    above = kind_at(kinds, tuple(path[:-1])) if len(path) > 1 and path[0] in kinds else None
    if above is not None and above.section is not None:
        parent = ".".join(path[:-1])
        remedy = did_you_mean(path[-1], shape_of(above.section).kinds, f"{parent}.{{}}")
        return mistake("CLI104", f"{parent} has no key {shown_word(path[-1])}", remedy)
    remedy = did_you_mean(path[0], (*kinds, *RENAMED, *_NO_SETTINGS)) or "trainspec explain lists all settings"
    return mistake("CLI104", f"there is no setting {shown_word(word)}", remedy)


def _spelled(value: str | int | None) -> str:
    return "null" if value is None else '""' if value == "" else str(value)
