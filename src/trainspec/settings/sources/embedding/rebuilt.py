"""The sources of an app under pydantic-settings before 2.13, which forgets them when they have been asked.

They are made again from the arguments of the app's constructor and asked again, but for those that may cost something:
what a secret manager or somebody's own source said then counts as said in a document.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_settings import BaseSettings, CliSettingsSource
from pydantic_settings.sources import DefaultSettingsSource

from trainspec.settings.sources.embedding.outer import Asked

_CLOUDS = ("AWS", "Azure", "GCP", "Google")
_ANSWERS = ("__call__", "get_field_value", "_load_env_vars")


def rebuilt_sources(app: type[BaseSettings], held: Mapping[str, Any]) -> list[Asked]:
    """The sources, strongest first, with what each says; `held` are the arguments of the app's constructor."""
    said = {name: value for name, value in held.items() if name.startswith("_") and not name.startswith("__")}
    stand_in = _StandIn(app)
    build: Any = BaseSettings._settings_build_values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if (flags := _command_line(app, said)) is not None:
            stand_in.sources = [flags]
            said |= {"_cli_settings_source": flags, "_cli_parse_args": None}
        build(stand_in, dict(held["values"]), **said)
        stand_in.sources.append(DefaultSettingsSource(app, said.get("_nested_model_default_partial_update")))
        return [Asked(source, source() if _is_free(source) else None) for source in stand_in.sources]


class _StandIn:
    """What is asked for an app's values in place of the app, to see the sources that it is put together from."""

    def __init__(self, app: type[BaseSettings]) -> None:
        self._app = app
        self.sources: list[Any] = []

    if not TYPE_CHECKING:

        @property
        def __class__(self) -> type[Any]:
            return self._app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def settings_customise_sources(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        chosen = self._app.settings_customise_sources(*args, **kwargs)
        self.sources += chosen
        return tuple(source for source in chosen if _is_free(source))


def _command_line(app: type[BaseSettings], said: Mapping[str, Any]) -> Any:
    """The app's own command line, where it has one that no source of its own reads."""
    given = said.get("_cli_settings_source")
    if given is not None:
        return given
    config: Mapping[str, Any] = app.model_config
    words = said["_cli_parse_args"] if said["_cli_parse_args"] is not None else config.get("cli_parse_args")
    if words in (None, False):
        return None
    known = inspect.signature(CliSettingsSource.__init__).parameters
    options = {name[1:]: value for name, value in said.items() if name[1:] in known and name.startswith("_cli_")}
    sensitive = said["_case_sensitive"] if said["_case_sensitive"] is not None else config.get("case_sensitive")
    return CliSettingsSource(app, **{**options, "cli_parse_args": words, "case_sensitive": sensitive})


def _is_free(source: Any) -> bool:
    """Whether asking the source a second time costs nothing and tells the same."""
    for cls in type(source).__mro__:
        if cls.__name__.startswith(_CLOUDS):
            return False
        if not cls.__module__.startswith(("pydantic_settings", "abc", "builtins", "typing")):
            return not any(name in cls.__dict__ for name in _ANSWERS)
    return True
