"""Connections whose next request never comes whole: each is told so, and closed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Patience:
    """How long the head of a request may take, for clients that send it by a letter now and then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # Of each connection that nothing is being answered on: what was last, and since when nothing came whole.
        self._since: dict[Any, tuple[Any, float]] = {}

    def look(self, connections: Iterable[Any], now: float) -> None:
        """Close those of uvicorn's protocols that have waited too long; called every second or so."""
        before, self._since = self._since, {}
        for one in connections:
            cycle = one.cycle
            if cycle is not None and not cycle.response_complete:
                # Its body has a deadline of its own, and judging too.
                continue
            if one.timeout_keep_alive_task is not None:
                # Nothing of another request has come: uvicorn closes it in its time, without a word, which would be
                # taken for the answer to a request that is on its way.
                continue
            last, since = before.get(one, (cycle, now))
            # Another request was answered in between.
            since = since if last is cycle else now
            if now - since < self._seconds:
                self._since[one] = (cycle, since)
            elif not one.transport.is_closing():
                one.transport.write(self._told())
                one.transport.close()

    def _told(self) -> bytes:
        from trainspec.answers.faults import mistake
        from trainspec.reports.json_text import json_text
        from trainspec.service.running.front import HEADERS

        why = mistake("SVC102", f"the head of the request did not come within {self._seconds:g} seconds")
        body = f"{json_text({'ok': False, 'diagnostics': [why.to_dict()]})}\n".encode()
        named = [*HEADERS, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        head = [b"HTTP/1.1 408 Request Timeout", b"connection: close", *(b"%b: %b" % pair for pair in named)]
        return b"\r\n".join([*head, b"", body])
