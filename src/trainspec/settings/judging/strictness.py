"""The value rules for what users declare: their plain `int` and `bool` pydantic would read leniently, and it would drop
the keys that a nested model or dataclass of theirs does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.bounds import first_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.judging.pydantic_errors import Locate, nearest
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import keys_of, shape_of
from trainspec.text.redaction import printable
from trainspec.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from trainspec.settings.values.shape import Shape

Path = tuple[str, ...]


def lenient_faults(shape: Shape, values: Mapping[str, Any], locate: Locate) -> list[Diagnostic]:
    """What pydantic would take and the value rules refuse: true for a number, "8" for 8, keys that nothing reads."""
    judge = _Judge(shape, locate)
    return _faults_of(judge, sorted(shape.lenient & values.keys()), values)


def unknown_keys(shape: Shape, values: Mapping[str, Any], locate: Locate) -> list[Diagnostic]:
    """The keys inside values that no model or dataclass there reads."""
    judge = _Judge(shape, locate, keys_alone=True)
    return _faults_of(judge, sorted(shape.lenient & values.keys()), values)


def _faults_of(judge: _Judge, names: Iterable[str], values: Mapping[str, Any]) -> list[Diagnostic]:
    return [fault for name in names for fault in first_of(name, judge.faults((name,), values[name]))]


class _Judge:
    def __init__(self, shape: Shape, locate: Locate, *, keys_alone: bool = False) -> None:
        self.shape = shape
        self.locate = locate
        self.keys_alone = keys_alone

    def faults(self, path: Path, value: Any) -> Iterator[Diagnostic]:
        """What is wrong with the value of a setting, and inside it."""
        return self._faults(path, self.shape.kinds[path[0]], value)

    def _faults(self, path: Path, kind: Kind, value: Any) -> Iterator[Diagnostic]:
        if not self.keys_alone and not _fits(kind, value):
            yield self._misfit(path, kind, value)
        elif isinstance(value, list | tuple) and kind.items is not None and kind.items.lenient:
            for place, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from self._faults((*path, str(place)), kind.items, item)
        elif isinstance(value, Mapping):
            yield from self._inside(path, kind, value)

    def _inside(self, path: Path, kind: Kind, value: Mapping[Any, Any]) -> Iterator[Diagnostic]:
        known = keys_of(kind) if kind.is_theirs else None
        for key, item in value.items():
            if known is None:
                if kind.values is not None and kind.values.lenient:
                    yield from self._faults((*path, str(key)), kind.values, item)
            elif (name := _field(kind, str(key))) in known:
                yield from self._faults((*path, str(key)), known[name], item)
            elif all(_refuses_more(cls) for cls in kind.classes):
                yield self._unknown((*path, str(key)), known)

    def _misfit(self, path: Path, kind: Kind, value: Any) -> Diagnostic:
        from trainspec.settings.judging.oddities import hint

        name, seen = printable(".".join(path)), shown(path[-1], value, secret=self.shape.conceals(path))
        message = f"{name} must be {kind.expected}, not {seen}"
        evidence = (Evidence(name, seen, nearest(path, self.locate)),)
        word, choices = _wrong_choice(kind, value)
        code, remedy = ("VAL101", "") if word is None else ("VAL103", did_you_mean(word, choices))
        remedy = hint(kind, value, conceal=self.shape.conceals(path)) or remedy
        return Diagnostic(code, CODES[code].name, "error", message, "", remedy, evidence)

    def _unknown(self, path: Path, known: Mapping[str, Kind]) -> Diagnostic:
        # The value of a key that nobody knows may be anything, a token too, and is never shown.
        name, why, keys = printable(".".join(path)), CODES["VAL107"], sorted(known)
        message = f"{printable('.'.join(path[:-1]))} has no key {printable(path[-1])}"
        remedy = did_you_mean(path[-1], keys) or f"its keys are {', '.join(keys)}"
        evidence = (Evidence(name, None, nearest(path, self.locate)),)
        return Diagnostic("VAL107", why.name, "error", message, why.reason, remedy, evidence)


def _wrong_choice(kind: Kind, value: Any) -> tuple[str | None, list[str]]:
    """The text that is no choice, of a list the first, and the choices; None where something else is wrong."""
    inner = kind.items if isinstance(value, list) and kind.items is not None else kind
    items = value if isinstance(value, list) else [value]
    wrong = next((item for item in items if not _fits(inner, item)), None)
    if not any(type(wrong) is type(choice) for choice in inner.choices):
        return None, []
    return str(wrong), [str(choice) for choice in inner.choices]


def _field(kind: Kind, key: str) -> str:
    """The field that a key names, by its alias too."""
    return next((name for cls in kind.classes if (name := shape_of(cls).spellings.get(key))), key)


def _refuses_more(cls: type[Any]) -> bool:
    """Whether a key that a class does not declare is a slip: always, unless the class says that it takes more."""
    config = cls.model_config if issubclass(cls, BaseModel) else getattr(cls, "__pydantic_config__", {})
    return config.get("extra") in (None, "forbid")


def _fits(kind: Kind, value: Any) -> bool:
    if kind.other:
        return True
    if kind.only_choices and isinstance(value, str | int | float) and not isinstance(value, Enum):
        return any(type(value) is type(choice) and value == choice for choice in kind.choices)
    if isinstance(value, bool):
        return kind.boolean or not (kind.integer or kind.number)
    if isinstance(value, int | float):
        whole = isinstance(value, int)
        return kind.number or (kind.integer and whole) or not (kind.boolean or kind.integer)
    if isinstance(value, str):
        takes = kind.text or kind.secret or any(isinstance(choice, str) for choice in kind.choices)
        return takes or not (kind.boolean or kind.integer or kind.number)
    if isinstance(value, list) and kind.items is not None:
        return all(_fits(kind.items, item) for item in value)
    return True
