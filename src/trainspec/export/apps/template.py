"""A dotenv file with every variable of an app, commented out, under its description, type and default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings

from trainspec.export.env_template import comment, example_of, settings_lines
from trainspec.settings.base import Settings
from trainspec.settings.sources.embedding.inside import AppNames, Inside, places_in
from trainspec.settings.sources.embedding.outer import Path
from trainspec.settings.values.shape import Shape, shape_of
from trainspec.settings.views.help_text import default_of
from trainspec.settings.views.schema.text_patterns import as_text, in_dotenv

_ABOUT = (
    "Variables of {app}. Take the # from the lines that you want; each shows an example. Variables of the process come "
    "before those of this file."
)
_INSIDE = (
    "Lists are written as a,b or as JSON, mappings as JSON in single quotes or a key at a time. An empty variable "
    "counts as unset."
)


_DEEPEST = 4


def render(app: type[BaseSettings]) -> str:
    """The text of the file."""
    return "\n".join(_lines(app)) + "\n"


def variables_of(app: type[BaseSettings]) -> frozenset[str]:
    """The names of all of them, as the file has them."""
    lines = (line[1:].partition("=") for line in _lines(app) if line.startswith("#") and line[1:2].strip())
    return frozenset(name for name, equals, _ in lines if equals and name.isascii())


def _lines(app: type[BaseSettings]) -> Iterator[str]:
    names, inside = AppNames(app), list(places_in(app))
    yield from comment(_ABOUT.format(app=app.__name__))
    yield from _own(names, shape_of(app), (), {place.path for place in inside})
    for place in inside:
        yield from _settings(names, place)


def _own(names: AppNames, shape: Shape, around: Path, inside: set[Path]) -> Iterator[str]:
    """The app's own variables, those of models in it a key at a time where it has a delimiter."""
    for name, info in shape.fields.items():
        path, kind = (*around, name), shape.kinds[name]
        if path in inside:
            continue
        section = kind.section
        # A model inside itself goes on without end: there the rest is one text.
        deeper = names.delimiter is not None and len(around) < _DEEPEST
        if section is not None and not issubclass(section, Settings) and deeper:
            yield from _own(names, shape_of(section), path, inside)
            continue
        yield ""
        yield from comment(info.description or "")
        yield from comment(f"{kind.expected}; {default_of(name, info)}")
        example = "" if name in shape.secrets else in_dotenv(as_text(_plain(example_of(info, kind))))
        yield f"#{names.variable(path)}={example}"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _settings(names: AppNames, place: Inside) -> Iterator[str]:
    start, path = names.start(place.path), ".".join(map(str, place.path))
    yield from ("", f"# === {path}: {place.model.__name__}")
    if place.in_list or start is None:
        yield from comment("As JSON:")
        yield f"#{names.variable(place.path)}="
        return
    yield from comment(_INSIDE)
    yield from settings_lines(place.model, start, names.delimiter or "")
