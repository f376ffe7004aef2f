"""What a shell knows while a script runs: variables, functions, and files that the script itself writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trainspec.migration.scripts.words import Marks, Word

Value = str | list[str]


@dataclass(slots=True)
class Scope:
    """Variables (text, or a list for an array) and what else a command may be told by."""

    marks: Marks
    values: dict[str, Value] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    arguments: list[str] | None = None
    """$1, $2 ...; None for those of the script, which nobody knows."""
    functions: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where each variable was last set."""
    exports_all: bool = False

    def copy(self) -> Scope:
        """A scope for a subshell: what it changes stays in it. Files stay, whoever writes them."""
        self.marks.spend(len(self.values))
        arguments = None if self.arguments is None else list(self.arguments)
        own = dict(self.values), set(self.exported), arguments, dict(self.functions)
        return Scope(self.marks, *own, self.files, dict(self.places), self.exports_all)

    def put(self, name: str, value: Value) -> None:
        self.marks.spend(len(value))
        self.values[name] = value
        if self.exports_all:
            self.exported.add(name)

    def environment(self) -> dict[str, Word]:
        """The variables that a command is given, each where it was set."""
        self.marks.spend(10 * len(self.exported))
        said = {name: self.values[name] for name in sorted(self.exported & self.values.keys())}
        pairs = ((name, value) for name, value in said.items() if isinstance(value, str))
        return {name: Word.at(value, *self.places.get(name, (1, 1))) for name, value in pairs}

    def append(self, name: str, value: Value) -> None:
        """What += does: to an array an item, to a text more text."""
        before = self.values.get(name)
        if before is None:
            self.put(name, value if isinstance(value, list) else self.unset(name) + value)
        elif isinstance(value, list):
            self.put(name, [*([before] if isinstance(before, str) else before), *value])
        elif isinstance(before, list):
            self.put(name, [before[0] + value, *before[1:]] if before else [value])
        else:
            self.put(name, before + value)

    def unset(self, name: str) -> str:
        """What stands for a variable that the script does not set."""
        return self.marks.unknown(f"${name}", "nothing in the script sets it")

    def forget(self, names: set[str], reason: str) -> None:
        """From here on nobody knows their values."""
        for name in names:
            self.values[name] = self.marks.unknown(f"${name}", reason)

    def joined(self, others: list[Scope], reason: str) -> None:
        """Go on from one of several ends: what they agree on is known."""
        self.marks.spend(sum(len(one.values) for one in others))
        for name in {name for one in others for name in one.values}:
            ends = [one.values.get(name) for one in others]
            if any(end != ends[0] for end in ends):
                self.values[name] = self.marks.unknown(f"${name}", reason)
            elif ends[0] is not None:
                self.values[name] = ends[0]
        for one in others:
            self.exported |= one.exported
            self.functions.update(one.functions)
            self.places.update(one.places)
        if any(one.arguments != others[0].arguments for one in others):
            self.arguments = None
        else:
            self.arguments = others[0].arguments
