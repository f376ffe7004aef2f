"""`checkpoints export`, `prune` and `import`: what writes or deletes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainspec.cli.checkpoints.showing import there
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Given
from trainspec.cli.terminal import FINDINGS, FINE, answer_json, counted, say, words_for
from trainspec.settings.diagnostics import errors_of
from trainspec.storage import Store
from trainspec.text.redaction import printable, redact_whole_url

if TYPE_CHECKING:
    from trainspec.answers.checkpoints.pruning import Pruning
    from trainspec.text.languages import Words
    from trainspec.training.foreign.importing import Imported


@contextmanager
def needing(what: str) -> Iterator[None]:
    """Around what may need a package for training. Raises CannotRun where it is missing, or a checkpoint is damaged."""
    from trainspec.training.checkpoint.manifest import CheckpointError

    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trainspec"):
            raise
        remedy = "pip install 'trainspec[train]'"
        raise CannotRun(mistake("CLI108", f"{what} needs {error.name}, which is not installed", remedy)) from None
    except CheckpointError as error:
        raise CannotRun(mistake("CLI113", str(error), "see trainspec checkpoints --help")) from None


def export(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.answers.checkpoints.exporting import export_model
    from trainspec.training.errors import TrainingError
    from trainspec.training.foreign.finding import open_any

    source, target = stores
    with needing("the optimizer's state" if given.has("optimizer") else "reading weights in torch's own files"):
        try:
            one = open_any(there(source))
            done = export_model(one, target, replace=given.has("force"), with_optimizer=given.has("optimizer"))
        except FileExistsError as error:
            raise CannotRun(mistake("CLI113", str(error), "name another folder, or write --force")) from None
        except TrainingError as error:
            raise CannotRun(mistake("CLI113", str(error), "leave --optimizer out")) from None
    if given.get("format") == "json":
        answer_json(done.to_dict())
    else:
        print(f"{printable(done.source)} -> {printable(done.target)}")
        print("".join(f"  {printable(name)}\n" for name in done.files), end="")
        print(f"{counted(done.tensors, 'tensor', words_for(given))}, {done.bytes / 1e6:,.1f} MB")
    return FINE


def prune(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.answers.checkpoints.pruning import pruned, remove

    keep = given.number("keep", 1)
    if keep is None:
        raise CannotRun(mistake("CLI102", "prune needs to know how many are to be left", "write --keep N"))
    folder = there(stores[0])
    found = pruned(folder, keep)
    if not given.has("dry_run"):
        remove(folder, found)
    if given.get("format") == "json":
        answer_json({**found.to_dict(), "dry_run": given.has("dry_run")})
    else:
        print("\n".join(_pruned(found, words_for(given), is_done=not given.has("dry_run"))))
    return FINE


def _pruned(found: Pruning, words: Words, *, is_done: bool) -> Iterator[str]:
    gone = "deleted" if is_done else "would go"
    for steps, what in (
        (found.removed, gone),
        (found.unfinished, f"{gone}: saving it was never finished"),
        (found.damaged, "damaged; it stays, for nothing is known of it"),
    ):
        for step in steps:
            yield f"checkpoint-{step}  {words(what)}"
    for step in found.kept:
        yield f"checkpoint-{step}  {words('stays, the best' if step == found.best else 'stays')}"
    if number := len(found.removed) + len(found.unfinished):
        said = words("{CHECKPOINTS} deleted, {size} MB" if is_done else "{CHECKPOINTS} would go, {size} MB")
        yield said.format(CHECKPOINTS=counted(number, "checkpoint", words), size=f"{found.size / 1e6:,.1f}")
    else:
        yield words("nothing is to go")


def import_theirs(given: Given, stores: Sequence[Store]) -> int:
    source, target = stores
    with needing("importing"):
        from trainspec.training.foreign.importing import import_checkpoints

        load: Callable[..., Any] = import_checkpoints
        done: list[Imported] = list(load(source, target, replace_old=given.has("force")))
    if given.get("format") == "json":
        answer_json({"imported": [one.to_dict() for one in done]})
    else:
        words = words_for(given)
        say((item for one in done for item in one.findings), words)
        for one in done:
            ends = "" if one.resumable else words(" (the model alone: it cannot be resumed from)")
            where = f"{redact_whole_url(one.target)}{ends}" if one.target is not None else words("not imported")
            print(f"{printable(redact_whole_url(one.source))} -> {printable(where)}")
    failed = any(errors_of(one.findings) or not one.resumable for one in done)
    return FINDINGS if failed else FINE
