"""Requests that get no answer: a status, and diagnostics that say why, never what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from trainspec.answers.faults import mistake
from trainspec.reports.json_text import json_text

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from trainspec.settings.diagnostics import Diagnostic


class Refused(Exception):
    """A request that is refused under an HTTP status."""

    def __init__(self, status: int, *diagnostics: Diagnostic, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.diagnostics = diagnostics
        self.headers = dict(headers or {})

    def __reduce__(self) -> Any:
        """As it was made: it may be raised in another process."""
        return _made_again, (self.status, self.diagnostics, self.headers)


def _made_again(status: int, diagnostics: tuple[Diagnostic, ...], headers: dict[str, str]) -> Refused:
    return Refused(status, *diagnostics, headers=headers)


def refused(status: int, code: str, message: str, remedy: str = "", **headers: str) -> Refused:
    """A refusal with one diagnostic."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refused(status, mistake(code, message, remedy), headers=named)


Findings = Mapping[tuple[str, str], int]
"""How often each code was found, with its severity."""
FOUND = "trainspec.findings"
"""Where a request's scope has what its answer found."""


class Answer(Response):
    """A response that says what was found, to whoever counts."""

    found: Findings = MappingProxyType({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.found:
            scope[FOUND] = self.found
        await super().__call__(scope, receive, send)


def counted(found: Iterable[Diagnostic]) -> Findings:
    """What was found, by code and severity."""
    return Counter((item.code, item.severity) for item in found)


def answer(
    data: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    found: Iterable[Diagnostic] = (),
) -> Answer:
    """An answer as the command line prints it, line break included."""
    text = json_text(data) + "\n"
    # A text of a document may hold half a pair of surrogates; stdout shows it in the same way.
    made = Answer(text.encode("utf-8", "backslashreplace"), status, headers, "application/json")
    made.found = counted(found)
    return made


def refusal(status: int, found: Iterable[Diagnostic], headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal as JSON."""
    told = list(found)
    return answer({"ok": False, "diagnostics": [item.to_dict() for item in told]}, status, headers, told)
