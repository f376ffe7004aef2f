"""Mistakes in using the command itself: each one diagnostic, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from trainspec.answers.faults import NoAnswer, mistake, shown_word

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.sources.formats.flags import Use

__all__ = ["CannotRun", "NoAnswer", "mistake", "option_given_again", "shown_word", "unknown_command"]


class CannotRun(NoAnswer):
    """The command cannot do its work: exit code 2, with these diagnostics."""


def unknown_command(name: str, commands: Iterable[str]) -> Diagnostic:
    from trainspec.settings.sources.formats.flags import shown_flag
    from trainspec.text.suggestions import did_you_mean

    known = list(commands)
    shown = shown_flag(name) if name.startswith("-") else shown_word(name)
    remedy = did_you_mean(name, known) or f"the commands are {', '.join(known)}"
    return mistake("CLI101", f"there is no command {shown}", remedy)


def option_given_again(uses: Sequence[Use]) -> Diagnostic:
    """The warning about an option that is given several values, of which the last holds."""
    from trainspec.settings.diagnostics import Evidence
    from trainspec.settings.diagnostics.source import Source, SourceKind
    from trainspec.settings.sources.command_line import given_again
    from trainspec.text.redaction import show_value

    name = uses[0].flag.path[0].replace("_", "-")
    places = [(use.words[0], Source(SourceKind.FLAG, use.written)) for use in uses]
    evidence = tuple(Evidence(name, show_value(name, word), place) for word, place in reversed(places))
    return given_again([use.written for use in uses], evidence)
