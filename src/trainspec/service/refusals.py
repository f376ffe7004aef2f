"""Requests that get no answer: a status, and diagnostics that say why, never what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from trainspec.answers.faults import mistake
from trainspec.reports.json_text import json_text

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic


class Refused(Exception):
    """A request that is refused under an HTTP status."""

    def __init__(self, status: int, *diagnostics: Diagnostic, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.diagnostics = diagnostics
        self.headers = dict(headers or {})


def refused(status: int, code: str, message: str, remedy: str = "", **headers: str) -> Refused:
    """A refusal with one diagnostic."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refused(status, mistake(code, message, remedy), headers=named)


def answer(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer as the command line prints it, line break included."""
    text = json_text(data) + "\n"
    # A text of a document may hold half a pair of surrogates; stdout shows it in the same way.
    return Response(text.encode("utf-8", "backslashreplace"), status, headers, "application/json")


def refusal(status: int, found: Iterable[Diagnostic], headers: Mapping[str, str] | None = None) -> Response:
    """A refusal as JSON."""
    return answer({"ok": False, "diagnostics": [item.to_dict() for item in found]}, status, headers)
