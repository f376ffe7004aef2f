"""Who is asking: where pydantic alone calls for a judgement, whether the values are text, or those of an app."""

from __future__ import annotations

from dataclasses import replace
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.judgement import Context
from trainspec.settings.sources.embedding.outer import app_being_made, places_of, value_at
from trainspec.settings.sources.layer import Layer, Locate
from trainspec.settings.sources.reading import Reading
from trainspec.settings.values.coercion import Manner

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

PURE: set[CodeType] = set()
"""The functions that read a document alone, whoever calls them; nothing else is asked about these."""


# Default factories are called from pydantic's core, right below these, and below what of ours calls it.
_DEFAULTS_FROM = ("pydantic.", "trainspec.settings.")


def context_of(cls: type[Settings], data: Any, mode: str, frame: FrameType) -> Context | None:
    """What is known of the values beside themselves; None where they are a document alone."""
    if mode == "string" and isinstance(data, dict):
        return _strings(cls, data)
    outer = app_being_made(frame)
    if outer is None:
        return None
    from trainspec.settings.sources.embedding.said import embedded_context, of_no_mapping

    return embedded_context(cls, data, outer) if isinstance(data, dict) else of_no_mapping(cls, data, outer)


def context_inside(cls: type[Settings], data: Any, around: Context) -> Context | None:
    """What the sources of the settings around say of those inside; None where these are a document of their own."""
    path = next(places_of(around.values, lambda value: value is data), None) if isinstance(data, dict) else None
    if path is None:
        return None
    layers, found = [], []
    for layer in around.layers:
        said = value_at(layer.values, path)
        if isinstance(said, dict):
            # It was read as text where it was text, by the kinds of what lies inside.
            reading = Reading(cls, layer.kind, Manner.DOCUMENT, _inside(layer, path))
            layers.append(replace(reading.read(said), rank=layer.rank))
            found += reading.diagnostics
    context = Context(cls, layers, found, quiet=around.quiet)
    context.at = (*around.at, *path)
    return context


def _inside(layer: Layer, around: tuple[str | int, ...]) -> Locate:
    return lambda path: layer.source((*map(str, around), *path))


def is_default(settings: Settings, frame: FrameType | None) -> bool:
    """Whether `frame`, which calls a constructor without arguments, is pydantic's, looking for a field's default."""
    while frame is not None and frame.f_code.co_name == "__init__" and _self_in(frame) is settings:
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__", "")).startswith(_DEFAULTS_FROM)


def _self_in(frame: FrameType) -> Any:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None


def _strings(cls: type[Settings], data: dict[str, Any]) -> Context:
    """Values that are all text, as `model_validate_strings` has them: read as variables are."""
    reading = Reading(cls, SourceKind.DOCUMENT, Manner.STRINGS, lambda path: Source(SourceKind.DOCUMENT))
    return Context(cls, (reading.read(data),), reading.diagnostics)
