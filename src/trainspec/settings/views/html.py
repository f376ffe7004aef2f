"""Settings, verdicts and diagnostics as HTML, for notebooks: what was said and from where, what follows, what is wrong.

Everything goes through the views that redact: entries of provenance and the diagnostics themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import errors_of
from trainspec.settings.views.provenance import Entry, parts
from trainspec.text import html
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.settings.judging.judgement import Verdict


def settings_html(settings: Settings) -> str:
    """What was said with its source, what follows from it, what judging it found; the defaults folded away."""
    found = settings.origin.found if settings.origin is not None else ()
    return html.page(html.heading(type(settings).__name__, _summary(settings)), _list(found), _body(settings))


def verdict_html(verdict: Verdict) -> str:
    """Whether a document is valid, every diagnostic, and the settings where there are any."""
    errors = len(verdict.errors)
    numbers = {"error": errors, "warning": len(verdict.warnings), "note": len(verdict.notes)}
    beside = ", ".join(_counted(number, noun) for noun, number in numbers.items() if number)
    settings = verdict.settings
    shown = html.folded(_summary(settings), _body(settings)) if isinstance(settings, Settings) else ""
    mark = "fine" if verdict.ok else "error"
    head = html.heading("valid" if verdict.ok else "not valid", beside)
    return html.page(f'<div class="finding {mark}">{head}</div>', _list(verdict.diagnostics), shown)


def diagnostic_html(diagnostic: Diagnostic) -> str:
    """One diagnostic by itself."""
    return html.page(_finding(diagnostic))


def _summary(settings: Settings) -> str:
    found = parts(settings)
    following = f"{len(found.follows)} following, " if found.follows else ""
    return f"{len(found.said)} set, {following}{len(found.default)} at their defaults"


def _body(settings: Settings) -> str:
    found, fields = parts(settings), type(settings).__pydantic_fields__
    rows = [_row(name, entry, fields[name].description) for name, entry in {**found.said, **found.follows}.items()]
    defaults = [(html.code(name), html.code(entry.value)) for name, entry in found.default.items()]
    said = html.table(rows, ("setting", "value", "from")) if rows else ""
    return said + _ignored(settings) + html.folded(_counted(len(defaults), "default"), html.table(defaults))


def _row(name: str, entry: Entry, description: str | None) -> tuple[str, str, str]:
    about = f' title="{html.text(description)}"' if description else ""
    over = "".join(f", over {item.value} from {item.source}" for item in entry.overrode)
    return (
        f"<code{about}>{html.text(name)}</code>",
        html.code(entry.value),
        html.dim(html.text(f"{entry.source}{over}")),
    )


def _ignored(settings: Settings) -> str:
    names = settings.provenance.ignored
    told = f"keys that are no settings: {printable(', '.join(names))}"
    return f"<div>{html.dim(html.text(told))}</div>" if names else ""


def _list(found: Iterable[Diagnostic]) -> str:
    diagnostics = list(found)
    errors = errors_of(diagnostics)
    return "".join(map(_finding, [*errors, *(item for item in diagnostics if item not in errors)]))


def _finding(item: Diagnostic) -> str:
    head = f"<strong>{html.text(item.severity)}[{html.text(item.code)}]</strong> {html.text(item.message)}"
    shown = [one for one in item.evidence if one.value is not None or one.source is not None]
    rows = [
        (
            html.code(one.field if one.value is None else f"{one.field} = {one.value}"),
            html.dim(html.text(one.source or "")),
        )
        for one in shown
    ]
    words: Mapping[str, Any] = {"why": item.reason, "help": item.remedy}
    more = "".join(f"<div>{html.dim(f'{name}:')} {html.text(said)}</div>" for name, said in words.items() if said)
    values = html.table(rows) if rows else ""
    return f'<div class="finding {html.text(item.severity)}">{head}{values}{more}</div>'


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
