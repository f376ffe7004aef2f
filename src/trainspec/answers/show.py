"""The settings that hold, with the source of each, what it overrode and follows from; the task's own beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.layer import Layer, Origin, by_strength, merged
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.provenance import Entry, Overridden
from trainspec.text.redaction import redacted

if TYPE_CHECKING:
    from trainspec.answers.documents import Judged
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.values.kinds import Kind
    from trainspec.settings.values.shape import Shape


@dataclass(frozen=True, slots=True)
class Shown:
    """Settings, None where they are not valid, and what there is to say about them; `task` is None without a task."""

    settings: TrainingArguments | None
    diagnostics: Iterable[Diagnostic]
    ignored: Iterable[str] = ()
    task: dict[str, Entry] | None = None

    def to_dict(self) -> dict[str, Any]:
        settings = _settings(self.settings) if self.settings is not None else None
        task = self.task if settings is not None else None
        return {
            "ok": settings is not None,
            "diagnostics": [item.to_dict() for item in self.diagnostics],
            "ignored": list(self.ignored),
            "settings": settings,
            "task": {name: entry.to_dict() for name, entry in task.items()} if task is not None else None,
        }


def task_entries(shape: Shape, task: Any, layers: Iterable[Layer]) -> dict[str, Entry]:
    """The task's own settings by dotted name: `task` holds their values, `layers` say where each comes from and what it
    overrode.
    """
    origin = Origin(by_strength(layers))
    entries = {}
    for name in shape.fields:
        path, secret = (name,), shape.conceals((name,))
        saying = list(origin.saying(path))
        over = (Overridden(shown(name, layer.value(path), secret=secret), layer.source(path)) for layer in saying[1:])
        seen = shown(name, getattr(task, name), secret=name in shape.secrets)
        source = saying[0].source(path) if saying else Source(SourceKind.DEFAULT)
        entries[f"task.{name}"] = Entry(seen, source, tuple(over))
    return entries


def rest_of(one: Judged) -> dict[str, dict[str, Any]] | None:
    """What holds of documents that are not valid, without all that an error is about and what follows from that; None
    where nothing does.
    """
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.judging.ways_in import from_layers

    wrong = {path.partition(".")[0] for item in one.diagnostics if item.severity == "error" for path in item.fields}
    layers = [
        replace(layer, values={name: value for name, value in layer.values.items() if name not in wrong})
        for layer in one.layers
    ]
    settings = from_layers(TrainingArguments, layers, [], quiet=True).settings
    if settings is None:
        return None
    unsure = _with_what_follows(wrong)
    return {name: facts for name, facts in _settings(settings).items() if name not in unsure}


def _with_what_follows(names: set[str]) -> set[str]:
    """The settings, and those that may follow from them, however far."""
    found = set(names)
    while more := {name for name, one in DERIVATIONS.items() if not found.isdisjoint(one.follows_from)} - found:
        found |= more
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """What documents say of a setting, valid or not: a plain value, None for a secret, as it is shown, and where."""

    value: Any
    shown: str
    source: Source

    def to_dict(self) -> dict[str, Any]:
        return {"value": self.value, "shown": self.shown, "source": self.source.to_dict()}


def said_in(one: Judged) -> dict[str, Said]:
    """What documents say under today's names, those laid over the others last, whatever is wrong with it.

    What stands under a key that nobody knows may be anything, and is left out.
    """
    from trainspec.settings.arguments import TrainingArguments

    origin, shape = Origin(one.layers), shape_of(TrainingArguments)
    found: dict[str, Said] = {}
    for name in dict.fromkeys(name for layer in one.layers for name in layer.values):
        kind = TrainingArguments.field_kinds()[name]
        value = known_keys(merged([layer.values[name] for layer in one.layers if name in layer.values]), kind)
        secret = shape.conceals((name,))
        plainly = None if secret else redacted(name, plain(value))
        found[name] = Said(plainly, shown(name, value, secret=secret), origin.source((name,)) or _NOWHERE)
    return found


def known_keys(value: Any, kind: Kind) -> Any:
    """What a setting says under keys that it has; what stands under others may be anything."""
    if kind.section is None or not isinstance(value, Mapping):
        return value
    kinds = shape_of(kind.section).kinds
    return {key: known_keys(inner, kinds[key]) for key, inner in value.items() if key in kinds}


_NOWHERE = Source(SourceKind.DEFAULT)


def _settings(settings: TrainingArguments) -> dict[str, dict[str, Any]]:
    """Each setting as a plain value as redacted as what is shown, None for a secret, and as it is shown.

    `keys` are those of a mapping that several sources said parts of.
    """
    secret = settings.secret_fields()
    facts = {}
    for name, entry in settings.provenance.items():
        value = None if name in secret else redacted(name, plain(getattr(settings, name)))
        follows = list(DERIVATIONS[name].follows_from) if entry.source.kind is SourceKind.DERIVED else []
        keys = {key: inner.to_dict() for key, inner in settings.provenance.inside(name).items()}
        facts[name] = {**entry.to_dict(), "value": value, "shown": entry.value, "follows_from": follows, "keys": keys}
    return facts
