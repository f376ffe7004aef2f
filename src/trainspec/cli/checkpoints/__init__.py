"""`trainspec checkpoints`: what lies in an output folder, whether it is whole, what may go, and the weights alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from trainspec.cli.checkpoints import changing, comparing, showing
from trainspec.cli.faults import CannotRun, mistake, shown_word
from trainspec.cli.options import FORMAT, Command, Given, Option, wants_help
from trainspec.cli.terminal import LANG, counted
from trainspec.storage import StorageError, Store, open_store
from trainspec.text.redaction import redact_whole_url


class Action(NamedTuple):
    """What can be done: its words, as --help has them, and how many paths it takes (None: one or more)."""

    words: str
    about: str
    paths: int | None
    does: Callable[[Given, Sequence[Store]], int]
    options: tuple[str, ...] = ()


_ACTIONS = {
    "list": Action("FOLDER", "the checkpoints in an output folder, those of transformers too", 1, showing.list_them),
    "show": Action("PATH", "one of them, every file compared with what was written", 1, showing.show),
    "verify": Action(
        "PATH...",
        "checkpoints, or all in an output folder, byte for byte; exit code 1 for damage",
        None,
        showing.verify,
    ),
    "diff": Action("A B", "how far two lie apart: progress, settings, weights, files", 2, comparing.diff),
    "export": Action(
        "PATH DST",
        "the model alone in one file of safetensors, whatever it was cut into",
        2,
        changing.export,
        ("optimizer", "force"),
    ),
    "prune": Action(
        "FOLDER",
        "leave --keep checkpoints, never without the newest whole one and the best",
        1,
        changing.prune,
        ("keep", "dry-run"),
    ),
    "import": Action(
        "SRC DST",
        "a checkpoint of transformers, or a folder of them, written into the output folder DST, from where "
        "resume_from_checkpoint: latest goes on. Nothing in a pickle is ever run",
        2,
        changing.import_theirs,
        ("force",),
    ),
}
ACTIONS = tuple(sorted(_ACTIONS))
COMMAND = Command(
    "checkpoints",
    "ACTION PATH...",
    "What lies in an output folder, and what can be done with it. Any path may be a URL that fsspec opens.",
    (
        Option("keep", "prune: how many are left in all, as save_total_limit counts them", "N"),
        Option("dry-run", "prune: say what would go, and delete nothing"),
        Option("optimizer", "export: the optimizer's state, too, put together of what processes had of it"),
        Option("force", "import, export: over what DST has already"),
        LANG,
        FORMAT,
    ),
    examples=(
        "trainspec checkpoints list runs/bert",
        "trainspec checkpoints verify s3://bucket/runs/bert",
        "trainspec checkpoints diff runs/bert/checkpoint-500 runs/bert/checkpoint-1000",
        "trainspec checkpoints export runs/bert/checkpoint-500 models/bert",
        "trainspec checkpoints prune runs/bert --keep 2 --dry-run",
        "trainspec checkpoints import hf/checkpoint-500 runs/bert",
    ),
    actions=tuple((f"{name} {action.words}", action.about) for name, action in _ACTIONS.items()),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    name, *paths = given.words or [""]
    if name not in _ACTIONS:
        from trainspec.text.suggestions import did_you_mean

        remedy = did_you_mean(name, ACTIONS) or f"write one of {', '.join(ACTIONS)}"
        what = f"checkpoints cannot do {shown_word(name)}" if name else "checkpoints needs to know what to do"
        raise CannotRun(mistake("CLI102", what, remedy))
    action = _ACTIONS[name]
    if len(paths) != action.paths if action.paths else not paths:
        number = "one path or more" if action.paths is None else counted(action.paths, "path")
        raise CannotRun(
            mistake("CLI102", f"{name} takes {number}, not {len(paths)}", f"checkpoints {name} {action.words}")
        )
    for option in ("keep", "dry-run", "optimizer", "force"):
        if given.has(option.replace("-", "_")) and option not in action.options:
            takers = " and ".join(other for other in ACTIONS if option in _ACTIONS[other].options)
            raise CannotRun(mistake("CLI102", f"{name} takes no --{option}", f"it belongs to {takers}"))
    try:
        return action.does(given, [_store(path) for path in paths])
    except StorageError as error:
        raise CannotRun(mistake("CLI113", str(error))) from None


def _store(path: str) -> Store:
    try:
        return open_store(path)
    except ValueError as error:
        raise CannotRun(mistake("CLI113", f"{redact_whole_url(path)}: {error}")) from None
