"""GitHub's workflow commands: each diagnostic becomes an annotation at its line of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from trainspec.reports.report import Manner, Report, details, place_of
from trainspec.settings.diagnostics import Diagnostic
from trainspec.text.redaction import printable

_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_TEXT, ":": "%3A", ",": "%2C"}


def render(reports: Sequence[Report], manner: Manner) -> str:
    """One line a diagnostic; nothing where nothing is wrong."""
    return "\n".join(_command(report, item, manner) for report in reports for item in report.diagnostics)


def _command(report: Report, item: Diagnostic, manner: Manner) -> str:
    file, source = place_of(report, item)
    properties: dict[str, object] = {}
    if file is not None and "://" not in file:
        properties["file"] = printable(manner.path(file))
        # An annotation without a line is shown at the first.
        properties["line"] = source.line if source is not None and source.line is not None else 1
        if source is not None and source.column is not None:
            properties["col"] = source.column
    properties["title"] = f"{item.code} {item.name}"
    written = ",".join(f"{name}={_escaped(str(value), _IN_PROPERTY)}" for name, value in properties.items())
    # GitHub calls it a notice.
    level = "notice" if item.severity == "note" else item.severity
    return f"::{level} {written}::{_escaped(details(item), _IN_TEXT)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(letter, letter) for letter in text)
