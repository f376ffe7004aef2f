"""Where a value came from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from trainspec.text.redaction import printable, redact_whole_url, shortened

_LONGEST = 1000


class SourceKind(str, Enum):
    """The sources of a value; `sources.layer.PRECEDENCE` says which is stronger."""

    DEFAULT = "default"
    FILE = "file"
    FOREIGN = "settings source"
    SECRET = "secret file"
    DOTENV = "dotenv"
    ENVIRONMENT = "environment"
    FLAG = "command line"
    CONSTRUCTOR = "constructor"
    ASSIGNMENT = "assignment"
    DOCUMENT = "document"
    DERIVED = "derived"


@dataclass(frozen=True)
class Source:
    """One place: a kind, a name (variable, flag, path or URL, rule of derivation), a 1-based line and column."""

    kind: SourceKind
    name: str = ""
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        # A URL's credentials are hidden here once, and so in every view of every diagnostic.
        object.__setattr__(self, "name", shortened(printable(redact_whole_url(self.name)), _LONGEST))

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "name": self.name,
            "line": self.line,
            "column": self.column,
        }

    def __str__(self) -> str:
        name = self.name
        match self.kind:
            case SourceKind.FILE | SourceKind.DOTENV:
                place = "".join(f":{number}" for number in (self.line, self.column) if number is not None)
                return f"{name}{place}" + (" (dotenv)" if self.kind is SourceKind.DOTENV else "")
            case SourceKind.DEFAULT | SourceKind.DOCUMENT:
                return str(self.kind.value)
            case SourceKind.DERIVED:
                return f"derived from {name}"
            case _:
                return f"{name} ({self.kind.value})" if name else self.kind.value
