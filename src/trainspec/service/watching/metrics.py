"""`GET /metrics`: requests, how long they took, how many are open, what was found, for Prometheus.

Labels are templates of addresses, methods, classes of statuses and codes of ours: their number is bounded, whatever
clients send. Servers of several processes are added up through the folder of PROMETHEUS_MULTIPROC_DIR, which whoever
starts them names before they begin; where it is named, the answer is about all of them, whichever gives it.
"""

from __future__ import annotations

import os
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from trainspec.service.refusals import Findings

MEDIA: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
# From what a small document takes to the usual deadline.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of_requests = ("address", "method", "status")
        self._requests = Counter(
            "trainspec_requests", "Requests that were answered.", of_requests, registry=self.registry
        )
        self._seconds = Histogram(
            "trainspec_request_seconds",
            "Seconds from a request to its answer's last byte.",
            ("address",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._open = Gauge(
            "trainspec_requests_open",
            "Requests that are being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._now_open = 0
        # Other processes read it of a file; of this one alone, it is asked for where somebody wants to know.
        self._are_many = bool(os.environ.get(_FOLDER))
        if not self._are_many:
            self._open.set_function(lambda: self._now_open)
        self._findings = Counter(
            "trainspec_findings", "Diagnostics in answers, by code.", ("code", "severity"), registry=self.registry
        )
        self._kept: dict[tuple[str, str, str], Counter] = {}
        self._kept_seconds: dict[str, Histogram] = {}

    @cached_property
    def _codes(self) -> frozenset[str]:
        from trainspec.answers.rule import meanings

        return frozenset(meanings())

    def begin(self) -> None:
        """A request came."""
        self._now_open += 1
        if self._are_many:
            self._open.set(self._now_open)

    def end(self, address: str, method: str, status: int, seconds: float, found: Findings) -> None:
        """A request was answered; `address` is the template of a route of ours."""
        self._now_open -= 1
        if self._are_many:
            self._open.set(self._now_open)
        labels = (address, method if method in _METHODS else OTHER, f"{status // 100}xx")
        counter = self._kept.get(labels)
        if counter is None:
            counter = self._kept[labels] = self._requests.labels(*labels)
            self._kept_seconds[address] = self._seconds.labels(address)
        counter.inc()
        self._kept_seconds[address].observe(seconds)
        for (code, severity), number in found.items():
            # Classes of users have codes of their own.
            self._findings.labels(code if code in self._codes else OTHER, severity).inc(number)

    def render(self) -> bytes:
        """All numbers as Prometheus reads them, of all processes where there are several."""
        if folder := os.environ.get(_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self.registry)


@cache
def metrics() -> Metrics:
    """The numbers of this process, whose name in the folder of several processes is its own."""
    return Metrics()
