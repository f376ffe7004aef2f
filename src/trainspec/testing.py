"""What a team's own tests call: settings are valid, or the test fails with every diagnostic."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.judging.judgement import Verdict

__all__ = ["assert_valid"]


def assert_valid(
    subject: Mapping[str, Any] | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Settings,
    *,
    model: type[Settings] | None = None,
    target: str | None = None,
    world_size: int | None = None,
    nodes: int | None = None,
    allow_warnings: bool = True,
) -> None:
    """Raise AssertionError, with every diagnostic rendered, unless a document, a file or settings are valid.

    A file is a path or URL of YAML, JSON or TOML; each document of a YAML stream is judged. Files in a list are judged
    as one, each laid over those before it. `model` is TrainingArguments unless said otherwise, and of settings their
    own class. `target` (such as `h100x8`) and `world_size` also check against a declared machine, or `nodes` of them.
    With `allow_warnings` false, a warning fails too. Neither the environment nor this machine is looked at.
    """
    __tracebackhide__ = True
    faults = []
    for name, verdict in _verdicts(subject, model):
        judged = verdict
        if verdict.ok and (target is not None or world_size is not None):
            from trainspec.settings.loading import against_target

            judged = against_target(verdict, target, world_size, nodes)
        found = judged.errors if allow_warnings else [*judged.errors, *judged.warnings]
        faults += [f"{name} {'are' if name == 'these settings' else 'is'} not valid"] * bool(found)
        faults += [item.render() for item in found]
    if faults:
        raise AssertionError("\n\n".join(faults))


def _verdicts(subject: Any, model: type[Settings] | None) -> Iterator[tuple[str, Verdict]]:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.base import Settings
    from trainspec.settings.judging.ways_in import check_document

    if isinstance(subject, Settings):
        yield "these settings", check_document(model or type(subject), subject.to_dict(secrets=True))
    elif isinstance(subject, Mapping):
        yield "this document", check_document(model or TrainingArguments, subject)
    elif isinstance(subject, Sequence) and not isinstance(subject, str):
        yield _verdict_on_files([os.fspath(file) for file in subject], model or TrainingArguments)
    else:
        yield from _verdicts_on_file(os.fspath(subject), model or TrainingArguments)


def _verdict_on_files(paths: Sequence[str], model: type[Settings]) -> tuple[str, Verdict]:
    """The verdict on files of which each is laid over those before it."""
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.judging.judgement import Verdict
    from trainspec.settings.judging.ways_in import from_layers
    from trainspec.settings.sources.files import document_layer, read_several
    from trainspec.text.redaction import printable, redact_whole_url

    name = ", ".join(printable(redact_whole_url(path)) for path in paths)
    try:
        documents, found = read_several(paths)
    except SourceError as error:
        return name, Verdict(None, list(error.diagnostics))
    readings = [document_layer(model, document) for document in documents]
    found += [item for _, more in readings for item in more]
    return name, from_layers(model, [layer for layer, _ in readings], found, quiet=True)


def _verdicts_on_file(path: str, model: type[Settings]) -> Iterator[tuple[str, Verdict]]:
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.judging.judgement import Verdict
    from trainspec.settings.judging.ways_in import from_layers
    from trainspec.settings.sources.files import document_layer, read_documents
    from trainspec.text.redaction import printable, redact_whole_url

    name = printable(redact_whole_url(path))
    number = 0
    try:
        for number, document in enumerate(read_documents(path), start=1):
            layer, found = document_layer(model, document)
            shown = name if number == 1 else f"{name} (document {number})"
            yield shown, from_layers(model, [layer], found, quiet=True)
    except SourceError as error:
        yield name if number == 0 else f"{name} (document {number + 1})", Verdict(None, list(error.diagnostics))
