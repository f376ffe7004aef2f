"""Settings as flags: --learning_rate 3e-4, --bf16, --no_bf16, --label_names a b, --fsdp_config.min_num_params 1000.

Dashes and underscores are the same. A word with two dashes is a flag, so that -1 is a value. The value of a flag that
nobody knows may be anything, a token too, and is never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.formats.flags import _NEST, Flag, Takes, Use, cut, stray_words, unknown_flags
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import ORGANIZATION, REMOVED, RENAMED
from trainspec.settings.values.coercion import Manner, Word, parse
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import Shape, keys_of, shape_of

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

Path = tuple[str, ...]


class Vocabulary:
    """The flags of one model: its fields, what lies inside them, their old names and aliases."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        *,
        renames: bool = True,
        aliases: Mapping[str, str] | None = None,
        owner: Any = None,
        under: str = "",
    ) -> None:
        self.kinds = kinds
        self.owner = owner
        self.under = under
        self._aliases = aliases or {}
        self._old = frozenset(old_names(kinds)) if renames else frozenset()

    def names(self) -> list[str]:
        """Every name that a flag may have, for suggestions; those of mappings again, with a dot."""
        switches = (f"no_{name}" for name, kind in self.kinds.items() if kind.boolean)
        mappings = (f"{name}." for name, kind in self.kinds.items() if kind.mapping)
        return [self.under + name for name in (*self.kinds, *sorted(self._old), *switches, *mappings)]

    def find(self, written: str) -> Flag | None:
        """The flag of that spelling, if it is one of ours."""
        if written in self._aliases:
            name = self._aliases[written]
            return self._flag((name,), self.kinds[name])
        if not written.startswith("--"):
            return None
        plain = written[2:].replace("-", "_")
        if not plain.startswith(self.under):
            return None
        return self._positive(plain[len(self.under) :]) or self._negative(plain[len(self.under) :])

    def _positive(self, name: str) -> Flag | None:
        if name in self.kinds:
            return self._flag((name,), self.kinds[name])
        if name in self._old:
            renamed = RENAMED.get(name)
            if renamed is None or renamed.convert is not None:
                return Flag((name,), Takes.PERHAPS_ONE, "true", self.owner)
            return self._flag((name,), kind_at(self.kinds, tuple(renamed.successor.split("."))))
        path = tuple(_NEST.split(name))
        if len(path) < 2 or "" in path or path[0] not in self.kinds or not self.kinds[path[0]].mapping:
            return None
        return self._flag(path, kind_at(self.kinds, path))

    def _negative(self, name: str) -> Flag | None:
        positive = self._positive(name[3:]) if name.startswith("no_") else None
        kind = kind_at(self.kinds, positive.path) if positive is not None else None
        if positive is None or kind is None or not kind.boolean:
            return None
        return Flag(positive.path, Takes.NOTHING, "false", self.owner)

    def _flag(self, path: Path, kind: Kind | None) -> Flag:
        if kind is None:
            return Flag(path, Takes.PERHAPS_ONE, "true", self.owner)
        alone = "true" if kind.boolean else None
        if kind.is_switch:
            return Flag(path, Takes.A_SWITCH, alone, self.owner)
        if kind.items is not None and not kind.mapping:
            return Flag(path, Takes.MANY, alone, self.owner)
        return Flag(path, Takes.PERHAPS_ONE if alone else Takes.ONE, alone, self.owner)


def old_names(kinds: Mapping[str, Kind]) -> Iterable[str]:
    """The names of other years for settings among these."""
    for name, renamed in RENAMED.items():
        if renamed.successor.partition(".")[0] in kinds and name not in kinds:
            yield name
    if "output_dir" in kinds:
        yield from (name for name in REMOVED if name not in kinds)
        yield ORGANIZATION


def kind_at(kinds: Mapping[str, Kind], path: Path) -> Kind | None:
    """What the setting (or key inside one) at `path` takes; None where only validation can tell."""
    kind = kinds.get(path[0])
    for key in path[1:]:
        if kind is None:
            return None
        known = keys_of(kind)
        kind = known.get(key) if known is not None else kind.values
    return kind


class FlagValues:
    """What flags say about one model: values by name, and how each was written."""

    def __init__(self, shape: Shape) -> None:
        self.values: dict[str, Any] = {}
        self.diagnostics: list[Diagnostic] = []
        self._shape = shape
        self._kinds = shape.kinds
        self._written: dict[Path, str] = {}
        self._dropped: dict[Path, list[Evidence]] = {}

    def locate(self, path: Path) -> Source:
        """The flag that says `path`, or the one around it that says it as JSON."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._written:
                return Source(SourceKind.FLAG, self._written[path[:length]])
        inside = (flag for place, flag in self._written.items() if place[: len(path)] == path)
        return Source(SourceKind.FLAG, next(inside, f"--{'.'.join(path)}"))

    def take(self, use: Use) -> None:
        """Take in a flag: the last word on a setting holds, of a list too, as argparse has it."""
        path = use.flag.path
        kind = kind_at(self._kinds, self._current(path))
        target = self._mapping_around(path, use.written)
        if target is None:
            return
        value = _value_of(use, kind)
        if path[-1] in target and not _says_the_same(target[path[-1]], value, kind):
            self._dropped.setdefault(path, []).append(self._evidence(path, target[path[-1]], self.locate(path)))
        target[path[-1]] = value
        self._written[path] = use.written

    def given_again(self) -> list[Diagnostic]:
        """A warning for each setting that several flags give different values, with all of them."""
        return [self._given_again(path, dropped) for path, dropped in self._dropped.items()]

    def _given_again(self, path: Path, dropped: list[Evidence]) -> Diagnostic:
        held: Any = self.values
        for key in path:
            held = held.get(key) if isinstance(held, dict) else None
        evidence = (self._evidence(path, held, self.locate(path)), *reversed(dropped))
        names = [one.source.name for one in reversed(evidence) if one.source is not None]
        kind = kind_at(self._kinds, self._current(path))
        is_list = kind is not None and kind.items is not None and not kind.mapping
        return given_again(names, evidence, f"give all of the list behind one flag: {names[-1]} a b" if is_list else "")

    def _evidence(self, path: Path, value: Any, source: Source) -> Evidence:
        current = self._current(path)
        parsed = _parsed(value, kind_at(self._kinds, current))
        concealed = self._shape.conceals(current)
        return Evidence(".".join(path), shown(".".join(path), parsed, secret=concealed), source)

    def _current(self, path: Path) -> Path:
        renamed = RENAMED.get(path[0]) if len(path) == 1 and path[0] not in self._kinds else None
        return tuple(renamed.successor.split(".")) if renamed is not None else path

    def _mapping_around(self, path: Path, written: str) -> dict[str, Any] | None:
        target = self.values
        for length in range(1, len(path)):
            said = target.get(path[length - 1])
            inner = parse(Kind(mapping=True), said) if isinstance(said, str) else said
            if inner is not None and not isinstance(inner, dict):
                self._refuse_two_ways(path[:length], written)
                return None
            target[path[length - 1]] = target = inner if inner is not None else {}
        return target

    def _refuse_two_ways(self, path: Path, written: str) -> None:
        code, name = CODES["SRC113"], ".".join(path)
        evidence = tuple(
            Evidence(name, None, Source(SourceKind.FLAG, flag)) for flag in (self._written.get(path, ""), written)
        )
        message = f"{evidence[0].source} and {written} both give {name}"
        self.diagnostics.append(Diagnostic("SRC113", code.name, "error", message, code.reason, code.fix, evidence))


def given_again(names: Sequence[str], evidence: tuple[Evidence, ...], remedy: str = "") -> Diagnostic:
    """The warning about flags that say different values, of which the last holds."""
    written = list(dict.fromkeys(names))
    number = "twice" if len(names) == 2 else f"{len(names)} times"
    head = f"{written[0]} is given {number}" if len(written) == 1 else f"{' and '.join(written)} give one setting"
    why = CODES["SRC117"]
    return Diagnostic("SRC117", why.name, "warning", f"{head}; the last holds", why.reason, remedy or why.fix, evidence)


def _says_the_same(one: Any, other: Any, kind: Kind | None) -> bool:
    one, other = _parsed(one, kind), _parsed(other, kind)
    return type(one) is type(other) and bool(one == other)


def _parsed(value: Any, kind: Kind | None) -> Any:
    if kind is not None and kind.items is not None and not kind.mapping:
        return _as_list(value, kind)
    return parse(kind, value.strip()) if isinstance(value, str) and kind is not None else value


def _value_of(use: Use, kind: Kind | None) -> Any:
    if len(use.words) == 1:
        return Word(use.words[0]) if len(use.flag.path) > 1 else use.words[0]
    return [item for word in use.words for item in _as_list(word, kind)]


def _as_list(value: Any, kind: Kind | None) -> list[Any]:
    parsed = parse(kind, value.strip()) if isinstance(value, str) and kind is not None else value
    return parsed if isinstance(parsed, list) else [parsed]


def command_line_layer(model: type[Settings], argv: Sequence[str]) -> tuple[Layer, list[Diagnostic]]:
    """What the words of a command line say, and everything that is wrong with them."""
    vocabulary, said = Vocabulary(model.field_kinds()), FlagValues(shape_of(model))
    found = cut(argv, vocabulary.find)
    for use in found.uses:
        said.take(use)
    misfits = [*unknown_flags(found, vocabulary.names()), *stray_words(found), *found.diagnostics]
    reading = Reading(model, SourceKind.FLAG, Manner.STRINGS, said.locate)
    return reading.read(said.values), [*misfits, *said.diagnostics, *said.given_again(), *reading.diagnostics]
