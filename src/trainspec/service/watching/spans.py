"""A span for each request, for who has OpenTelemetry's SDK in the process; without it, or its API, there is nothing.

A span has the template of the address, the method, the status and how much was found, never anything that was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from starlette.types import Scope

    from trainspec.service.refusals import Findings

_API: Any = None
# The extra `serve` brings it; who runs without it sees no spans.
with suppress(ImportError):
    _API = import_module("opentelemetry.trace")
_NAME = "trainspec.service"
# The span of who asks, by the names of W3C's headers; what else a client sends for traces is not read.
_OF_TRACES = frozenset({b"traceparent", b"tracestate"})


class Told(Protocol):
    """What a span is told in the end."""

    def __call__(self, address: str, method: str, status: int, found: Findings) -> None: ...


def _nothing(address: str, method: str, status: int, found: Findings) -> None:
    """Where nobody looks."""


# It has no state: all requests that nobody sees may be inside at a time.
_UNSEEN: AbstractContextManager[Told] = nullcontext(_nothing)


def span(scope: Scope) -> AbstractContextManager[Told]:
    """Inside, a request is answered; what it gives is told how it went."""
    if _API is None or isinstance(_API.get_tracer_provider(), _API.ProxyTracerProvider):
        # No SDK was set up, so that nobody would see it.
        return _UNSEEN
    return _seen(scope)


@contextmanager
def _seen(scope: Scope) -> Iterator[Told]:
    carried = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in _OF_TRACES
    }
    from opentelemetry.propagate import extract

    tracer = _API.get_tracer(_NAME)
    with tracer.start_as_current_span(
        "request", extract(carried), _API.SpanKind.SERVER, record_exception=False, set_status_on_exception=False
    ) as one:
        yield lambda address, method, status, found: _tell(one, address, method, status, found)


def _tell(one: Any, address: str, method: str, status: int, found: Findings) -> None:
    one.update_name(f"{method} {address}")
    one.set_attribute("http.request.method", method)
    one.set_attribute("http.route", address)
    one.set_attribute("http.response.status_code", status)
    for kind in ("error", "warning", "note"):
        number = sum(count for (_, severity), count in found.items() if severity == kind)
        one.set_attribute(f"trainspec.findings.{kind}s", number)
    if status >= 500:
        one.set_status(_API.StatusCode.ERROR)
