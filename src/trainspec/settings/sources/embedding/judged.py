"""An app with settings inside, judged: by documents, or by what its process says, every fault with its place."""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsError
from pydantic_settings.sources import DefaultSettingsSource

from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import Diagnostic, Evidence, SettingsWarning
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.diagnostic import under
from trainspec.settings.diagnostics.source import Source
from trainspec.settings.judging.judgement import Verdict, warnings_down
from trainspec.settings.judging.pydantic_errors import diagnose
from trainspec.settings.sources.embedding.names import Names
from trainspec.settings.sources.embedding.outer import Path
from trainspec.settings.sources.embedding.places import DocumentSource, in_files, kind_of, place_in, spelling_in
from trainspec.settings.sources.files import Document
from trainspec.settings.values.shape import shape_of

# Since 2.13.
_TAKES_SOURCES = "_build_sources" in inspect.signature(BaseSettings.__init__).parameters
_OF_FIELD = re.compile(r'error parsing value for field "(?P<field>[^"]+)"')


def judge_app(app: type[BaseSettings], documents: Sequence[Document], *, process: bool) -> Verdict:
    """What an app makes of documents, each laid over those before it, without raising or warning.

    With `process` its own sources are laid over them all; without it neither environment nor file is looked at.
    """
    sources: list[Any] = []
    judged = _making(app, documents, sources, process=process)
    made, found = None, []
    with warnings_down() as told:
        try:
            made = judged()
        except ValidationError as error:
            found = diagnose(error, shape_of(app), lambda path: _place_of(app, sources, path))
        except SettingsError as error:
            found = [_unreadable(app, sources, error)]
    for one in told:
        if isinstance(one.message, SettingsWarning):
            found.append(under(".".join(map(str, one.message.at)), one.message.diagnostic))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return Verdict(made, found)


def settings_inside(value: Any, path: Path = ()) -> Iterator[tuple[Path, Settings]]:
    """All settings in an app that was made, each with its place."""
    if isinstance(value, Settings):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, inner in value.__dict__.items():
            yield from settings_inside(inner, (*path, name))
    elif isinstance(value, dict | list | tuple):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from settings_inside(inner, (*path, key))


def _making(
    app: type[BaseSettings], documents: Sequence[Document], chosen: list[Any], *, process: bool
) -> Callable[[], BaseSettings]:
    """What makes the app with the documents as its weakest sources; all its sources are put into `chosen`."""
    if not process and _TAKES_SOURCES:
        # Otherwise the environment is read even where nothing of it is asked for.
        chosen += [DocumentSource(app, document) for document in reversed(documents)]
        make: Any = app
        return lambda: make(_build_sources=((*chosen, DefaultSettingsSource(app)), {}))

    def settings_customise_sources(
        cls: Any, /, settings_cls: Any, init_settings: Any, **others: Any
    ) -> tuple[Any, ...]:
        own: Sequence[Any] = ()
        if process:
            own = app.settings_customise_sources(settings_cls, init_settings=init_settings, **others)
        laid_under = [DocumentSource(settings_cls, document) for document in reversed(documents)]
        chosen[:] = [*(source for source in own if source is not init_settings), *laid_under]
        return tuple(chosen)

    body = {
        "__module__": app.__module__,
        "__qualname__": app.__qualname__,
        "model_config": {"cli_parse_args": None},
        "settings_customise_sources": classmethod(settings_customise_sources),
    }
    metaclass: Any = type(app)
    judged: Callable[[], BaseSettings] = metaclass(app.__name__, (app,), body)
    return judged


def _place_of(app: type[BaseSettings], sources: Sequence[Any], path: tuple[str, ...]) -> Source | None:
    """Where a value of the app itself stands: in its strongest source that has it."""
    for source in sources:
        kind = kind_of(source)
        if isinstance(source, DocumentSource):
            if _holds(source.document.values, path):
                return in_files(source, path)(())
        elif isinstance(source, EnvSettingsSource):
            names = [name for name, *_ in (*Names(app, source, path).whole(), *Names(app, source, path).below())]
            if names:
                return place_in(source, kind)(spelling_in(source, kind, names)(names[-1]))
    return None


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


def _unreadable(app: type[BaseSettings], sources: Sequence[Any], error: SettingsError) -> Diagnostic:
    """Where a text of the app stands that should be JSON; never the text."""
    code = CODES["SRC107"]
    # pydantic-settings names field and source, and no variable.
    about = _OF_FIELD.match(str(error))
    place = _not_json_at(app, sources, about["field"]) if about else None
    if about is None or place is None:
        return Diagnostic("SRC107", code.name, "error", str(error), code.reason, code.fix, (Evidence(""),))
    message = f"what gives {about['field']} is not valid JSON"
    remedy = "write it as JSON; in a shell, between single quotes"
    return Diagnostic(
        "SRC107", code.name, "error", message, code.reason, remedy, (Evidence(about["field"], None, place),)
    )


def _not_json_at(app: type[BaseSettings], sources: Sequence[Any], field: str) -> Source | None:
    for source in sources:
        if not isinstance(source, EnvSettingsSource):
            continue
        names, kind = Names(app, source, (field,)), kind_of(source)
        for name, _, text in (*names.whole(), *names.below()):
            if not _is_json(text):
                return place_in(source, kind)(spelling_in(source, kind, [name])(name))
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
