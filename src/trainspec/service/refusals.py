"""Requests that get no answer: a status, and diagnostics that say why, never what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticSerializationError, to_json
from starlette.responses import Response

from trainspec.answers.faults import mistake
from trainspec.reports.json_text import JSON_VERSION, in_utf8, json_text

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
NOTHING: Findings = MappingProxyType({})
JSON: Final = "application/json"
_IS_JSON = (b"content-type", JSON.encode())
FOUND = "trainspec.findings"
"""Where a request's scope has what its answer found."""


class Answer(Response):
    """A response that says what was found, to whoever counts."""

    found: Findings = NOTHING

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Those that nearly all answers have, and no others, without looking which are missing."""
        if headers is not None or self.media_type != JSON or self.status_code < 200:
            super().init_headers(headers)
        else:
            self.raw_headers = [(b"content-length", b"%d" % len(self.body)), _IS_JSON]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.found:
            scope[FOUND] = self.found
        await super().__call__(scope, receive, send)


def with_found(made: Answer, found: Collection[Diagnostic]) -> Answer:
    """The answer, which says what was found, by code and severity."""
    if found:
        made.found = Counter([(item.code, item.severity) for item in found])
    return made


def answer(
    data: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    found: Collection[Diagnostic] = (),
) -> Answer:
    """An answer as the command line prints it, line break included."""
    text = json_text(data) + "\n"
    made = Answer(in_utf8(text), status, headers, JSON)
    return with_found(made, found)


def answer_without_floats(data: Mapping[str, Any], status: int, found: Collection[Diagnostic]) -> Answer:
    """The same in a third of the time, by Rust, which writes all but floats as Python does."""
    try:
        content = to_json({"version": JSON_VERSION, **data}, indent=2) + b"\n"
    except PydanticSerializationError:
        # Half a pair of surrogates is no text to Rust.
        return answer(data, status, None, found)
    return with_found(Answer(content, status, None, JSON), found)


def refusal(status: int, found: Iterable[Diagnostic], headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal as JSON."""
    told = list(found)
    return answer({"ok": False, "diagnostics": [item.to_dict() for item in told]}, status, headers, told)
