"""Where in an app there are settings, by its types alone, and how the app names what they may say."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_settings import BaseSettings, EnvSettingsSource

from trainspec.settings.base import Settings
from trainspec.settings.sources.embedding.names import Names
from trainspec.settings.sources.embedding.outer import Path

_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Inside:
    """A settings class at a place in an app; `in_list` where only JSON around it can say something there."""

    path: Path
    model: type[Settings]
    in_list: bool = False


def places_in(app: type[BaseModel], path: Path = ()) -> Iterator[Inside]:
    """Every place in an app, at any depth, that holds settings or may hold them."""
    for name, info in app.model_fields.items():
        yield from _places(info.annotation, (*path, name), in_list=False)


def _places(annotation: Any, path: Path, *, in_list: bool) -> Iterator[Inside]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _places(get_args(annotation)[0], path, in_list=in_list)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _places(member, path, in_list=in_list)
    elif origin is not None:
        for item in get_args(annotation):
            yield from _places(item, path, in_list=True)
    elif isinstance(annotation, type) and issubclass(annotation, Settings):
        yield Inside(path, annotation, in_list)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel) and len(path) < _DEEPEST:
        for name, info in annotation.model_fields.items():
            yield from _places(info.annotation, (*path, name), in_list=in_list)


class _NamesAlone(EnvSettingsSource):
    """How pydantic-settings names variables, whatever variables there are."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {}


@dataclass(frozen=True, slots=True)
class AppNames:
    """How variables of an app are named."""

    app: type[BaseSettings]

    def variable(self, path: Path) -> str:
        """The variable that says what stands at a path."""
        names = Names(self.app, _NamesAlone(self.app), path)
        chain = names.around[0] if names.around else [""]
        return self._written(chain[-1])

    def start(self, path: Path) -> str | None:
        """What the variables of all things below a path begin with; None where the app has no delimiter."""
        delimiter = self.delimiter
        return None if delimiter is None else self.variable(path) + self._written(delimiter)

    @property
    def delimiter(self) -> str | None:
        """What stands between the names of a value and of what lies in it."""
        found: str | None = self.app.model_config.get("env_nested_delimiter")
        return found

    def _written(self, name: str) -> str:
        return name if self.app.model_config.get("case_sensitive") else name.upper()
