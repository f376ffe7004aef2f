"""One judgement for documents, processes and assignments: fields, then what several may be together.

The usual case, a valid document, is one pass through pydantic's core and one call of the compiled rules. Only where
that finds something is the document read again, slowly, to say all that is wrong with it and where.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from trainspec.settings.codes import CODES
from trainspec.settings.coercion import Manner
from trainspec.settings.diagnostics import (
    Diagnostic,
    Evidence,
    SettingsDeprecationWarning,
    SettingsWarning,
    SourceError,
    errors_of,
)
from trainspec.settings.faults import diagnose, validation_error
from trainspec.settings.names import Layer, Reading
from trainspec.settings.redaction import HIDDEN, show_value
from trainspec.settings.resolution import resolvable, resolve
from trainspec.settings.sources.provenance import Source, SourceKind
from trainspec.settings.sources.variables import TASK
from trainspec.settings.strictness import lenient_faults, lenient_fields

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.rules.compilation import Judge
    from trainspec.settings.rules.rule import Rule
    from trainspec.settings.sources.files import Document

S = TypeVar("S", bound="Settings")
Path = tuple[str, ...]


@dataclass
class Origin:
    """The sources that settings were put together from, weakest first, and what values that name files resolved to."""

    layers: tuple[Layer, ...] = ()
    resolved: dict[str, Any] = field(default_factory=dict)

    def source(self, path: Path) -> Source | None:
        """Where the value at `path` stands: in the strongest source that says something there."""
        for layer in reversed(self.layers):
            if layer.holds(path):
                return layer.source(path)
        return None


@dataclass
class Verdict:
    """What judging a document found: the settings where there is no error, and every diagnostic."""

    settings: Any
    diagnostics: list[Diagnostic]

    @property
    def ok(self) -> bool:
        """Whether the settings can be used; warnings do not stand in the way."""
        return self.settings is not None

    @property
    def errors(self) -> list[Diagnostic]:
        return errors_of(self.diagnostics)

    @property
    def warnings(self) -> list[Diagnostic]:
        return [item for item in self.diagnostics if item.severity == "warning"]


class Context:
    """What travels through pydantic beside the values: the sources, what reading them found, and who is asking."""

    __slots__ = ("carried", "concerning", "diagnostics", "layers", "quiet", "says_post_init", "values")

    def __init__(
        self,
        layers: tuple[Layer, ...],
        diagnostics: list[Diagnostic],
        *,
        quiet: bool = False,
        says_post_init: bool = True,
        values: dict[str, Any] | None = None,
    ) -> None:
        self.layers = layers
        self.diagnostics = diagnostics
        self.values = merge(layers, diagnostics) if values is None else values
        self.quiet = quiet
        self.says_post_init = says_post_init
        self.concerning: frozenset[str] | None = None
        self.carried: dict[str, Any] = {}


def merge(layers: tuple[Layer, ...], diagnostics: list[Diagnostic]) -> dict[str, Any]:
    """All layers as one, the later over the earlier; mappings key by key."""
    if len(layers) == 1:
        return layers[0].values
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.values.items():
            below = merged.get(name)
            if isinstance(value, dict) and isinstance(below, str):
                diagnostics.append(_keys_over_text(name, below, value, Origin(layers), layer))
            merged[name] = _over(below, value)
    return merged


def _keys_over_text(name: str, below: str, value: Any, origin: Origin, layer: Layer) -> Diagnostic:
    """Keys cannot be laid over a file that a weaker source names, and dropping what it says would be silent."""
    weaker = next(other for other in reversed(origin.layers) if other.values.get(name) is below)
    evidence = (
        Evidence(name, show_value(name, below), weaker.source((name,))),
        Evidence(name, show_value(name, value), layer.source((name, *list(value)[:1]))),
    )
    message = f"{name} is text in one source and keys of a mapping in a stronger one"
    code = CODES["SRC113"]
    return Diagnostic("SRC113", code.name, "error", message, code.reason, "give all of it in one source", evidence)


def _over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}
    return above


def judge(cls: type[S], data: Any, handler: Callable[[Any], S], context: Any) -> S:
    """Settings from data, or ValidationError with all that is wrong. Runs inside pydantic's validation."""
    ours = context if isinstance(context, Context) else None
    lenient, more_to_do, broken = cls.__dict__.get("_at_hand") or _lay_at_hand(cls)
    if not lenient and (ours is None or not ours.diagnostics):
        try:
            settings = handler(data)
        except ValidationError:
            pass
        else:
            said = settings.__pydantic_fields_set__
            if more_to_do.isdisjoint(said) and not broken(settings.__dict__, said, settings):
                return _finish(settings, Origin(ours.layers) if ours else None, ours is None or ours.says_post_init)
    return _judge_fully(cls, handler, ours or document_context(cls, data))


def _lay_at_hand(cls: type[Settings]) -> tuple[frozenset[str], frozenset[str], Judge]:
    """What every judgement of this class needs, kept where one look finds it."""
    # A secret may be the placeholder of a dump, which is none.
    more_to_do = resolvable(cls) | cls.secret_fields()
    at_hand = (lenient_fields(cls), more_to_do, cls.judging_function())
    type.__setattr__(cls, "_at_hand", at_hand)
    return at_hand


def _finish(settings: S, origin: Origin | None, says_post_init: bool) -> S:
    object.__setattr__(settings, "_origin", origin)
    if says_post_init:
        settings.__post_init__()
    return settings


def document_context(cls: type[Settings], data: Any, *, quiet: bool = False) -> Context:
    """The context of a parsed document that has no file: every value is simply from the document."""
    if not isinstance(data, Mapping):
        message = f"the document must be a mapping of settings, not {type(data).__name__}"
        found = Diagnostic("SRC108", "not-a-mapping", "error", message, remedy="write name: value")
        return Context((), [found], quiet=quiet)
    reading = Reading(cls, SourceKind.DOCUMENT, Manner.DOCUMENT, lambda path: Source(SourceKind.DOCUMENT))
    return Context((reading.read(data),), reading.diagnostics, quiet=quiet)


def _judge_fully(cls: type[S], handler: Callable[[Any], S], context: Context) -> S:
    origin = Origin(context.layers, dict(context.carried))
    settings, found, failing = _validate_fields(cls, handler, context.values, origin)
    diagnostics = context.diagnostics
    diagnostics += found
    if settings is not None:
        object.__setattr__(settings, "_origin", origin)
        diagnostics += resolve(settings, origin, failing)
        diagnostics += _broken_rules(settings, origin, failing)
    if errors_of(diagnostics) or settings is None:
        raise validation_error(cls, errors_of(diagnostics))
    if not context.quiet:
        emit(diagnostics, context.concerning)
    return _finish(settings, origin, context.says_post_init)


def _validate_fields(
    cls: type[S], handler: Callable[[Any], S], values: dict[str, Any], origin: Origin
) -> tuple[S | None, list[Diagnostic], set[str]]:
    """Settings from the sound values alone, what is wrong with the others, and their names."""
    kinds, secrets = cls.field_kinds(), cls.secret_fields()
    failing: set[str] = set()
    found = lenient_faults(cls, values, origin.source)
    failing.update(item.fields[0] for item in found)
    for _ in range(3):
        sound = {name: value for name, value in values.items() if name not in failing}
        try:
            return handler(sound), found, failing
        except ValidationError as error:
            new = diagnose(error, kinds, origin.source, secrets=secrets)
            found += [item for item in new if item.fields[0].partition(".")[0] not in failing]
            failing.update(item.fields[0].partition(".")[0] for item in new)
    return cast("S", cls.model_construct(**sound)), found, failing


def _broken_rules(settings: Settings, origin: Origin, failing: set[str]) -> list[Diagnostic]:
    """The rules that sound settings break; one that reads a setting of which the value is wrong is not asked."""
    cls = type(settings)
    # A setting that names a file is judged by what the file says, arguments in one text by what it spells.
    # What is wrong already counts as not said, so that no condition meets a value of a type that it cannot judge.
    values = {**settings.__dict__, **origin.resolved, **_defaults(cls, failing)}
    hits = cls.judging_function()(values, settings.__pydantic_fields_set__, settings)
    rules = cls.rules()
    return [
        _as_diagnostic(rules[index], message, settings, origin)
        for index, message in hits
        if failing.isdisjoint(name.partition(".")[0] for name in rules[index].fields)
    ]


def _defaults(cls: type[Settings], names: set[str]) -> dict[str, Any]:
    fields = cls.__pydantic_fields__
    return {name: fields[name].get_default(call_default_factory=True) for name in names if name in fields}


def _as_diagnostic(rule: Rule, message: str | bool | None, settings: Settings, origin: Origin) -> Diagnostic:
    evidence = tuple(_evidence(name, settings, origin) for name in rule.fields)
    text = message if isinstance(message, str) else rule.message
    return Diagnostic(rule.code, rule.name, rule.severity, text, rule.reason, rule.fix, evidence)


def _evidence(name: str, settings: Settings, origin: Origin) -> Evidence:
    from trainspec.settings.rules.conditions import read

    path = tuple(name.split("."))
    shown = HIDDEN if path[0] in type(settings).secret_fields() else show_value(name, read(settings.__dict__, *path))
    return Evidence(name, shown, origin.source(path) or Source(SourceKind.DEFAULT))


def emit(diagnostics: list[Diagnostic], concerning: frozenset[str] | None = None) -> None:
    """Each as a Python warning, at the line of the user's code that made the settings; a change tells what is new."""
    for item in diagnostics:
        if item.severity == "warning" and (concerning is None or not concerning.isdisjoint(item.fields)):
            kind = SettingsDeprecationWarning if item.code.startswith("REN") else SettingsWarning
            warnings.warn(kind(item), stacklevel=_users_frame())


def _users_frame() -> int:
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(("trainspec.", "pydantic.")):
        level, frame = level + 1, frame.f_back
    return level


# The ways in.


def judge_process(settings: Settings, arguments: dict[str, Any]) -> None:
    """Fill `settings` from this process's sources with the constructor's arguments over them."""
    from trainspec.settings.sources.process import process_layers

    cls = type(settings)
    layers, diagnostics = process_layers(cls)
    above, more = constructor_layer(cls, arguments)
    context = Context((*layers, above), [*diagnostics, *more])
    cls.__pydantic_validator__.validate_python(context.values, self_instance=settings, context=context)


def constructor_layer(cls: type[Settings], arguments: dict[str, Any]) -> tuple[Layer, list[Diagnostic]]:
    """What the arguments of a call say, and what is wrong with their names."""
    reading = Reading(cls, SourceKind.CONSTRUCTOR, Manner.CONSTRUCTOR, _constructor_source)
    return reading.read(arguments), reading.diagnostics


def _constructor_source(path: Path) -> Source:
    return Source(SourceKind.CONSTRUCTOR)


def from_layers(cls: type[S], layers: list[Layer], diagnostics: list[Diagnostic], *, quiet: bool = False) -> Verdict:
    """Judge sources that were read already, without raising."""
    return _verdict_on(cls, Context(tuple(layers), list(diagnostics), quiet=quiet))


def check_document(cls: type[S], data: Any) -> Verdict:
    """Judge a parsed document, without raising or warning."""
    return _verdict_on(cls, document_context(cls, data, quiet=True))


def _verdict_on(cls: type[S], context: Context) -> Verdict:
    try:
        settings = _settings_in(cls, context)
    except ValidationError as error:
        return Verdict(None, context.diagnostics or diagnose(error, cls.field_kinds(), lambda path: None))
    return Verdict(settings, context.diagnostics)


def document_layer(
    cls: type[Settings], document: Document, *, ignore_unknown: bool = False
) -> tuple[Layer, list[Diagnostic]]:
    """What a file says, each value with its line."""
    values: dict[str, Any] = document.values
    found: list[Diagnostic] = []
    if TASK in values and TASK not in cls.__pydantic_fields__:
        from trainspec.settings.sources.task_section import without_task

        values, found = without_task(document)
    reading = Reading(cls, SourceKind.FILE, Manner.DOCUMENT, document.source)
    layer = reading.read(values)
    if not ignore_unknown:
        return layer, [*found, *reading.diagnostics]
    layer.ignored = tuple(reading.unknown)
    return layer, [*found, *(item for item in reading.diagnostics if item.code != "SRC102")]


def settings_from_document(cls: type[S], read: Callable[[], Document], *, ignore_unknown: bool = False) -> S:
    """Settings from a file alone; raises ValidationError (also where it cannot be read), and warns."""
    try:
        document = read()
    except SourceError as error:
        raise validation_error(cls, error.diagnostics) from None
    layer, diagnostics = document_layer(cls, document, ignore_unknown=ignore_unknown)
    return _settings_in(cls, Context((layer,), diagnostics))


def _settings_in(cls: type[S], context: Context) -> S:
    settings: S = cls.__pydantic_validator__.validate_python(context.values, context=context)
    return settings


def changed(settings: S, changes: dict[str, Any], kind: SourceKind) -> S:
    """New settings: what was said, with changes over it; a changed mapping is replaced, not merged."""
    cls = type(settings)
    reading = Reading(cls, kind, Manner.CONSTRUCTOR, lambda path: Source(kind, path[0]))
    above = reading.read(changes)
    said = {name: settings.__dict__[name] for name in settings.__pydantic_fields_set__}
    context = Context(
        (*_layers_of(settings, said), above),
        reading.diagnostics,
        says_post_init=kind is SourceKind.CONSTRUCTOR,
        values={**said, **above.values},
    )
    context.concerning = frozenset((*above.values, *changes))
    context.carried = {name: value for name, value in _files_of(settings).items() if name not in above.values}
    return _settings_in(cls, context)


def _layers_of(settings: Settings, said: dict[str, Any]) -> tuple[Layer, ...]:
    if settings.origin is not None:
        return settings.origin.layers
    return (Layer(SourceKind.DOCUMENT, said, lambda path: Source(SourceKind.DOCUMENT)),)


def _files_of(settings: Settings) -> dict[str, Any]:
    """What values that name a file resolved to, so that a change elsewhere does not read it again."""
    resolved = settings.origin.resolved if settings.origin is not None else {}
    return {name: value for name, value in resolved.items() if isinstance(settings.__dict__.get(name), str)}
