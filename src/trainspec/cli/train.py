"""`trainspec train`: a task, with the settings of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, NoAnswer, mistake
from trainspec.cli.files import files_named
from trainspec.cli.launching import OPTIONS, be_early, start_processes, wants_processes
from trainspec.cli.loading import AnyTask, load_settings, settings_vocabulary, task_vocabulary
from trainspec.cli.named import task_named
from trainspec.cli.options import AT, IGNORE_UNKNOWN, Command, Given, Option, wants_help
from trainspec.cli.show import say_notes
from trainspec.cli.terminal import COULD_NOT_RUN, exit_code, say, uses_color
from trainspec.settings.arguments.launch import Launch
from trainspec.settings.arguments.speaking import is_to_say_errors
from trainspec.settings.judging.named_files import NOT_HERE
from trainspec.settings.sources.layer import sources_in_words
from trainspec.tasks import TASKS
from trainspec.tasks.forgetting import forget_secrets
from trainspec.text.languages import words_asked_for
from trainspec.training.interruption import leave_with, leaving_at_once

if TYPE_CHECKING:
    pass

COMMAND = Command(
    "train",
    "TASK",
    f"Train a task: {', '.join(TASKS)}, or your own as pkg.mod:callable. Settings come from {sources_in_words()}; the "
    "task's own from --task.NAME, TRAINSPEC_TASK__NAME and the file's key task.",
    (
        Option(
            "config",
            "a config file, instead of what TRAINSPEC_CONFIG names; given again, the next one is laid over it",
            "FILE",
            several=True,
        ),
        AT,
        Option(
            "resume-if-any",
            "go on from the newest checkpoint in output_dir, where there is one, whatever settings say: for what is "
            "started again by itself",
        ),
        IGNORE_UNKNOWN,
        *OPTIONS,
    ),
    takes_settings=True,
    examples=(
        "trainspec train digits --output_dir runs/digits --num_train_epochs 5 --task.width 64",
        "trainspec train digits --config base.yaml --config site.yaml",
        "trainspec train digits --nproc 2 --max-restarts 1",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    with leaving_at_once(is_all=sys.argv[1:] == [COMMAND.name, *argv]):
        return _done(_run(argv))


def run_in_rank(argv: Sequence[str]) -> int:
    """The same in a process that --nproc started, whose settings have been judged, and told of, before."""
    from trainspec.training.command.server import let_signals_in
    from trainspec.training.parallel.contact.ending import Kind, say_end

    with leaving_at_once(is_all=True):
        let_signals_in()
        try:
            return _done(_run(argv, tells=False))
        except NoAnswer as mistake:
            # What holds for this process alone: all that can be found beforehand was told by the command.
            said = "\n\n".join(item.render(color=uses_color(sys.stderr)) for item in mistake.diagnostics)
            return _done(say_end(said, COULD_NOT_RUN, Kind.REFUSED))


def _done(code: int) -> int:
    """What this process ends with, whatever comes from here on."""
    sys.stdout.flush()
    leave_with(code)
    return code


def _run(argv: Sequence[str], *, tells: bool = True) -> int:
    # Of several processes with the same settings, one says what is to be said of them.
    tells_here = tells and Launch.of_this_process().rank == 0
    first: Given = COMMAND.parse(argv, settings_vocabulary(), AnyTask())
    if tells and wants_processes(first):
        be_early(first)
    task, shape = task_named(_task_name(first))
    given = COMMAND.parse(argv, settings_vocabulary(), task_vocabulary(shape))
    if len(given.words) > 1:
        remedy = "write --name value; a config file is --config FILE, for each of several"
        given.unknown.append(mistake("CLI102", "there are words that belong to no flag", remedy))
    starts_others = wants_processes(given) and tells
    loaded, words = load_settings(given, files_named(given, "config"), shape), words_asked_for(os.environ)
    if loaded.settings is None:
        if tells and is_to_say_errors():
            say(loaded.diagnostics, words)
            say_notes(loaded, words)
        return exit_code(loaded.diagnostics)
    if tells_here:
        # A file that is still not there when training begins is an error then.
        say([item for item in loaded.diagnostics if item.code != NOT_HERE], words)
        say_notes(loaded, words)
    if starts_others:
        return start_processes(given, argv, loaded.settings, run_in_rank, lambda: _training("agent"))
    forget_secrets(shape, os.environ)
    run_task, if_any = _training("train").run_task, given.has("resume_if_any")
    code: int = run_task(loaded.settings, task, loaded.task, resume_if_any=if_any)
    return code


def _task_name(given: Given) -> str:
    if not given.words:
        raise CannotRun(mistake("CLI102", "train needs a task", f"trainspec train {next(iter(TASKS))}"))
    return given.words[0]


def _training(module: str) -> Any:
    try:
        return import_module(f"trainspec.training.command.{module}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trainspec"):
            raise
        remedy = "pip install 'trainspec[train]'"
        raise CannotRun(mistake("CLI108", f"training needs {error.name}, which is not installed", remedy)) from None
