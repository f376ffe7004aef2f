"""A command's own options, declared as data, and the settings flags that it may take beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from trainspec.cli.faults import CannotRun, mistake, option_given_again
from trainspec.settings.diagnostics import Diagnostic, errors_of
from trainspec.settings.sources.formats.flags import Flag, Takes, Use, cut, unknown_flags

if TYPE_CHECKING:
    from trainspec.settings.sources.command_line import Vocabulary


class Option(NamedTuple):
    """An option: its name, what --help says, and the placeholder of its value (none for a switch); with `several`,
    each time that it is given counts.
    """

    name: str
    about: str
    value: str = ""
    choices: tuple[str, ...] = ()
    also: str = ""
    several: bool = False

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")


@dataclass(slots=True)
class Given:
    """What a command was given: values of its options, words without a flag, settings flags."""

    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    unknown: list[Diagnostic] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def settle(self) -> None:
        """Say what is worth a word about the flags. Raises CannotRun where some are wrong."""
        if errors_of(self.unknown):
            raise CannotRun(*self.unknown)
        if self.unknown:
            from trainspec.cli.terminal import say

            say(self.unknown)

    def number(self, name: str, least: int) -> int | None:
        """The value as a whole number of at least `least`. Raises CannotRun."""
        text = self.values.get(name)
        if text is None:
            return None
        plain = text.replace(",", "").replace("_", "")
        if not (plain.isascii() and plain.isdigit()) or len(plain) > 15 or int(plain) < least:
            raise CannotRun(mistake("CLI103", f"--{name.replace('_', '-')} takes a whole number >= {least}"))
        return int(plain)


class Command(NamedTuple):
    """A command line: usage, what it is for, options, and its actions (words, about), whether settings are taken."""

    name: str
    words: str
    about: str
    options: tuple[Option, ...] = ()
    takes_settings: bool = False
    examples: tuple[str, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()

    def parse(self, argv: Sequence[str], *vocabularies: Vocabulary) -> Given:
        """Read the words. Raises CannotRun for options that are wrong; what is wrong with flags is in `unknown`."""
        own = {option.key: option for option in self.options}
        own.update({option.also: option for option in self.options if option.also})

        def find(written: str) -> Flag | None:
            option = own.get(written[2:].replace("-", "_")) if written.startswith("--") else None
            if option is not None:
                return Flag((option.key,), Takes.ONE if option.value else Takes.NOTHING, None, self)
            return next((flag for one in vocabularies if (flag := one.find(written)) is not None), None)

        found = cut(argv, find)
        given = Given(words=[word for word, _ in found.strays])
        names = [*own, *(name for one in vocabularies for name in one.names())]
        given.uses = [use for use in found.uses if use.flag.owner is not self]
        again = self._take([use for use in found.uses if use.flag.owner is self], given)
        files = f"files stand by themselves: trainspec {self.name} FILE" if "FILE..." in self.words else ""
        plain = "" if self.takes_settings else f"{self.name} takes no settings as flags: trainspec {self.name} --help"
        given.unknown = [*unknown_flags(found, names, files, plain), *found.diagnostics, *again]
        self._check_choices(given)
        return given

    def _take(self, uses: Sequence[Use], given: Given) -> list[Diagnostic]:
        """Put the command's own options into `given`; a warning for each that is given different values."""
        several = {option.key for option in self.options if option.several}
        found: dict[str, list[Use]] = {}
        for use in uses:
            found.setdefault(use.flag.path[0], []).append(use)
        for name, own in found.items():
            texts = [use.words[0] if use.words else "" for use in own]
            given.values[name] = texts[-1]
            if name in several:
                given.lists[name] = texts
        again = [own for name, own in found.items() if name not in several and len({use.words for use in own}) > 1]
        return [option_given_again(own) for own in again]

    def _check_choices(self, given: Given) -> None:
        for option in self.options:
            if option.choices and given.values.get(option.key, option.choices[0]) not in option.choices:
                raise CannotRun(mistake("CLI103", f"--{option.name} takes {' or '.join(option.choices)}"))

    def help(self, argv: Sequence[str] = ()) -> str:
        """The text of `trainspec COMMAND --help`, in the language of these words, or of who reads here."""
        from trainspec.cli.options.help import help_of
        from trainspec.cli.terminal import words_of_line

        return help_of(self, words_of_line(argv))


def wants_help(argv: Sequence[str]) -> bool:
    """Whether the words ask for --help."""
    return "-h" in argv or "--help" in argv


FORMAT = Option("format", "text (the default) or json, which prints nothing but JSON", "FORMAT", ("text", "json"))
AT = Option("at", "use only the mapping at this dotted path of the file, of each where there are several", "a.b")
IGNORE_UNKNOWN = Option(
    "ignore-unknown", "pass over keys that are no settings, for files that other programs read too; they are listed"
)
TASK_OPTION = Option("task", "check the file's task section as the settings of this task", "NAME")
