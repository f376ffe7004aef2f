"""Mistakes in using the command itself: each one diagnostic, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainspec.answers.faults import NoAnswer, mistake, shown_word

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic

__all__ = ["CannotRun", "NoAnswer", "mistake", "shown_word", "unknown_command"]


class CannotRun(NoAnswer):
    """The command cannot do its work: exit code 2, with these diagnostics."""


def unknown_command(name: str, commands: Iterable[str]) -> Diagnostic:
    from trainspec.settings.sources.command_line import shown_flag
    from trainspec.text.suggestions import did_you_mean

    known = list(commands)
    shown = shown_flag(name) if name.startswith("-") else shown_word(name)
    remedy = did_you_mean(name, known) or f"the commands are {', '.join(known)}"
    return mistake("CLI101", f"there is no command {shown}", remedy)
