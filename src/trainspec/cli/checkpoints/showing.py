"""`checkpoints list`, `show` and `verify`: what is there, and whether it is what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Given
from trainspec.cli.terminal import FINDINGS, FINE, answer_json, counted, style, words_for
from trainspec.storage import Store
from trainspec.storage.location import scheme_of
from trainspec.text.redaction import printable, redact_whole_url

if TYPE_CHECKING:
    from trainspec.text.languages import Words
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
        words = words_for(given)
        print("\n".join(_line(one, words) for one in found))
    else:
        print(words_for(given)("no checkpoints"))
    return FINDINGS if any(one.problem for one in found) else FINE


def show(given: Given, stores: Sequence[Store]) -> int:
    from trainspec.training.foreign.facts import facts_of

    one = facts_of(there(stores[0]), verify=True)
    if given.get("format") == "json":
        answer_json(one.to_dict())
    else:
        ours = one.problem is None and one.written_by != "transformers"
        words = words_for(given)
        said = words("{FILES}, each as it was written").format(FILES=counted(len(one.files), "file", words))
        verdict = [said] if ours else []
        print("\n".join([_line(one, words), *(f"  {printable(name)}" for name in one.files), *verdict]))
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
        words = words_for(given)
        print("\n".join(_verdict(one, words) for one in found))
        said = words("{CHECKPOINTS}, all whole" if len(whole) == len(found) else "{CHECKPOINTS}, {number} whole")
        print(said.format(CHECKPOINTS=counted(len(found), "checkpoint", words), number=len(whole)))
    return FINE if len(whole) == len(found) else FINDINGS


def _verdict(one: Facts, words: Words) -> str:
    if one.problem is not None:
        return _not_whole(one, words)
    how = "ends where its parts say; it has no checksums" if one.written_by == "transformers" else "as it was written"
    said = [counted(len(one.files), "file", words), f"{one.size / 1e6:,.1f} MB", words(how)]
    return f"{style(printable(one.path), 'bold')}  {words(', ').join(said)}"


def _not_whole(one: Facts, words: Words) -> str:
    why = words(printable(one.problem or ""))
    return f"{style(printable(one.path), 'bold')}  {words('not whole: {why}').format(why=why)}"


def _line(one: Facts, words: Words) -> str:
    if one.problem is not None:
        return _not_whole(one, words)
    said = [words("step {step}").format(step=f"{one.step:,}")]
    said += [words("epoch {epoch}").format(epoch=f"{one.epoch:.4g}")] if one.epoch is not None else []
    said += [one.written_by, f"{one.size / 1e6:,.1f} MB"]
    said += [] if one.resumable else [words("the model alone: it cannot be resumed from")]
    metric = "" if one.best_metric is None else f" ({one.best_metric:.4g})"
    said += [words("the best so far") + metric] if one.best else []
    return f"{style(printable(one.path), 'bold')}  {words(', ').join(filter(None, said))}"
