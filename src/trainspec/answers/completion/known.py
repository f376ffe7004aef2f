"""The keys that settings have, at every depth, from the classes that judge them: a new one is known by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo

from trainspec.answers.completion.spots import Path
from trainspec.settings.judging.resolution import argument_models
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.values.coercion import OLD_PREFIX
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import ARGUMENTS, shape_of
from trainspec.settings.views.schema.conditions import old_keys

if TYPE_CHECKING:
    from pydantic import BaseModel

Said = Callable[[str], str | None]
"""What the document says of a setting, as it is written."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key: where it stands under its name of today, what it takes, and its field."""

    path: Path
    kind: Kind
    info: FieldInfo

    @property
    def name(self) -> str:
        return self.path[-1]


class Known:
    """The keys of the documents of a class."""

    def __init__(self, model: type[Any], said: Said) -> None:
        self._model = model
        self._said = said
        self._found: dict[Path, Mapping[str, Key] | None] = {}

    @cached_property
    def _is_settings(self) -> bool:
        return shape_of(self._model).settings is not None

    def keys(self, path: Path) -> Mapping[str, Key] | None:
        """The keys of the mapping at a path; None where there are none that are known."""
        if path not in self._found:
            self._found[path] = self._keys(path)
        return self._found[path]

    def _keys(self, path: Path) -> Mapping[str, Key] | None:
        models = [self._model]
        for depth in range(len(path)):
            key = self._of(models, path[:depth], path[depth])
            if key is None:
                return None
            models = self._models_of(key)
        if not models:
            return None
        found: dict[str, Key] = {}
        for model in reversed(models):
            shape = shape_of(model)
            for name, kind in shape.kinds.items():
                found[name] = Key((*path, name), kind, shape.fields[name])
        return found

    def key(self, path: Path) -> Key | None:
        """The key at a path, under a name of today or of before; None where there is none."""
        if not path:
            return None
        today = self.today(path)
        keys = self.keys(today[:-1])
        return keys.get(today[-1]) if keys is not None else None

    def today(self, path: Path) -> Path:
        """A path with the names that its keys have today."""
        if self._is_settings and len(path) == 1 and path[0] in RENAMED:
            return tuple(RENAMED[path[0]].successor.split("."))
        if len(path) < 2:
            return path
        parent = self.keys(path[:-1])
        if parent is None or path[-1] in parent:
            return path
        above = self.key(path[:-1])
        models = self._models_of(above) if above is not None else []
        if path[-1].startswith(OLD_PREFIX):
            for name in parent:
                if any(path[-1] in old_keys(model, name) for model in models):
                    return (*path[:-1], name)
        return path

    def _of(self, models: list[type[Any]], above: Path, name: str) -> Key | None:
        for model in models:
            shape = shape_of(model)
            if name in shape.kinds:
                return Key((*above, name), shape.kinds[name], shape.fields[name])
        return None

    def _models_of(self, key: Key) -> list[type[BaseModel]]:
        """The classes whose keys the mapping at a key may have."""
        if len(key.path) == 1 and key.name in ARGUMENTS and self._is_settings:
            chooser, _ = ARGUMENTS[key.name]
            usual = shape_of(self._model).defaults[chooser]
            models = argument_models(key.name)
            said = self._said(chooser)
            chosen = next((one for one in models if one.value == said), usual)
            return [models[chosen]] if chosen in models else []
        if key.kind.lazy is not None:
            return [key.kind.lazy.model()]
        if len(key.kind.classes) == 1 and key.kind.section is not None:
            return [key.kind.section]
        return list(key.kind.classes)
