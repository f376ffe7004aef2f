"""What a file of another program comes to: settings, names that are none here, and what is to be decided by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Said:
    """Settings by name, each with the path in the file that says it; `undecided` is by name of the setting."""

    values: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    undecided: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def set(self, name: str, value: Any, *path: str) -> None:
        self.values[name] = value
        self.paths[name] = path

    def leave(self, name: str, why: str, *path: str) -> None:
        """A setting that the file speaks of without saying its value."""
        self.undecided.append((name, path, why))

    def pass_over(self, names: Iterable[str], under: str = "") -> None:
        self.foreign += [f"{under}{name}" for name in names]


def is_said(value: Any) -> bool:
    """Whether a value says anything: files of many programs list every key, most of them empty."""
    return value not in (None, "", [], {})


def truth(value: Any) -> bool | None:
    """A switch as files and flags write it."""
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(str(value).lower())


def own_names(values: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The part of a file that has names of ours."""
    names = frozenset(known)
    return {name: value for name, value in values.items() if name in names}
