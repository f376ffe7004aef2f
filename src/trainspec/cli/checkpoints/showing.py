"""`checkpoints list`, `show` and `verify`: what is there, and whether it is what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Given
from trainspec.cli.terminal import FINDINGS, FINE, answer_json, counted, style
from trainspec.storage import Store
from trainspec.storage.location import scheme_of
from trainspec.text.redaction import printable, redact_whole_url

if TYPE_CHECKING:
    from trainspec.training.foreign.facts import Facts


_WITHOUT_FOLDERS = ("http", "https")


def there(store: Store) -> Store:
    """A folder that has to be there. Raises CannotRun."""
    if scheme_of(store.url) in _WITHOUT_FOLDERS:
        why = f"{redact_whole_url(store.url)}: the web has no folders that could be looked through"
        raise CannotRun(mistake("CLI113", why, "name the store (s3://, gs://, ...), or a folder on this machine"))
    if not store.exists():
        raise CannotRun(mistake("CLI113", f"{redact_whole_url(store.url)}: there is no such folder"))
    return store


def list_them(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.foreign.facts import all_in, facts_of

    store = there(stores[0])
    # Who names a checkpoint itself means that one.
    found = all_in(store) or [one for one in (facts_of(store),) if one.problem is None]
    if given.get("format") == "json":
        answer_json({"checkpoints": [one.to_dict() for one in found]})
    elif found:
        print("\n".join(_line(one) for one in found))
    else:
        print("no checkpoints")
    return FINDINGS if any(one.problem for one in found) else FINE


def show(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.foreign.facts import facts_of

    one = facts_of(there(stores[0]), verify=True)
    if given.get("format") == "json":
        answer_json(one.to_dict())
    else:
        ours = one.problem is None and one.written_by != "transformers"
        verdict = [f"{counted(len(one.files), 'file')}, each as it was written"] if ours else []
        print("\n".join([_line(one), *(f"  {printable(name)}" for name in one.files), *verdict]))
    return FINDINGS if one.problem else FINE


def verify(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.checkpoint.load import checkpoint_folders
    from trainspec.training.foreign.facts import all_in, facts_of

    found: list[Facts] = []
    for store in map(there, stores):
        found += all_in(store, verify=True) if checkpoint_folders(store) else [facts_of(store, verify=True)]
    whole = [one for one in found if one.problem is None]
    if given.get("format") == "json":
        answer_json({"checkpoints": [one.to_dict() for one in found], "whole": len(whole) == len(found)})
    else:
        print("\n".join(map(_verdict, found)))
        print(
            f"{counted(len(found), 'checkpoint')}, {'all whole' if len(whole) == len(found) else f'{len(whole)} whole'}"
        )
    return FINE if len(whole) == len(found) else FINDINGS


def _verdict(one: Facts) -> str:
    head = style(printable(one.path), "bold")
    if one.problem is not None:
        return f"{head}  not whole: {printable(one.problem)}"
    how = "ends where its parts say; it has no checksums" if one.written_by == "transformers" else "as it was written"
    return f"{head}  {counted(len(one.files), 'file')}, {one.size / 1e6:,.1f} MB, {how}"


def _line(one: Facts) -> str:
    head = style(printable(one.path), "bold")
    if one.problem is not None:
        return f"{head}  not whole: {printable(one.problem)}"
    said = [f"step {one.step:,}", f"epoch {one.epoch:.4g}" if one.epoch is not None else "", one.written_by]
    said += [f"{one.size / 1e6:,.1f} MB", "" if one.resumable else "the model alone: it cannot be resumed from"]
    metric = "" if one.best_metric is None else f" ({one.best_metric:.4g})"
    return f"{head}  {', '.join(filter(None, [*said, f'the best so far{metric}' if one.best else '']))}"
