"""`trainspec checkpoints`: what lies in an output folder, and checkpoints of transformers made ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import FORMAT, Command, Given, Option, wants_help
from trainspec.cli.terminal import FINDINGS, FINE, answer_json, counted, say, style
from trainspec.settings.diagnostics import errors_of
from trainspec.storage import StorageError, Store, open_store
from trainspec.text.redaction import printable, redact_whole_url

if TYPE_CHECKING:
    from trainspec.training.foreign.facts import Facts
    from trainspec.training.foreign.importing import Imported

COMMAND = Command(
    "checkpoints",
    "ACTION PATH...",
    "list FOLDER: the checkpoints in an output folder, those of transformers too. show PATH: one of them, every file "
    "compared with what was written. import SRC DST: a checkpoint of transformers, or a folder of them, written into "
    "the output folder DST, from where resume_from_checkpoint: latest goes on. Nothing in a pickle is ever run.",
    (Option("force", "import over a checkpoint that DST has already"), FORMAT),
    examples=(
        "trainspec checkpoints list runs/bert",
        "trainspec checkpoints show runs/bert/checkpoint-500",
        "trainspec checkpoints import hf/checkpoint-500 runs/bert",
    ),
)
ACTIONS = ("import", "list", "show")


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    action, *paths = given.words or [""]
    if action not in ACTIONS:
        from trainspec.text.suggestions import did_you_mean

        remedy = did_you_mean(action, ACTIONS) or f"write one of {', '.join(ACTIONS)}"
        raise CannotRun(mistake("CLI102", "checkpoints needs to know what to do", remedy))
    wanted = 2 if action == "import" else 1
    if len(paths) != wanted:
        usage = "import SRC DST" if action == "import" else f"{action} PATH"
        number = counted(wanted, "path")
        raise CannotRun(mistake("CLI102", f"{action} takes {number}, not {len(paths)}", f"checkpoints {usage}"))
    try:
        return _ACTIONS[action](given, [_store(path) for path in paths])
    except StorageError as error:
        raise CannotRun(mistake("CLI113", str(error))) from None


def _store(path: str) -> Store:
    try:
        return open_store(path)
    except ValueError as error:
        raise CannotRun(mistake("CLI113", f"{redact_whole_url(path)}: {error}")) from None


def _there(store: Store) -> Store:
    if not store.exists():
        raise CannotRun(mistake("CLI113", f"{redact_whole_url(store.url)}: there is no such folder"))
    return store


def _list(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.foreign.facts import all_in

    found = list(all_in(_there(stores[0])))
    if given.get("format") == "json":
        answer_json({"checkpoints": [one.to_dict() for one in found]})
    elif found:
        print("\n".join(_line(one) for one in found))
    else:
        print("no checkpoints")
    return FINDINGS if any(one.problem for one in found) else FINE


def _show(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.foreign.facts import facts_of

    one = facts_of(_there(stores[0]), verify=True)
    if given.get("format") == "json":
        answer_json(one.to_dict())
    else:
        ours = one.problem is None and one.written_by != "transformers"
        verdict = [f"{counted(len(one.files), 'file')}, each as it was written"] if ours else []
        print("\n".join([_line(one), *(f"  {printable(name)}" for name in one.files), *verdict]))
    return FINDINGS if one.problem else FINE


def _line(one: Facts) -> str:
    head = style(printable(one.path), "bold")
    if one.problem is not None:
        return f"{head}  not whole: {printable(one.problem)}"
    said = [f"step {one.step:,}", f"epoch {one.epoch:.4g}" if one.epoch is not None else "", one.written_by]
    said += [f"{one.size / 1e6:,.1f} MB", "" if one.resumable else "the model alone: it cannot be resumed from"]
    metric = "" if one.best_metric is None else f" ({one.best_metric:.4g})"
    return f"{head}  {', '.join(filter(None, [*said, f'the best so far{metric}' if one.best else '']))}"


def _import(given: Given, stores: Sequence[Store]) -> int:
    load: Callable[..., Any] = _importing()
    source, target = stores
    from trainspec.training.checkpoint import CheckpointError

    try:
        done: list[Imported] = list(load(source, target, replace_old=given.has("force")))
    except CheckpointError as error:
        raise CannotRun(mistake("CLI113", str(error), "see trainspec checkpoints --help")) from None
    if given.get("format") == "json":
        answer_json({"imported": [one.to_dict() for one in done]})
    else:
        say(item for one in done for item in one.findings)
        for one in done:
            ends = "" if one.resumable else " (the model alone: it cannot be resumed from)"
            where = f"{redact_whole_url(one.target)}{ends}" if one.target is not None else "not imported"
            print(f"{printable(redact_whole_url(one.source))} -> {printable(where)}")
    failed = any(errors_of(one.findings) or not one.resumable for one in done)
    return FINDINGS if failed else FINE


def _importing() -> Any:
    try:
        from trainspec.training.foreign.importing import import_checkpoints
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trainspec"):
            raise
        remedy = "pip install 'trainspec[train]'"
        raise CannotRun(mistake("CLI108", f"importing needs {error.name}, which is not installed", remedy)) from None
    return import_checkpoints


_ACTIONS: dict[str, Callable[[Given, Sequence[Store]], int]] = {"import": _import, "list": _list, "show": _show}
