"""What a diagnostic's remedy says to write, as steps that can be taken; only what is definite is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from trainspec.migration.values import as_yaml
from trainspec.settings.sources.formats.limits import Fault
from trainspec.settings.sources.formats.yaml12 import parse_yaml

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic

Path = tuple[str, ...]

_MEANT = re.compile(r"did you mean ([^\s?]+)\?")
_SAID = re.compile(r"([a-z][a-z0-9_.]*): (\{[^{}]*\}|\[[^\[\]]*\]|[^\s,;(){}\[\]]+)((?: or [^\s,;():]+)*)")
_LEFT_OUT = re.compile(r"leave ([a-z][a-z0-9_]*) out|drop ([a-z][a-z0-9_]*)(?:,? or ([a-z][a-z0-9_]*))?(?=$|,| to| \()")
_WRITTEN = re.compile(r'write (?:"([^"]+)" in quotes|([^\s"]+))')
_IN_PLACE = re.compile(r"in place of ([a-z][a-z0-9_]*)")
_KEPT = re.compile(r"keep (?:one of|[a-z0-9_]+ on )|drop (?:one of the two|them)|set one of them to false")
# What stands for something that only a person knows.
_STANDS_FOR = re.compile(r"(?i)owner|name|folder|[A-Z]{3,}/")


@dataclass(frozen=True, slots=True)
class Step:
    """One change: a key taken out, renamed, or given a value."""

    verb: Literal["remove", "rename", "put"]
    path: Path
    value: Any = None


@dataclass(frozen=True, slots=True)
class Way:
    """One way to mend what is wrong: its title in words that are translated elsewhere, and its steps."""

    title: str
    steps: tuple[Step, ...]


def ways(item: Diagnostic, values: dict[str, Any]) -> Iterator[Way]:
    """The ways that a remedy tells of, for a document with these values; whether one mends it, judging tells."""
    remedy, paths = item.remedy, [tuple(name.split(".")) for name in item.fields if name]
    if not paths:
        return
    if (meant := _MEANT.search(remedy)) is not None:
        yield from _meant(item, paths[0], meant[1], values)
        return
    if item.code.startswith("VAL") and (written := _WRITTEN.match(remedy)) is not None:
        yield from _as_written(paths[0], written[1] or written[2], is_text=written[1] is not None)
    if remedy == "write it without quotes" and isinstance(said := _at(values, paths[0]), str):
        yield from _as_written(paths[0], said.strip(), is_text=False)
    if remedy == "write it as a list" and _holds(values, paths[0]):
        value = [_at(values, paths[0])]
        yield Way(f"write {paths[0][-1]}: {_shown(value)}", (Step("put", paths[0], value),))
    if item.code.startswith("REN"):
        yield from _renamed(remedy, paths)
        return
    yield from _rules(remedy, paths, values)


def _renamed(remedy: str, paths: list[Path]) -> Iterator[Way]:
    """What became of an old name or value; of two names that differ, the old one goes."""
    if (new := re.fullmatch(r"write ([a-z][a-z0-9_.]*)", remedy)) is not None:
        yield Way(remedy, (Step("rename", paths[0], new[1]),))
    elif (said := re.fullmatch(r"write ([a-z][a-z0-9_.]*): (\S+)", remedy)) is not None:
        path, value = tuple(said[1].split(".")), _read(said[2])
        gone = (Step("remove", paths[0]),) if path != paths[0] else ()
        yield Way(remedy, (*gone, Step("put", path, value)))
    elif (kept := re.fullmatch(r"keep (\S+)", remedy)) is not None and len(paths) > 1:
        other = next((path for path in paths if ".".join(path) != kept[1]), paths[-1])
        yield Way(f"leave {'.'.join(other)} out", (Step("remove", other),))
    elif re.match(r"drop it|leave \S+ out", remedy) is not None:
        yield Way(f"leave {'.'.join(paths[0])} out", (Step("remove", paths[0]),))


def _meant(item: Diagnostic, path: Path, meant: str, values: dict[str, Any]) -> Iterator[Way]:
    if item.evidence[0].value is None:
        # A variable is meant by its whole name, prefix and all, and a key inside a setting by its path.
        yield Way(f"write {meant}", (Step("rename", path, meant.rpartition(".")[2]),))
        return
    said = _at(values, path)
    if isinstance(said, list):
        for number, one in enumerate(said):
            if one != meant:
                inside = [meant if place == number else other for place, other in enumerate(said)]
                yield Way(f"write {meant}", (Step("put", path, inside),))
        return
    yield Way(f"write {meant}", (Step("put", path, meant),))


def _as_written(path: Path, text: str, *, is_text: bool) -> Iterator[Way]:
    value = text if is_text else _read(text)
    if value is not None and (is_text or not isinstance(value, str)):
        yield Way(f"write {_shown(value)}", (Step("put", path, value),))


def _rules(remedy: str, paths: list[Path], values: dict[str, Any]) -> Iterator[Way]:
    """A rule's remedy names settings with their new values, and those that may go."""
    replaced = _IN_PLACE.search(remedy)
    for said in _SAID.finditer(remedy):
        for text in (said[2], *said[3].split(" or ")[1:]):
            value = _read(text)
            if value is None or _STANDS_FOR.search(text) is not None:
                continue
            path = _path_of(said[1], paths)
            steps = [Step("put", (*path, *inner), one) for inner, one in _leaves(value)]
            if replaced is not None:
                steps.append(Step("remove", _path_of(replaced[1], paths)))
            yield Way(f"set {said[1]}: {text}", tuple(steps))
    for gone in _LEFT_OUT.finditer(remedy):
        for name in filter(None, gone.groups()):
            if name not in ("it", "them", "one"):
                yield Way(f"leave {name} out", (Step("remove", _path_of(name, paths)),))
    if re.search(r"leave it out|drop it", remedy) is not None:
        yield Way(f"leave {paths[0][-1]} out", (Step("remove", paths[0]),))
    if re.search(r"leave them out|drop them", remedy) is not None:
        gone_ones = [path for path in paths if _holds(values, path)]
        names = ", ".join(path[-1] for path in gone_ones)
        yield Way(f"leave {names} out", tuple(Step("remove", path) for path in gone_ones))
    if _KEPT.search(remedy) is not None:
        for path in paths:
            if _holds(values, path):
                yield Way(f"leave {path[-1]} out", (Step("remove", path),))


def _path_of(name: str, paths: list[Path]) -> Path:
    """A name as a remedy has it, which of keys inside a setting is the last part alone."""
    parts = tuple(name.split("."))
    return next((path for path in paths if path[-len(parts) :] == parts), parts)


def _leaves(value: Any) -> Iterator[tuple[Path, Any]]:
    if not isinstance(value, dict):
        yield (), value
        return
    for key, inner in value.items():
        for path, leaf in _leaves(inner):
            yield (str(key), *path), leaf


def _read(text: str) -> Any:
    try:
        return next(iter(parse_yaml(text)))[0]
    except (Fault, StopIteration):
        return None


def _shown(value: Any) -> str:
    return as_yaml(value)


def _at(values: Any, path: Path) -> Any:
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _holds(values: Any, path: Path) -> bool:
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
