"""The ways in: documents, files, this process's sources and changes, each to one judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.judgement import JUDGED_ANEW, NOTHING, Context, Verdict, document_context
from trainspec.settings.judging.pydantic_errors import diagnose, validation_error
from trainspec.settings.sources.customised.options import for_call, options_of
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading, constructor_layer
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.dataclass_face import is_read, without_defaults
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.files import Document

S = TypeVar("S", bound="Settings")


def judge_process(settings: Settings, arguments: dict[str, Any], init_only: Mapping[str, Any] = NOTHING) -> None:
    """Fill `settings` from this process's sources with the constructor's arguments over them.

    `init_only` is what `__post_init__` is given.
    """
    from trainspec.settings.sources.process import process_layers

    cls = type(settings)
    options = None
    if arguments and any(name[:1] == "_" for name in arguments):
        options, arguments = for_call(options_of(cls), arguments)
    above, more = constructor_layer(cls, arguments)
    layers, diagnostics = process_layers(cls, options=options, given=(above,))
    context = Context(cls, layers, [*diagnostics, *more])
    context.init_only = init_only
    cls.__pydantic_validator__.validate_python(context.values, self_instance=settings, context=context)


def said_of_all(cls: type[Settings], arguments: dict[str, Any]) -> dict[str, Any]:
    """What a call says that gives every setting: what is neither its default nor follows from the others."""
    from trainspec.settings.views.derived import DERIVATIONS

    said = without_defaults(cls, arguments)
    below, found = constructor_layer(cls, {name: value for name, value in said.items() if name not in DERIVATIONS})
    others = _verdict_on(cls, Context(cls, (below,), found, quiet=True, says_post_init=False)).settings
    if others is None:
        return said
    return {name: value for name, value in said.items() if name not in DERIVATIONS or not is_read(others, name, value)}


def judge_default(settings: Settings) -> None:
    """Fill `settings` with what holds where nothing is said: a default inside a document reads no environment."""
    type(settings).__pydantic_validator__.validate_python({}, self_instance=settings)


def settings_from_layers(cls: type[S], layers: Iterable[Layer], diagnostics: list[Diagnostic]) -> S:
    """Settings from sources that were read already, in any order; raises ValidationError, and warns."""
    return _settings_in(cls, Context(cls, layers, diagnostics))


def from_layers(
    cls: type[S], layers: Iterable[Layer], diagnostics: list[Diagnostic], *, quiet: bool = False
) -> Verdict:
    """Judge sources that were read already, in any order, without raising."""
    return _verdict_on(cls, Context(cls, layers, list(diagnostics), quiet=quiet))


def check_document(cls: type[S], data: Any) -> Verdict:
    """Judge a parsed document, without raising or warning."""
    return _verdict_on(cls, document_context(cls, data, quiet=True))


def _verdict_on(cls: type[S], context: Context) -> Verdict:
    try:
        settings = _settings_in(cls, context)
    except ValidationError as error:
        return Verdict(None, context.diagnostics or diagnose(error, shape_of(cls), lambda path: None))
    return Verdict(settings, context.diagnostics)


def settings_from_document(cls: type[S], read: Callable[[], Document], *, ignore_unknown: bool = False) -> S:
    """Settings from a file alone; raises ValidationError (also where it cannot be read), and warns."""
    return settings_from_documents(cls, lambda: ([read()], []), ignore_unknown=ignore_unknown)


def settings_from_documents(
    cls: type[S], read: Callable[[], tuple[list[Document], list[Diagnostic]]], *, ignore_unknown: bool = False
) -> S:
    """Settings from files alone, each laid over those before it; raises ValidationError, and warns."""
    from trainspec.settings.sources.files import document_layer

    try:
        documents, found = read()
    except SourceError as error:
        raise validation_error(cls, error.diagnostics) from None
    layers = []
    for document in documents:
        layer, more = document_layer(cls, document, ignore_unknown=ignore_unknown)
        layers.append(layer)
        found += more
    return settings_from_layers(cls, layers, found)


def _settings_in(cls: type[S], context: Context) -> S:
    settings: S = cls.__pydantic_validator__.validate_python(context.values, context=context)
    return settings


def changed(settings: S, changes: dict[str, Any], kind: SourceKind, init_only: Mapping[str, Any] = NOTHING) -> S:
    """New settings: what was said, with changes over it; a changed mapping is replaced, not merged.

    `kind` names the source of the changes, which are over every other source whatever it is.
    """
    cls = type(settings)
    reading = Reading(cls, SourceKind.ASSIGNMENT, Manner.CONSTRUCTOR, lambda path: Source(kind, path[0]))
    above = reading.read(changes)
    said = {name: settings.__dict__[name] for name in settings.__pydantic_fields_set__}
    context = Context(
        cls,
        (*_layers_of(settings, said), above),
        reading.diagnostics,
        says_post_init=kind is SourceKind.CONSTRUCTOR,
        values={**said, **above.values},
    )
    context.init_only = init_only
    context.concerning = frozenset((*above.values, *changes))
    context.carried = {name: value for name, value in _files_of(settings).items() if name not in above.values}
    files = settings.origin.files if settings.origin is not None else {}
    context.files = {name: file for name, file in files.items() if name in context.carried}
    context.found_before = _found_in_sources(settings)
    return _settings_in(cls, context)


def _found_in_sources(settings: Settings) -> tuple[Diagnostic, ...]:
    """What reading the sources of settings found, which nothing will find again."""
    found = settings.origin.found if settings.origin is not None else ()
    anew = {*JUDGED_ANEW, *(rule.code for rule in type(settings).rules())} if found else ()
    return tuple(item for item in found if item.code not in anew)


def _layers_of(settings: Settings, said: dict[str, Any]) -> tuple[Layer, ...]:
    if settings.origin is not None:
        return settings.origin.layers
    return (Layer(SourceKind.DOCUMENT, said, lambda path: Source(SourceKind.DOCUMENT)),)


def _files_of(settings: Settings) -> dict[str, Any]:
    """What values that name a file resolved to, so that a change elsewhere does not read it again."""
    resolved = settings.origin.resolved if settings.origin is not None else {}
    return {name: value for name, value in resolved.items() if isinstance(settings.__dict__.get(name), str)}
