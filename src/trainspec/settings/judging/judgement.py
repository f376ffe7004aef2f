"""One judgement for documents, processes and assignments: fields, then what several may be together.

The usual case, a valid document, is one pass through pydantic's core and one call of the compiled rules. Only where
that finds something is the document read again, slowly, to say all that is wrong with it and where.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from trainspec.settings.diagnostics import (
    Diagnostic,
    Evidence,
    SettingsDeprecationWarning,
    SettingsWarning,
    errors_of,
)
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.after_init import after_init, nothing_more
from trainspec.settings.judging.pydantic_errors import diagnose, validation_error
from trainspec.settings.judging.resolution import in_users_words, resolve
from trainspec.settings.judging.strictness import lenient_faults
from trainspec.settings.sources.layer import Layer, Origin, by_strength, merge
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import name_repository
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import FILES, shape_of
from trainspec.text.odd_texts import is_suspect

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.rules.rule import Rule
    from trainspec.settings.sources.files import Document

S = TypeVar("S", bound="Settings")
Path = tuple[str, ...]
_UNREAD = object()
NOTHING: Mapping[str, Any] = MappingProxyType({})
JUDGED_ANEW = ("VAL201", "VAL202", "VAL203", "VAL204")
"""Codes of warnings about values, which every judgement finds again; those of rules are found again too."""


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

    @property
    def notes(self) -> list[Diagnostic]:
        """What a script may make true by a call of its own, or what is merely worth knowing."""
        return [item for item in self.diagnostics if item.severity == "note"]

    def _repr_html_(self) -> str:
        from trainspec.settings.views.html import verdict_html

        return verdict_html(self)


class Context:
    """What travels through pydantic beside the values: the sources, what reading them found, and who is asking.

    Layers may come in any order: their kinds say which is stronger.
    """

    __slots__ = (
        "at",
        "carried",
        "concerning",
        "diagnostics",
        "files",
        "found_before",
        "init_only",
        "layers",
        "quiet",
        "says_post_init",
        "values",
    )

    def __init__(
        self,
        cls: type[Settings],
        layers: Iterable[Layer],
        diagnostics: list[Diagnostic],
        *,
        quiet: bool = False,
        says_post_init: bool = True,
        values: dict[str, Any] | None = None,
    ) -> None:
        self.layers = by_strength(layers)
        self.diagnostics = diagnostics
        self.values = merge(self.layers, diagnostics, cls) if values is None else values
        name_repository(self.values, cls.__pydantic_fields__)
        self.quiet = quiet
        self.says_post_init = says_post_init
        self.concerning: frozenset[str] | None = None
        self.carried: dict[str, Any] = {}
        self.files: dict[str, Document] = {}
        self.init_only = NOTHING
        self.at: tuple[str | int, ...] = ()
        self.found_before: tuple[Diagnostic, ...] = ()


def judge(cls: type[S], data: Any, handler: Callable[[Any], S], context: Any) -> S:
    """Settings from data, or ValidationError with all that is wrong. Runs inside pydantic's validation."""
    ours = context if context is not None and isinstance(context, Context) else None
    shape = cls.__trainspec_shape__
    if shape is None or shape.validator is not cls.__pydantic_validator__:
        shape = shape_of(cls)
    if not shape.lenient and (ours is None or not ours.diagnostics):
        try:
            settings = handler(data)
        except ValidationError:
            pass
        else:
            said = settings.__pydantic_fields_set__
            if (
                shape.more_to_do.isdisjoint(said)
                and not shape.is_suspect(settings.__dict__, said)
                and not shape.judge(settings.__dict__, said, settings)
            ):
                return _finish(settings, Origin(ours.layers, found=ours.found_before) if ours else None, ours)
    return _judge_fully(cls, handler, ours or document_context(cls, data))


def _finish(settings: S, origin: Origin | None, context: Context | None) -> S:
    object.__setattr__(settings, "_origin", origin)
    cls = type(settings)
    if (context is None or context.says_post_init) and (cls.__attributes__ or cls.__post_init__ is not nothing_more):
        after_init(settings, NOTHING if context is None else context.init_only)
    return settings


def document_context(cls: type[Settings], data: Any, *, quiet: bool = False) -> Context:
    """The context of a parsed document that has no file: every value is simply from the document."""
    if not isinstance(data, Mapping):
        message = f"the document must be a mapping of settings, not {type(data).__name__}"
        found = Diagnostic("SRC108", "not-a-mapping", "error", message, remedy="write name: value")
        return Context(cls, (), [found], quiet=quiet)
    reading = Reading(cls, SourceKind.DOCUMENT, Manner.DOCUMENT, lambda path: Source(SourceKind.DOCUMENT))
    return Context(cls, (reading.read(data),), reading.diagnostics, quiet=quiet)


def _judge_fully(cls: type[S], handler: Callable[[Any], S], context: Context) -> S:
    origin = Origin(context.layers, dict(context.carried), files=dict(context.files))
    settings, found, failing = _validate_fields(cls, handler, context.values, origin)
    diagnostics = context.diagnostics
    diagnostics += found
    if settings is not None:
        object.__setattr__(settings, "_origin", origin)
        diagnostics += resolve(settings, origin, failing)
        diagnostics += _broken_rules(settings, origin, failing)
        diagnostics += _odd(settings, context.values, origin, failing)
    if errors_of(diagnostics) or settings is None:
        raise validation_error(cls, errors_of(diagnostics))
    origin.found = (*context.found_before, *diagnostics)
    if not context.quiet:
        emit(diagnostics, context.concerning, context.at)
    return _finish(settings, origin, context)


def _validate_fields(
    cls: type[S], handler: Callable[[Any], S], values: dict[str, Any], origin: Origin
) -> tuple[S | None, list[Diagnostic], set[str]]:
    """Settings from the sound values alone, what is wrong with the others, and their names."""
    shape = shape_of(cls)
    failing: set[str] = set()
    found = lenient_faults(shape, values, origin.source)
    failing.update(item.fields[0].partition(".")[0] for item in found)
    for _ in range(3):
        sound = {name: value for name, value in values.items() if name not in failing}
        try:
            return handler(sound), found, failing
        except ValidationError as error:
            new = in_users_words(diagnose(error, shape, origin.source), origin)
            found += [item for item in new if item.fields[0].partition(".")[0] not in failing]
            failing.update(item.fields[0].partition(".")[0] for item in new)
    return cast("S", cls.model_construct(**sound)), found, failing


def _broken_rules(settings: Settings, origin: Origin, failing: set[str]) -> list[Diagnostic]:
    """The rules that sound settings break; one that reads a setting of which the value is wrong is not asked."""
    shape = shape_of(type(settings))
    # A setting that names a file is judged by what the file says, arguments in one text by what it spells.
    # What is wrong already counts as not said, so that no condition meets a value of a type that it cannot judge.
    unread = _unread(settings, origin)
    values = {**settings.__dict__, **unread, **origin.resolved}
    values |= {name: shape.defaults[name] for name in failing & shape.defaults.keys()}
    hits = shape.judge(values, settings.__pydantic_fields_set__, settings)
    return [
        _as_diagnostic(shape.rules[index], message, settings, origin)
        for index, message in hits
        if failing.isdisjoint(name.partition(".")[0] for name in shape.rules[index].fields)
        and not (unread and any(name.partition(".")[0] in unread for name in shape.rules[index].names_inside))
    ]


def _odd(settings: Settings, values: Mapping[str, Any], origin: Origin, failing: set[str]) -> list[Diagnostic]:
    """Texts that are valid and hardly meant; what a setting of a user's own class holds may be a template."""
    from trainspec.settings.judging.oddities import oddities

    shape = shape_of(type(settings))
    said = {name: values[name] for name in (values.keys() & shape.texts) - failing if is_suspect(values[name])}
    return list(oddities(shape, said, origin.source, shape.of_ours)) if said else []


def _as_diagnostic(rule: Rule, message: str | bool | None, settings: Settings, origin: Origin) -> Diagnostic:
    values = {**settings.__dict__, **origin.resolved}
    if rule.concerned is None:
        evidence = tuple(item for name in rule.fields for item in _evidence_of(name, rule, values, settings, origin))
    else:
        held = {**values, **{name: settings.__dict__[name] for name in origin.files}}
        names = rule.concerned(settings)
        evidence = tuple(_evidence(name, values if "." in name else held, settings, origin) for name in names)
    text = message if isinstance(message, str) else rule.message
    severity = "note" if rule.idle and _is_default(rule.idle, settings) else rule.severity
    return Diagnostic(rule.code, rule.name, severity, text, rule.reason, rule.fix, evidence)


def _is_default(name: str, settings: Settings) -> bool:
    value, default = settings.__dict__[name], shape_of(type(settings)).defaults[name]
    return type(value) is type(default) and bool(value == default)


def _unread(settings: Settings, origin: Origin) -> dict[str, Any]:
    """What stands for files that settings name and that could not be read: something, of which nothing is known."""
    named = (name for name in FILES if isinstance(settings.__dict__.get(name), str) and name not in origin.files)
    return dict.fromkeys(named, _UNREAD)


def _evidence_of(
    name: str, rule: Rule, values: Mapping[str, Any], settings: Settings, origin: Origin
) -> Iterator[Evidence]:
    """A setting with its value; one that names a file with that name, and then what the file says and where."""
    file = origin.files.get(name)
    yield _evidence(name, settings.__dict__ if file is not None else values, settings, origin)
    if file is None:
        yield from (_evidence(key, values, settings, origin) for key in _parts(name, origin) if key not in rule.fields)
        return
    asked = dict.fromkeys((*(rule.when.names() if rule.when is not None else ()), *rule.also))
    inside = [one for one in asked if one.startswith(f"{name}.") and file.place(tuple(one.split(".")[1:])) is not None]
    for one in inside:
        if one not in rule.fields:
            yield _evidence(one, values, settings, origin)
    if not inside:
        yield Evidence(name, None, file.source(()))


def _parts(name: str, origin: Origin) -> list[str]:
    """The keys of a mapping that several sources, or several variables, have said together; else none."""
    said = (layer.value((name,)) for layer in origin.saying((name,)))
    keys = dict.fromkeys(key for mapping in said if isinstance(mapping, Mapping) for key in mapping)
    found = {key: source for key in keys if (source := origin.source((name, key))) is not None}
    return [f"{name}.{key}" for key in found] if len({source.name for source in found.values()}) > 1 else []


def _evidence(name: str, values: Mapping[str, Any], settings: Settings, origin: Origin) -> Evidence:
    from trainspec.settings.rules.conditions import read

    path = tuple(name.split("."))
    seen = shown(name, read(values, *path), secret=shape_of(type(settings)).is_secret(path))
    return Evidence(name, seen, origin.source(path) or Source(SourceKind.DEFAULT))


def emit(
    diagnostics: list[Diagnostic], concerning: frozenset[str] | None = None, at: tuple[str | int, ...] = ()
) -> None:
    """Each as a Python warning, at the line of the user's code that made the settings; a change tells what is new.

    Of several processes with the same settings the first warns; one that takes `warnings_down` does so for itself.
    """
    if any(item.severity == "warning" for item in diagnostics) and not (_taken_down.get() or _is_first()):
        return
    for item in diagnostics:
        heads = (name.partition(".")[0] for name in item.fields)
        if item.severity == "warning" and (concerning is None or not concerning.isdisjoint((*item.fields, *heads))):
            kind = SettingsDeprecationWarning if item.code.startswith("REN") else SettingsWarning
            warnings.warn(kind(item, at), stacklevel=_users_frame())


_taken_down: ContextVar[bool] = ContextVar("taken down", default=False)


@contextmanager
def warnings_down() -> Iterator[list[warnings.WarningMessage]]:
    """Inside, every warning is put into a list: judging looks at no process, and so not at which of several it is."""
    token = _taken_down.set(True)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            yield told
    finally:
        _taken_down.reset(token)


def _is_first() -> bool:
    from trainspec.settings.arguments.launch import Launch

    return Launch.of_this_process().rank == 0


_OURS = ("trainspec.", "pydantic.", "pydantic_settings.")


def _users_frame() -> int:
    import sys

    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
        level, frame = level + 1, frame.f_back
    return level
