"""What whoever runs the service must know of it: its command, its port, how long it takes to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainspec.deployment import NotDeployable
from trainspec.deployment.run import named
from trainspec.deployment.world import count

# A request's last moments: what was on its way to it, and what its processes have until they are killed.
_BEYOND = 10
PROBE = (
    "import sys, urllib.request as ask; "
    "sys.exit(ask.urlopen('http://127.0.0.1:{port}/readyz', timeout=2).status != 200)"
)
TOKEN = "REPLACE_WITH_TOKEN"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its options describe it; `drain` and `grace` are seconds, as those of `trainspec serve`."""

    name: str
    image: str
    port: int
    workers: int
    drain: int
    grace: int
    admission: bool

    @property
    def patience(self) -> int:
        """Seconds from SIGTERM to SIGKILL."""
        return self.drain + self.grace + _BEYOND

    @property
    def ending(self) -> tuple[str, ...]:
        """The flags of how it ends, and by how many processes it serves."""
        several = ("--workers", str(self.workers)) if self.workers > 1 else ()
        return (*several, "--drain", str(self.drain), "--grace", str(self.grace))

    @property
    def probe(self) -> tuple[str, ...]:
        """A command that fails while the service is not ready."""
        return ("python3", "-c", PROBE.format(port=self.port))


def describe(options: Mapping[str, str], *, drain: int) -> Service:
    """The service that options describe; `drain` is how long its form asks for. Raises NotDeployable."""
    return Service(
        name=named(options),
        image=options.get("image", "trainspec:service"),
        port=_port(options.get("port", "8080")),
        workers=count(options, "workers", "how many processes serve"),
        drain=count(options, "drain", "seconds between being no longer ready and taking no more", drain, 0),
        grace=count(options, "grace", "seconds that open requests have in the end", 20),
        admission="admission" in options,
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 2**16):
        raise NotDeployable("--port takes a whole number from 1 to 65535", "CLI123")
    return int(text)
