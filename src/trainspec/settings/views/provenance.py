"""`args.provenance`: where each value came from, what it overrode, what follows from what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from trainspec.settings.base import Settings
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.values.masking import fields_of, shown
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.text.containers import is_collection, is_dataclass

Path = tuple[str, ...]


@dataclass(frozen=True)
class Overridden:
    """A weaker source that said something else."""

    value: str
    source: Source


@dataclass(frozen=True)
class Entry:
    """The value that holds, as shown (redacted), its source, and what it overrode, strongest first."""

    value: str
    source: Source
    overrode: tuple[Overridden, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        overrode = [{"value": item.value, "source": item.source.to_dict()} for item in self.overrode]
        return {"value": self.value, "source": self.source.to_dict(), "overrode": overrode}

    def __str__(self) -> str:
        over = "".join(f", over {item.value} from {item.source}" for item in self.overrode)
        return f"{self.value}  ({self.source}{over})"


@dataclass(frozen=True, slots=True)
class Parts:
    """All settings: those that were said, those that follow from others, those at their defaults."""

    said: dict[str, Entry]
    follows: dict[str, Entry]
    default: dict[str, Entry]


def parts(settings: Settings) -> Parts:
    """Every setting in the part that its source puts it in, in the order of the fields; of a mapping that several
    sources said parts of, its keys.
    """
    found = Parts({}, {}, {})
    of_kind = {SourceKind.DEFAULT: found.default, SourceKind.DERIVED: found.follows}
    for name, entry in settings.provenance.items():
        of_kind.get(entry.source.kind, found.said).update(settings.provenance.inside(name) or {name: entry})
    return found


class Provenance(Mapping[str, Entry]):
    """A mapping from every setting (and dotted key of a mapping setting) to its Entry."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __getitem__(self, name: str) -> Entry:
        path = tuple(name.split("."))
        if path[0] not in type(self._settings).__pydantic_fields__:
            raise KeyError(name)
        return self._entry(path)

    def inside(self, name: str) -> dict[str, Entry]:
        """The keys of a mapping that several sources, or several variables of one, said parts of, by dotted name; empty
        for every other setting.
        """
        origin = self._settings.origin
        layers = list(origin.saying((name,))) if origin is not None else []
        said = [layer.value((name,)) for layer in layers]
        if not said or not all(isinstance(value, Mapping) for value in said[:2]):
            return {}
        places = ((name,), *_leaves(said[0], (name,)))
        if len(said) < 2 and len({layers[0].source(path).name for path in places}) < 2:
            return {}
        paths = dict.fromkeys(path for value in reversed(said) for path in _leaves(value, (name,)))
        whole = self._settings.__dict__[name]
        return {".".join(path): self._entry(path) for path in paths if _holds(whole, path[1:])}

    def source(self, name: str) -> Source:
        """Where the value of a setting came from: what its entry says, without the work of showing values."""
        value = self._read((name,))
        if self._is_unsaid((name,), value):
            return self._unsaid(name, value)
        sources = self._sources((name,))
        return sources[0][1] if sources else Source(SourceKind.DEFAULT)

    def _is_unsaid(self, path: Path, value: Any) -> bool:
        said = path[0] in self._settings.__pydantic_fields_set__
        return not said or (len(path) == 1 and self._follows(path[0], value))

    def _entry(self, path: Path) -> Entry:
        name = ".".join(path)
        value = self._read(path)
        if self._is_unsaid(path, value):
            return Entry(self._show(name, value), self._unsaid(path[0], value))
        sources = self._sources(path)
        if not sources:
            return Entry(self._show(name, value), Source(SourceKind.DEFAULT))
        conceals = shape_of(type(self._settings)).conceals(path)
        overrode = tuple(Overridden(shown(name, weaker, secret=conceals), source) for weaker, source in sources[1:])
        return Entry(self._show(name, value), sources[0][1], overrode)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The keys of other programs that `ignore_unknown` passed over."""
        origin = self._settings.origin
        return tuple(name for layer in (origin.layers if origin is not None else ()) for name in layer.ignored)

    def __iter__(self) -> Iterator[str]:
        return iter(type(self._settings).__pydantic_fields__)

    def __len__(self) -> int:
        return len(type(self._settings).__pydantic_fields__)

    def _read(self, path: Path) -> Any:
        value: Any = getattr(self._settings, path[0])
        for key in path[1:]:
            try:
                value = _inside(value, key)
            except (KeyError, IndexError, ValueError):
                raise KeyError(".".join(path)) from None
        return value

    def _show(self, name: str, value: Any) -> str:
        secret = shape_of(type(self._settings)).is_secret(tuple(name.split(".")))
        return shown(name, value, secret=secret)

    def _follows(self, name: str, value: Any) -> bool:
        """Whether the user left open (by null or false) what other settings then fill in."""
        stored = self._settings.__dict__[name]
        derivation = DERIVATIONS.get(name)
        if derivation is None or not value:
            return False
        is_open = stored is None or stored is False or stored in derivation.also_open
        return is_open and bool(derivation.follows_from)

    def _unsaid(self, name: str, value: Any) -> Source:
        if self._follows(name, value) or (name in DERIVATIONS and value != self._settings.__dict__[name]):
            follows_from = DERIVATIONS[name].follows_from
            if follows_from:
                return Source(SourceKind.DERIVED, ", ".join(follows_from))
        return Source(SourceKind.DEFAULT)

    def _sources(self, path: Path) -> list[tuple[Any, Source]]:
        origin = self._settings.origin
        file = origin.files.get(path[0]) if origin is not None and len(path) > 1 else None
        if file is not None and (place := file.place(path[1:])) is not None:
            return [(None, place)]
        saying = origin.saying(path) if origin is not None else ()
        found = [(layer.value(path), layer.source(path)) for layer in saying]
        return found if found or self._is_default(path) else [(None, Source(SourceKind.DOCUMENT))]

    def _is_default(self, path: Path) -> bool:
        """Whether the key of a section was left out."""
        section: Any = getattr(self._settings, path[0])
        for key in path[1:-1]:
            section = _inside(section, key)
        return len(path) > 1 and isinstance(section, BaseModel) and path[-1] not in section.model_fields_set


def _inside(value: Any, key: str) -> Any:
    """What stands under a key, whether a mapping, a list, a model or a dataclass holds it. Raises KeyError and kin."""
    if is_collection(value):
        return value[int(key)] if isinstance(value, Sequence) else []
    if isinstance(value, BaseModel) or is_dataclass(value):
        if key not in fields_of(value):
            raise KeyError(key)
        return getattr(value, key)
    if not hasattr(value, "keys") or key not in value:
        raise KeyError(key)
    return value[key]


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    """The paths of all that is no mapping with keys of its own."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif not isinstance(value, Mapping):
        yield path


def _holds(value: Any, path: Path) -> bool:
    """Whether a value still has something at `path`: a stronger source may have replaced all around it."""
    for key in path:
        if not hasattr(value, "keys") or key not in value:
            return False
        value = value[key]
    return bool(path)
