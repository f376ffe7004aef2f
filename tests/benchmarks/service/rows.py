"""The service under load, on one core, beside the framework's own echo; its memory over a soak; its cold start.

Bodies are all different: nothing that was judged before helps. The yardstick is `echo.py`, a route that reads the
body and sends it back, served by the same uvicorn with the same options. The rate depends on who else uses the machine,
the processor seconds of a request, read of the server's process, hardly: both are told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.documents import DOCUMENT
from benchmarks.service.clients import Load, load
from benchmarks.timing import Row, environment, milliseconds, run_quietly

_TRAINSPEC = [str(Path(sys.executable).with_name("trainspec")), "serve", "--port", "0"]
_ECHO = [sys.executable, str(Path(__file__).with_name("echo.py"))]
_VALIDATE = [_TRAINSPEC[0], "validate", "--format", "json"]
_IMPORT = [sys.executable, "-c", "import uvicorn, starlette"]
_PATH, _MEDIA = "/validate?name=run.yaml", "application/yaml"
_REQUESTS = 4000
_SOAK = (10_000, 100_000)


class _Server:
    """A server on one core, where one is named; whoever measures keeps to the others."""

    def __init__(self, words: Sequence[str], core: int | None) -> None:
        before = os.sched_getaffinity(0)
        # What is started is where this process is.
        _keep_to(before if core is None else {core})
        self._process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment())
        _keep_to(before)
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        told = re.search(r":(\d+)\n", line)
        if told is None:
            raise RuntimeError(f"{words[0]} does not serve: {line}{self._process.stderr.read()}")
        self.port = int(told[1])

    def work(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """MiB in memory."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(60)


def _keep_to(cores: set[int]) -> None:
    os.sched_setaffinity(0, cores)


@contextmanager
def _servers(*commands: Sequence[str]) -> Iterator[list[_Server]]:
    before = os.sched_getaffinity(0)
    first, *others = sorted(before)
    servers = []
    try:
        for words in commands:
            servers.append(_Server(words, first))
        _keep_to(set(others) or before)
        yield servers
    finally:
        _keep_to(before)
        for server in servers:
            server.end()


def yaml_body(number: int) -> bytes:
    """A document of 20 keys."""
    return "".join(f"{key}: {_written(value)}\n" for key, value in {**DOCUMENT, "seed": number}.items()).encode()


def json_body(number: int) -> bytes:
    return json.dumps({**DOCUMENT, "seed": number}).encode()


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _measured(server: _Server, path: str, body: Callable[[int], bytes], media: str, start: int) -> tuple[Load, float]:
    """A load, and the processor seconds of each of its requests."""
    bodies = [body(number) for number in range(start, start + _REQUESTS)]
    before = server.work()
    told = load(server.port, path, bodies, media)
    if told.failed:
        raise RuntimeError(f"{told.failed} of {_REQUESTS} requests to {path} failed")
    return told, (server.work() - before) / _REQUESTS


def load_rows(rounds: int = 5) -> list[Row]:
    """The best of some rounds in turn."""
    kinds = {
        "echo": ("/echo", yaml_body, _MEDIA),
        "YAML": (_PATH, yaml_body, _MEDIA),
        "JSON": ("/validate?name=run.json", json_body, "application/json"),
    }
    found: dict[str, list[tuple[Load, float]]] = {kind: [] for kind in kinds}
    with _servers(_ECHO, _TRAINSPEC) as (echo, ours):
        for number in range(rounds + 1):
            for kind, (path, body, media) in kinds.items():
                server = echo if kind == "echo" else ours
                told = _measured(server, path, body, media, number * _REQUESTS)
                # The first round warms up.
                found[kind] += [told] if number else []
    best = {kind: max(told.rate for told, _ in each) for kind, each in found.items()}
    work = {kind: min(seconds for _, seconds in each) * 1e6 for kind, each in found.items()}
    calm = max((told for told, _ in found["YAML"]), key=lambda told: told.rate)
    rows = [
        Row(
            f"`POST /validate`, 20 keys of {kind}, 64 clients, one core: rate",
            f"{best[kind]:.0f}/s",
            f"an empty echo of the framework: {best['echo']:.0f}/s",
            best[kind] / best["echo"],
            0.6,
            at_least=True,
        )
        for kind in ("YAML", "JSON")
    ]
    rows += [
        Row(
            f"the same, {kind}: processor time of a request",
            f"{work[kind]:.0f} µs",
            f"the echo: {work['echo']:.0f} µs",
            work["echo"] / work[kind],
            0.6,
            at_least=True,
        )
        for kind in ("YAML", "JSON")
    ]
    half, most = calm.quantile(0.5), calm.quantile(0.99)
    shown = f"half {milliseconds(half)}, 99 % {milliseconds(most)}"
    return [*rows, Row("the same, YAML: slowest of a hundred over the median", shown, "1", most / half, 3)]


def soak_row() -> Row:
    """What stays in memory: of documents without a fault, with findings, that cannot be read, in all formats."""
    kinds = [yaml_body, json_body, lambda number: f"lerning_rate{number}: 1\n".encode(), lambda number: b"a: ["]
    with _servers(_TRAINSPEC) as (server,):
        sizes = []
        done = 0
        for until in _SOAK:
            while done < until:
                bodies = [kinds[number % len(kinds)](number) for number in range(done, done + 10_000)]
                load(server.port, "/validate?name=run.yaml", bodies, _MEDIA)
                done += len(bodies)
            sizes.append(server.resident())
    shown = f"{sizes[0]:.1f} and {sizes[1]:.1f} MiB"
    what = f"memory of the service after {_SOAK[0]:,} and {_SOAK[1]:,} requests"
    return Row(what, shown, "flat: 0", sizes[1] - sizes[0], 4, unit="MiB")


def start_rows(rounds: int = 12) -> list[Row]:
    """From the command until it listens, and until it has judged a first document, in processor seconds: the best of
    some rounds.

    It listens and answers probes before what judges is there, for which the first documents wait; so the limit of a
    cold start is that of listening, and a first judgement has what it is made of as its yardstick.
    """
    best = dict.fromkeys(("import", "validate", "listening", "judged"), float("inf"))
    with TemporaryDirectory() as folder:
        file = Path(folder, "run.yaml")
        file.write_bytes(yaml_body(1))
        for _ in range(rounds):
            now = {
                "import": _work_of(lambda: run_quietly(_IMPORT)),
                "validate": _work_of(lambda: run_quietly([*_VALIDATE, str(file)])),
                **_started(),
            }
            best = {name: min(seconds, now[name]) for name, seconds in best.items()}
    what = "`trainspec serve`, from the command until it {}, processor time"
    both = best["import"] + best["validate"]
    return [
        Row(
            what.format("takes requests"),
            milliseconds(best["listening"]),
            f"`import uvicorn, starlette`: {milliseconds(best['import'])}",
            best["listening"] / best["import"],
            1.5,
        ),
        Row(
            what.format("has judged one"),
            milliseconds(best["judged"]),
            f"the same and `trainspec validate` of it: {milliseconds(both)}",
            best["judged"] / both,
            1.5,
        ),
    ]


def _started() -> dict[str, float]:
    """Processor seconds until a service listens, and until it has judged."""
    server = _Server([*_TRAINSPEC, "--drain", "0"], None)
    listening = server.work()
    if load(server.port, _PATH, [yaml_body(1)], _MEDIA, clients=1).failed:
        raise RuntimeError("it does not judge")
    judged = server.work()
    server.end()
    return {"listening": listening, "judged": judged}


def _work_of(call: Callable[[], object]) -> float:
    before = os.times()
    call()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
