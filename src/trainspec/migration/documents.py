"""What any source says as one document under today's names: what `--to` writes, and what a form is read back as."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.files import Document, document_layer, parse_document
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.task_section import without_secret_keys
from trainspec.settings.sources.variables import TASK
from trainspec.settings.views.dumping import plain

# What is wrong with names; everything else is for `trainspec validate` to say.
_UNKNOWN = frozenset({"SRC101", "SRC102", "SRC103"})


@dataclass(slots=True)
class Found:
    """A document of settings, names that are none, secrets left out, and what could not be brought along."""

    values: dict[str, Any]
    others: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    left: list[Diagnostic] = field(default_factory=list)
    is_words: bool = False
    made_by: str = ""
    """The class whose object held the settings, where a file of Python objects says one."""
    told: list[Diagnostic] = field(default_factory=list)
    """What is worth knowing, though nothing is left to do."""
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """What else is known of the source: the command that was chosen, the program that a file is of."""


def found_in(
    layer: Layer, diagnostics: list[Diagnostic], *, differing: bool = False, below: tuple[Layer, ...] = ()
) -> Found:
    """The document that a source's layer is, over weaker ones `below` it, weakest first; with `differing`, only what is
    not at its default anyway.
    """
    others = [item.fields[0] for item in diagnostics if item.code in _UNKNOWN and item.fields]
    # Of several flags the last one is brought along, which people may not have known.
    told = (item for item in diagnostics if item.severity == "error" or item.code == "SRC117")
    left = [item for item in told if item.code not in _UNKNOWN]
    secret, layers = TrainingArguments.secret_fields(), [*below, layer]
    verdict = from_layers(TrainingArguments, layers, [], quiet=True)
    raw = {name: value for one in layers for name, value in one.values.items()}
    values = verdict.settings.to_dict() if verdict.ok else {name: plain(item) for name, item in raw.items()}
    if differing:
        fields = TrainingArguments.__pydantic_fields__
        defaults = {name: plain(info.get_default(call_default_factory=True)) for name, info in fields.items()}
        values = {name: value for name, value in values.items() if defaults[name] != value}
    kept = {name: value for name, value in values.items() if name not in secret}
    said = {name for name in secret if raw.get(name) not in (None, "")}
    return Found(kept, others, sorted(said), left)


def found_in_file(document: Document) -> Found:
    """The document that a file holds, the task's section with it."""
    found = found_in(*document_layer(TrainingArguments, document))
    task, secrets = without_secret_keys(document.values.get(TASK))
    values = {**found.values, TASK: task} if task else found.values
    return Found(values, found.others, [*found.secrets, *secrets], found.left)


def read_back(text: str, form: str) -> Verdict:
    """What a text in a form is read as. Raises SourceError."""
    if form == "env":
        layer, found = _read_env(text)
    elif form == "cli":
        from trainspec.settings.sources.command_line import command_line_layer

        own = [word for word in shlex.split(text) if not word.startswith(f"--{TASK}.")]
        layer, found = command_line_layer(TrainingArguments, own)
    else:
        layer, found = document_layer(TrainingArguments, parse_document(text, form, "what was written"))
    return from_layers(TrainingArguments, [layer], found, quiet=True)


def _read_env(text: str) -> tuple[Layer, list[Diagnostic]]:
    from dotenv.parser import parse_stream

    from trainspec.settings.diagnostics.source import Source, SourceKind
    from trainspec.settings.sources.variables import Variables, read_variables

    bindings = parse_stream(io.StringIO(text))
    pairs = [(item.key, item.value) for item in bindings if item.key is not None and item.value is not None]
    kind, prefix = SourceKind.DOTENV, TrainingArguments.env_prefix
    return read_variables(TrainingArguments, Variables(pairs, prefix, kind, lambda name: Source(kind, name)))


def unequal(document: Mapping[str, Any], text: str, form: str) -> list[str]:
    """The settings of a document that a text in a form does not give back; of an invalid one, nothing is known."""
    wanted = TrainingArguments.check({name: value for name, value in document.items() if name != TASK})
    if wanted.settings is None:
        return []
    found = read_back(text, form)
    if found.settings is None:
        return sorted({field.partition(".")[0] for item in found.errors for field in item.fields})
    ones = [settings.to_dict(derived=True) for settings in (wanted.settings, found.settings)]
    return [name for name in ones[0] if ones[0][name] != ones[1][name]]
