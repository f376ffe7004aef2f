"""`trainspec completion`: a script that completes commands, options, settings and their values in a shell."""

from __future__ import annotations

from collections.abc import Sequence

from trainspec.cli.faults import CannotRun, mistake, shown_word
from trainspec.cli.options import Command, wants_help

COMMAND = Command(
    "completion",
    "SHELL",
    "Print the completion script of a shell: bash, zsh or fish. Its first lines say how to install it.",
    examples=("source <(trainspec completion bash)", "trainspec completion fish | source"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    from trainspec.cli.completion.words import SHELLS, all_words
    from trainspec.text.suggestions import did_you_mean

    if len(given.words) != 1:
        raise CannotRun(mistake("CLI102", "completion needs a shell", f"the shells are {', '.join(SHELLS)}"))
    shell = given.words[0]
    if shell not in SHELLS:
        remedy = did_you_mean(shell, SHELLS) or f"the shells are {', '.join(SHELLS)}"
        raise CannotRun(mistake("CLI104", f"there is no shell {shown_word(shell)}", remedy))
    from importlib import import_module

    print(import_module(f"trainspec.cli.completion.{shell}").script(all_words()))
    return 0
