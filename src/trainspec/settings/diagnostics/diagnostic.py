"""Diagnostic: the one shape of everything trainspec has to say about settings.

Type errors, rule findings, deprecated names, unreadable files and preflight findings are all Diagnostics;
terminal text, JSON, pydantic's error lines and Python warnings are views of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trainspec.text.redaction import printable, redact_shown, shortened, show_value

if TYPE_CHECKING:
    from trainspec.settings.diagnostics.source import Source

Severity = Literal["error", "warning", "note"]
"""An error refuses settings, a warning is told wherever settings are made, a note only where they are judged."""

_LONGEST_NAME = 200
# No token is as short.
_LONGEST_PLAIN = 16
_ANSI = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;34m",
    "dim": "\x1b[2m",
    "help": "\x1b[1;36m",
    "off": "\x1b[0m",
}


@dataclass(frozen=True)
class Evidence:
    """One value that a diagnostic is about: the dotted field, the value as shown (redacted), its source."""

    field: str
    value: str | None = None
    source: Source | None = None

    def __post_init__(self) -> None:
        # A name that nobody knows may be anything, a token too, and of any length.
        if len(self.field) > _LONGEST_PLAIN:
            object.__setattr__(self, "field", printable(shortened(redact_shown(self.field), _LONGEST_NAME)))
        if self.value is not None and len(self.value) > _LONGEST_PLAIN:
            object.__setattr__(self, "value", redact_shown(self.value))

    def to_dict(self) -> dict[str, Any]:
        where = self.source.to_dict() if self.source is not None else None
        return {"field": self.field, "value": self.value, "source": where}


@dataclass(frozen=True)
class Diagnostic:
    """A fault or a notice: stable `code`, kebab-case `name`, what was seen, why it is wrong, what to write."""

    code: str
    name: str
    severity: Severity
    message: str
    reason: str = ""
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        # Whatever it is made of, no token is in it, and it fits on a screen.
        for name in ("message", "reason", "remedy"):
            if len(text := getattr(self, name)) > _LONGEST_PLAIN:
                object.__setattr__(self, name, redact_shown(text))

    @property
    def fields(self) -> tuple[str, ...]:
        """The dotted names of the settings involved, in the order in which the diagnostic names them."""
        return tuple(item.field for item in self.evidence)

    @property
    def source(self) -> Source | None:
        """The first source among the evidence: where an editor or CI should point."""
        return next((item.source for item in self.evidence if item.source is not None), None)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-compatible dict; no secret is ever in it, since values are redacted when evidence is made."""
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity,
            "message": self.message,
            "reason": self.reason,
            "remedy": self.remedy,
            "fields": list(self.fields),
            "evidence": [item.to_dict() for item in self.evidence],
        }

    def render(self, *, color: bool = False) -> str:
        """The text for a terminal: a headline, a line a value with its source, then why and what to write."""
        paint = _ANSI if color else dict.fromkeys(_ANSI, "")
        severity = self._said(self.severity)
        head = f"{paint[self.severity]}{severity}[{self.code}]{paint['off']} {self.message}"
        lines = [head, *self._value_lines(paint)]
        if self.reason:
            lines.append(self._labelled("why:", paint["dim"], paint["off"], self.reason))
        if self.remedy:
            lines.append(self._labelled("help:", paint["help"], paint["off"], self.remedy))
        return "\n".join(lines)

    def _labelled(self, label: str, on: str, off: str, text: str) -> str:
        said = self._said(label)
        # Other signs than Latin ones are of one width already.
        return f"  {on}{said}{off}{' ' * (6 - len(said)) if said.isascii() else ' '}{text}"

    def _said(self, text: str) -> str:
        """A fixed word in the language that the diagnostic is told in."""
        return text

    def _value_lines(self, paint: dict[str, str]) -> list[str]:
        shown = [
            (" = ".join(filter(None, (item.field, item.value))), item.source)
            for item in self.evidence
            if item.value is not None or item.source is not None
        ]
        width = min(max((len(text) for text, _ in shown), default=0), 48)
        return [
            f"  {text:<{width}}   {paint['dim']}{self._said(str(source or ''))}{paint['off']}".rstrip()
            for text, source in shown
        ]

    def __str__(self) -> str:
        return self.render()

    # For notebooks: a diagnostic by itself, and as one of a list.

    def _repr_html_(self) -> str:
        from trainspec.settings.views.html import diagnostic_html

        return diagnostic_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.render())


def finding(
    code: str,
    name: str,
    message: str,
    *,
    values: dict[str, Any] | None = None,
    sources: dict[str, Source] | None = None,
    reason: str = "",
    remedy: str = "",
    severity: Severity = "error",
) -> Diagnostic:
    """A Diagnostic about `values` (dotted field -> value, redacted here) with their `sources` where known."""
    known = sources or {}
    evidence = tuple(
        Evidence(field, show_value(field, value), known.get(field)) for field, value in (values or {}).items()
    )
    return Diagnostic(code, name, severity, message, reason, remedy, evidence)


def under(parent: str, item: Diagnostic) -> Diagnostic:
    """The diagnostic with its settings named as keys of `parent`: width is task.width."""
    message = item.message
    for name in filter(None, item.fields):
        message = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"{parent}.{name}", message)
    evidence = tuple(
        Evidence(f"{parent}.{one.field}" if one.field else parent, one.value, one.source) for one in item.evidence
    )
    return replace(item, message=message, evidence=evidence)


def errors_of(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Those that make a document invalid."""
    return [item for item in diagnostics if item.severity == "error"]


class SettingsWarning(UserWarning):
    """A diagnostic of severity warning, raised through the `warnings` module; `diagnostic` holds it whole."""

    def __init__(self, diagnostic: Diagnostic, at: tuple[str | int, ...] = ()) -> None:
        """`at` is the place in an app of the settings that it is about."""
        super().__init__(diagnostic.render())
        self.diagnostic = diagnostic
        self.at = at


class SettingsDeprecationWarning(SettingsWarning, FutureWarning):
    """An old name or a retired value that still works; FutureWarning, so that Python shows it by default."""


class SourceError(Exception):
    """A source of settings could not be read at all (missing file, bad syntax, no permission)."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(item.render() for item in diagnostics))
        self.diagnostics = diagnostics
