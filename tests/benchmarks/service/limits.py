"""What each kind of bomb costs a service before it is refused: milliseconds, and memory that stays."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.service.running.serving import served

from benchmarks.timing import Row

MOST_MILLISECONDS, MOST_MEMORY = 100, 20 * 2**20
_TIMES = 5
_ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n"

# By name: the format, the body, whether it is sent in pieces without its length.
BOMBS: dict[str, tuple[str, bytes, bool]] = {
    "a body of 2 MiB": ("yaml", b"a: " + b"x" * 2**21, False),
    "2 MiB in pieces": ("yaml", b"a: " + b"x" * 2**21, True),
    "64 MiB in pieces": ("yaml", b"x" * 2**26, True),
    "200,000 brackets of JSON": ("json", b"[" * 200_000, False),
    "200,000 brackets of YAML": ("yaml", b"[" * 200_000, False),
    "200,000 blocks of YAML": ("yaml", b"- " * 200_000, False),
    "20,000 tables of TOML": ("toml", b"a." * 20_000 + b"a = 1", False),
    "references to references": (
        "yaml",
        (
            _ALIASES + "".join(f"b{n}: &b{n} [{','.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(60))
        ).encode(),
        False,
    ),
    "5,000 references": (
        "yaml",
        (_ALIASES + "".join(f"b{n}: &b{n} [*a,*a,*a,*a,*a]\n" for n in range(5000))).encode(),
        False,
    ),
    "70,000 documents": ("yaml", b"---\na: 1\n" * 70_000, False),
    "90,000 keys of YAML": ("yaml", b"".join(b"a%d: 1\n" % n for n in range(90_000)), False),
    "90,000 keys of JSON": ("json", b"{" + b",".join(b'"a%d":1' % n for n in range(90_000)) + b"}", False),
    "90,000 keys of TOML": ("toml", b"".join(b"a%d=1\n" % n for n in range(90_000)), False),
    "a number of 500,000 digits": ("json", b'{"seed": ' + b"1" * 500_000 + b"}", False),
    "the same in TOML": ("toml", b"seed = " + b"1" * 500_000, False),
    "variables in variables": (
        "env",
        b"A0=xxxxxxxxxx\n"
        + b"".join(b"A%d=${A%d}${A%d}${A%d}\n" % (n + 1, n, n, n) for n in range(40))
        + b"TRAINSPEC_RUN_NAME=${A40}\n",
        False,
    ),
}


def memory_of(process: int) -> int:
    """Bytes that a process and those that it started hold."""
    tasks = Path(f"/proc/{process}/task")
    children = [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    status = Path(f"/proc/{process}/status").read_text()
    own = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))
    return own + sum(memory_of(int(child)) for child in children)


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 2**16):
        yield body[start : start + 2**16]


def refused(port: int, format: str, body: bytes, *, pieces: bool) -> tuple[int, float]:
    """The status of the answer, and the milliseconds to it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    begun = time.perf_counter()
    try:
        sent: bytes | Iterable[bytes] = _pieces(body) if pieces else body
        connection.request("POST", f"/validate?input={format}", sent, encode_chunked=pieces, headers=_told(pieces))
    except (BrokenPipeError, ConnectionResetError):
        # It had answered, and takes no more.
        pass
    answer = connection.getresponse()
    answer.read()
    took = (time.perf_counter() - begun) * 1000
    connection.close()
    return answer.status, took


def _told(pieces: bool) -> dict[str, str]:
    return {"Transfer-Encoding": "chunked"} if pieces else {}


def limit_rows() -> list[Row]:
    """A row for each bomb: the best of some times, and what all of them have left in memory."""
    rows = []
    with served("--port", "0") as service:
        for _ in range(3):
            # The process that larger documents go to.
            refused(service.port, "yaml", b"seed: 1\n" + b"#" * 20_000, pieces=False)
        for name, (format, body, pieces) in BOMBS.items():
            before = memory_of(service.process.pid)
            found = [refused(service.port, format, body, pieces=pieces) for _ in range(_TIMES)]
            grown = memory_of(service.process.pid) - before
            if wrong := {status for status, _ in found if not 400 <= status < 500}:
                raise RuntimeError(f"{name} is answered with {wrong}")
            best = min(took for _, took in found)
            shown = f"{best:.1f} ms, {grown / 2**20:+.1f} MiB"
            bound = f"{MOST_MILLISECONDS} ms, {MOST_MEMORY / 2**20:.0f} MiB"
            over = max(best / MOST_MILLISECONDS, grown / MOST_MEMORY)
            rows.append(Row(f"`POST /validate`, {name}: until it is refused, and what stays", shown, bound, over, 1))
    return rows
