"""What every form is made from: one report a document, and how its places are named."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.diagnostics.source import Source


@dataclass(slots=True)
class Report:
    """What judging one document found, or several laid over one another: `under` are the files below `file`."""

    file: str
    number: int = 1
    diagnostics: list[Diagnostic] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    task: str | None = None
    of_file: bool = True
    under: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.file = shown_file(self.file)
        self.under = tuple(map(shown_file, self.under))

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that was judged, the weakest first."""
        return (*self.under, self.file)

    def to_dict(self) -> dict[str, Any]:
        errors = any(item.severity == "error" for item in self.diagnostics)
        found = [item.to_dict() for item in self.diagnostics]
        head = {"file": self.file, "under": list(self.under), "document": self.number, "ok": not errors}
        return {**head, "task": self.task, "ignored": self.ignored, "diagnostics": found}


def shown_file(file: str) -> str:
    """The name of a file for a report: a path as it is, a URL without its credentials."""
    from trainspec.text.redaction import redact_whole_url

    return redact_whole_url(file) if "://" in file else file


class Meaning(Protocol):
    """What a form says of a code: its name, what was found, why it is wrong, what to write."""

    name: str
    found: str
    reason: str
    fix: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How to report: the folder that paths are relative to, whether warnings count, what the exit code will be."""

    root: str
    strict: bool = False
    code: int = 0
    meanings: Callable[[], Mapping[str, Meaning]] = dict
    # The address at which a code is told of, which stands in for {code} in small letters; nowhere by default.
    help_at: str = ""

    def path(self, name: str) -> str:
        """The path of a file from the root, with slashes; as it stands where it is a URL or lies elsewhere."""
        if "://" in name:
            return name
        try:
            inner = os.path.relpath(os.path.abspath(name), self.root)
        except ValueError:
            return name
        outside = inner == os.pardir or inner.startswith(os.pardir + os.sep)
        return os.path.abspath(name) if outside else inner.replace(os.sep, "/")


def place_of(report: Report, item: Diagnostic) -> tuple[str | None, Source | None]:
    """The file that a diagnostic is about, and the place in it where it is known; a variable has no file."""
    from trainspec.settings.diagnostics.source import SourceKind
    from trainspec.text.redaction import printable, redact_whole_url

    # The name in a source is made printable; the report has the file's own.
    own = {printable(redact_whole_url(file)): file for file in report.files}
    for evidence in item.evidence:
        source = evidence.source
        if source is not None and source.kind in (SourceKind.FILE, SourceKind.DOTENV):
            return own.get(source.name, source.name), source
    return (report.file if report.of_file else None), None


def details(item: Diagnostic) -> str:
    """All that a diagnostic says but its code, as text of some lines."""
    head, _, rest = item.render().partition("\n")
    return "\n".join(filter(None, (head.partition("] ")[2], rest)))
