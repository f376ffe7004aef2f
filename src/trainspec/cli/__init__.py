"""The `trainspec` command: one file a command, imported when it is chosen.

Exit codes: 0 fine, 1 findings, 2 could not run. Answers go to stdout, talk to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from trainspec.text.answers import AnswerLost, Answers

COMMANDS = {
    "validate": "judge files of settings, or this process's environment",
    "show": "the settings that hold here, where each comes from, what follows",
    "explain": "one setting: type, bounds, default, variable, flag, rules",
    "rule": "one rule or code: what it found, why it is wrong, what to write",
    "schema": "JSON Schema for editors and tools, rules included",
    "plan": "a run in numbers: batches, updates, logs, evaluations, checkpoints",
    "init": "a new file of settings, with comments, for an editor to complete",
    "migrate": "old files, launch scripts and other programs' files made settings of today",
    "export": "settings in other forms, and as jobs for Kubernetes, compose, SLURM and Ray",
    "diff": "two files compared as settings, not as text",
    "serve": "these answers over HTTP",
    "train": "train a task",
    "checkpoints": "checkpoints listed, verified, compared, exported, pruned, imported",
    "completion": "a script that completes all of this in bash, zsh or fish",
}

INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the words name (sys.argv by default); returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _have_streams()
    # File names may hold bytes that are no text; showing them must not fail.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    if argv is None and words[:1] != ["train"]:
        _hurry()
    before = sys.stdout
    if words[:1] != ["train"]:
        # A task sees the stream itself.
        sys.stdout = Answers(before)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except AnswerLost as error:
        return _unwritten(error)
    except BrokenPipeError:
        return _close_quietly()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        sys.stdout = before


def _have_streams() -> None:
    """Who closed stdout or stderr wants to hear nothing; what is opened next must not take its number."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            # A number of these two is one that processes started from here have, too.
            os.set_inheritable(nowhere, nowhere == number)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))


def _run(words: list[str]) -> int:
    name = words[0] if words else ""
    if name in COMMANDS:
        return _run_command(name, words[1:])
    if name in ("-h", "--help", "help"):
        print(_help(words))
        return 0
    if name in ("-V", "--version"):
        from trainspec import __version__

        print(f"trainspec {__version__}")
        return 0
    if not name:
        print(_help(words), file=sys.stderr)
        return 2
    from trainspec.cli.faults import unknown_command
    from trainspec.cli.terminal import say, words_of_line

    say([unknown_command(name, COMMANDS)], words_of_line(words))
    return 2


def _hurry() -> None:
    """Most of a short command is loading classes, of which nothing is garbage: collecting costs a twentieth of it."""
    import gc

    gc.set_threshold(200_000, 20, 50)


def _run_command(name: str, words: list[str]) -> int:
    from importlib import import_module

    from trainspec.cli.faults import NoAnswer

    try:
        code: int = import_module(f"trainspec.cli.{name}").run(words)
    except NoAnswer as mistake:
        from trainspec.cli.terminal import say, words_of_line
        from trainspec.text.languages import words_asked_for

        # What a training run says goes into the logs of many machines.
        say(mistake.diagnostics, words_asked_for(os.environ) if name == "train" else words_of_line(words))
        return 2
    return code


def _help(words: Sequence[str]) -> str:
    from trainspec.cli.options.help import help_of_all

    return help_of_all(COMMANDS, words)


def _unwritten(error: AnswerLost) -> int:
    from trainspec.cli.faults import mistake
    from trainspec.cli.terminal import COULD_NOT_RUN, say

    _close_quietly()
    say([mistake("CLI127", f"the answer cannot be written to stdout: {error.strerror}")])
    return COULD_NOT_RUN


def _close_quietly() -> int:
    """The reader of our output has gone (`| head`): nothing is left to say, neither now nor when Python exits."""
    from contextlib import suppress

    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE
