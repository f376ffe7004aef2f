"""The app around settings: found on the stack while pydantic-settings makes it, with its sources and what each said.

pydantic tells a validator nothing of where a value came from, and pydantic-settings forgets it once the sources are
merged. What it still holds then is the call that makes the app, with its sources, in which the values that are about
to be judged lie as they were merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

Path = tuple[str | int, ...]

_MAKES_MODEL: CodeType = BaseModel.__init__.__code__
_MAKES_APP: CodeType = BaseSettings.__init__.__code__
_OF_STRINGS = frozenset(
    {BaseModel.model_validate_strings.__func__.__code__, TypeAdapter.validate_strings.__code__}  # type: ignore[attr-defined]
)
# No app nests its validators this deep; beyond, the stack is somebody else's.
_DEEPEST = 64


class Asked(NamedTuple):
    """A source of the app, and what it said when it was asked; None where that is not known any more."""

    source: Any
    state: Mapping[str, Any] | None


@dataclass(frozen=True, eq=False)
class Outer:
    """An app that is being made: its class, its sources, strongest first, and what they say together."""

    app: type[BaseSettings]
    sources: Sequence[Asked]
    values: dict[str, Any]
    frame: FrameType | None = None

    def further_out(self) -> Outer | None:
        """The app inside which pydantic makes this one, where it does."""
        return app_being_made(self.frame)

    @property
    def is_of_strings(self) -> bool:
        """Whether pydantic makes it of text alone: pydantic-settings' constructor does not hand that on."""
        frame = self.frame
        while frame is not None and frame.f_code.co_name == "__init__":
            frame = frame.f_back
        return frame is not None and frame.f_code in _OF_STRINGS

    def path_to(self, document: Any) -> Path | None:
        """Where in the app a document stands: the very object, or after a copy the one place where all is the same."""
        found: Path | None = next(places_of(self.values, lambda value: value is document), None)
        if found is not None or not document:
            return found
        same = list(places_of(self.values, lambda value: type(value) is type(document) and value == document))
        return same[0] if len(same) == 1 else None


def app_being_made(frame: FrameType | None) -> Outer | None:
    """The app whose construction called up `frame`; None where there is none."""
    for _ in range(_DEEPEST):
        if frame is None:
            return None
        if frame.f_code is _MAKES_MODEL:
            caller = _making_app(frame)
            return None if caller is None else _outer(caller, frame.f_locals["data"])
        frame = frame.f_back
    return None


def _making_app(frame: FrameType) -> FrameType | None:
    """The call of BaseSettings' constructor that handed its values on, perhaps through constructors of mixins."""
    caller = frame.f_back
    while caller is not None and caller.f_code.co_name == "__init__":
        if caller.f_code is _MAKES_APP:
            return caller
        caller = caller.f_back
    return None


def _outer(frame: FrameType, values: dict[str, Any]) -> Outer:
    held, further = frame.f_locals, frame.f_back
    app = type(held[frame.f_code.co_varnames[0]])
    if "sources" in held:
        return Outer(app, _asked(held["sources"]), values, further)
    from trainspec.settings.sources.embedding.rebuilt import rebuilt_sources

    return Outer(app, rebuilt_sources(app, held), values, further)


def _asked(sources: Sequence[Any]) -> list[Asked]:
    """Each source with its own answer; of two with one name pydantic-settings keeps only the weaker one's."""
    last = sources[-1]
    states = last.settings_sources_data if isinstance(last, PydanticBaseSettingsSource) else {}
    names = [getattr(source, "__name__", type(source).__name__) for source in sources]
    found = []
    for place, (source, name) in enumerate(zip(sources, names, strict=True)):
        alone = names.count(name) == 1
        found.append(Asked(source, states.get(name) if alone else _added(sources[place : place + 2])))
    return found


def _added(pair: Sequence[Any]) -> Mapping[str, Any] | None:
    """What a source added to those before it: all that can be told of its answer."""
    if len(pair) < 2 or not all(isinstance(one, PydanticBaseSettingsSource) for one in pair):
        return None
    return _beyond(pair[0].current_state, pair[1].current_state)


def _beyond(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in after.items():
        if key not in before:
            found[key] = value
        elif isinstance(value, dict) and isinstance(before[key], dict) and (inner := _beyond(before[key], value)):
            found[key] = inner
    return found


def places_of(value: Any, is_it: Callable[[Any], bool], path: Path = ()) -> Iterator[Path]:
    """Every place in nested mappings and lists that holds what is looked for."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for key, inner in items:
        if is_it(inner):
            yield (*path, key)
        elif isinstance(inner, dict | list | tuple) and len(path) < _DEEPEST:
            yield from places_of(inner, is_it, (*path, key))


def value_at(value: Any, path: Path) -> Any:
    """What stands at a path, None where nothing does; keys in any case, as variables spell them."""
    for step in path:
        if isinstance(value, Mapping):
            spelled = step if step in value else next((key for key in value if _same(key, step)), step)
            value = value.get(spelled)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _same(key: Any, step: Any) -> bool:
    return str(key).lower() == str(step).lower()
