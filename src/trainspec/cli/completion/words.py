"""What can be typed after `trainspec`: commands, their options and words, the flags of settings, the values of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import NamedTuple

from trainspec.cli import COMMANDS
from trainspec.cli.options import Command, Option
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.dumping import plain

SHELLS = ("bash", "zsh", "fish")


class Typed(NamedTuple):
    """A flag: what it is for, whether a value follows, and the values that are known."""

    flag: str
    about: str
    takes_value: bool
    values: tuple[str, ...] = ()


class CommandWords(NamedTuple):
    """A command: what it is for, its own flags, the words that it takes (none known: files), whether settings too."""

    name: str
    about: str
    flags: tuple[Typed, ...]
    words: tuple[str, ...]
    takes_settings: bool


class Words(NamedTuple):
    """Everything that can be typed."""

    commands: tuple[CommandWords, ...]
    settings: tuple[Typed, ...]


def all_words() -> Words:
    """Read from the commands themselves, so that nothing is said twice."""
    found = []
    for name, about in COMMANDS.items():
        command: Command = import_module(f"trainspec.cli.{name}").COMMAND
        flags = (*map(_option, command.options), Typed("--help", "show what the command can do", False))
        found.append(CommandWords(name, about, flags, _known(command.words), command.takes_settings))
    return Words(tuple(found), tuple(_settings()))


def _option(option: Option) -> Typed:
    placeholder = "TASK" if option.name == "task" else option.value
    return Typed(f"--{option.name}", option.about, bool(option.value), option.choices or _known(placeholder))


def _known(placeholder: str) -> tuple[str, ...]:
    """The words that can stand where a command's usage has this placeholder."""
    what = placeholder.partition(" ")[0].strip("[].")
    if what == "TASK":
        from trainspec.tasks import TASKS

        return tuple(TASKS)
    if what == "MACHINE":
        from trainspec.settings.targets.machines import TARGETS

        return tuple(TARGETS)
    if what == "CODE":
        from trainspec.answers.rule import meanings

        return tuple(meanings())
    if what == "FIELD":
        return tuple(TrainingArguments.field_kinds())
    if what == "ACTION":
        from trainspec.cli.checkpoints import ACTIONS

        return ACTIONS
    return SHELLS if what == "SHELL" else ()


def _settings() -> Iterator[Typed]:
    fields = TrainingArguments.__pydantic_fields__
    for name, kind in TrainingArguments.field_kinds().items():
        about = fields[name].description or ""
        yield from _spellings(name, kind, about)
        if kind.section is not None:
            described = kind.section.model_fields
            inner: Mapping[str, Kind] = shape_of(kind.section).kinds
            for key, inside in inner.items():
                yield from _spellings(f"{name}.{key}", inside, described[key].description or "")


def _spellings(name: str, kind: Kind, about: str) -> Iterator[Typed]:
    choices = tuple(str(plain(choice)) for choice in (*kind.choices, *(kind.items.choices if kind.items else ())))
    values = tuple(dict.fromkeys((*choices, *(("true", "false") if kind.boolean else ()))))
    yield Typed(f"--{name}", about, not kind.is_switch, values)
    if kind.boolean:
        yield Typed(f"--no_{name}", f"Not: {about}", False)


def single_quoted(text: str) -> str:
    """A word that bash and zsh take as it stands."""
    return "'" + text.replace("'", "'\\''") + "'"
