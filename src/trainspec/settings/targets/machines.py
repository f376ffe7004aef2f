"""Declared machines as data: what a configuration meant for them may ask of them, without being there.

`parse_target("h100x8")` names one; `check_target` compares settings with it. Nothing here looks at this machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trainspec.text.suggestions import nearest

if TYPE_CHECKING:
    from trainspec.settings.diagnostics import Diagnostic

Device = Literal["cuda", "rocm", "cpu", "mps", "xpu", "hpu", "tpu"]


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of device, and how many of them where that was said."""

    name: str
    device: Device
    memory_gb: float | None = None
    capability: tuple[int, int] | None = None
    bf16: bool = True
    fp16: bool = True
    fp8: bool = False
    tf32: bool = False
    backend: str = "nccl"
    also_backends: tuple[str, ...] = ("gloo", "mpi")
    count: int | None = None

    @property
    def backends(self) -> tuple[str, ...]:
        """The process-group backends that reach its processes, the best first."""
        return (self.backend, *self.also_backends)

    @property
    def label(self) -> str:
        """The name for messages, with what sets an NVIDIA device apart."""
        major_minor = ".".join(map(str, self.capability)) if self.capability is not None else ""
        return f"{self.name} (compute capability {major_minor})" if major_minor else self.name


def _nvidia(name: str, capability: tuple[int, int], memory_gb: float) -> Target:
    return Target(
        name,
        "cuda",
        memory_gb,
        capability,
        bf16=capability >= (8, 0),
        fp8=capability >= (8, 9),
        tf32=capability >= (8, 0),
    )


_ALL = (
    _nvidia("p100", (6, 0), 16),
    _nvidia("v100", (7, 0), 16),
    _nvidia("v100-32g", (7, 0), 32),
    _nvidia("t4", (7, 5), 16),
    _nvidia("a100", (8, 0), 40),
    _nvidia("a100-80g", (8, 0), 80),
    _nvidia("a30", (8, 0), 24),
    _nvidia("a10", (8, 6), 24),
    _nvidia("a10g", (8, 6), 24),
    _nvidia("a40", (8, 6), 48),
    _nvidia("a6000", (8, 6), 48),
    _nvidia("rtx3090", (8, 6), 24),
    _nvidia("l4", (8, 9), 24),
    _nvidia("l40s", (8, 9), 48),
    _nvidia("rtx4090", (8, 9), 24),
    _nvidia("h100", (9, 0), 80),
    _nvidia("h200", (9, 0), 141),
    _nvidia("gh200", (9, 0), 96),
    _nvidia("b200", (10, 0), 180),
    _nvidia("gb200", (10, 0), 186),
    _nvidia("rtx5090", (12, 0), 32),
    Target("mi210", "rocm", 64),
    Target("mi250x", "rocm", 128),
    Target("mi300x", "rocm", 192, fp8=True),
    Target("mi325x", "rocm", 256, fp8=True),
    Target("max1550", "xpu", 128, backend="xccl", also_backends=("ccl", "gloo", "mpi")),
    Target("gaudi2", "hpu", 96, fp8=True, backend="hccl"),
    Target("gaudi3", "hpu", 128, fp8=True, backend="hccl"),
    Target("tpu-v4", "tpu", 32, fp16=False, backend="xla", also_backends=("gloo",)),
    Target("tpu-v5e", "tpu", 16, fp16=False, backend="xla", also_backends=("gloo",)),
    Target("tpu-v5p", "tpu", 95, fp16=False, backend="xla", also_backends=("gloo",)),
    Target("tpu-v6e", "tpu", 32, fp16=False, backend="xla", also_backends=("gloo",)),
    Target("mps", "mps", fp16=False, backend="gloo", also_backends=()),
    Target("cpu", "cpu", backend="gloo", also_backends=("mpi", "ccl")),
)

TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
"""Every machine that can be named, by name."""

_COUNTED = re.compile(r"(?P<name>.+?)(?:x|:|\*)(?P<count>[0-9]{1,9})")


def parse_target(text: str) -> Target:
    """The machine that `NAME` or `NAMExCOUNT` stands for, such as h100x8 (mi300x:8 where a name ends in x).

    Raises ValueError, with the nearest name, for anything else.
    """
    plain = text.strip().lower().replace("_", "-")
    if plain in TARGETS:
        return TARGETS[plain]
    counted = _COUNTED.fullmatch(plain)
    name = counted["name"] if counted is not None else plain
    if counted is not None and name in TARGETS:
        count = int(counted["count"])
        if count == 0:
            raise ValueError(f"target {text!r} has no devices; write {name} or {name}x8")
        return replace(TARGETS[name], count=count)
    raise ValueError(_unknown(text, name, counted["count"] if counted is not None else None))


def _unknown(text: str, name: str, count: str | None) -> str:
    near = f"{name}x" if f"{name}x" in TARGETS else nearest(name, TARGETS)
    known = ", ".join(TARGETS)
    if near is None:
        return f"unknown target {text!r}; the targets are {known}, each also with a count, as in h100x8"
    shown = near if count is None else f"{near}:{count}" if near.endswith("x") else f"{near}x{count}"
    return f"unknown target {text!r}; did you mean {shown}? The targets are {known}"


def check_target(
    settings: Any, target: Target | None, world_size: int | None, nodes: int | None = None
) -> list[Diagnostic]:
    """What does not fit the declared machine, and the number of processes (by default the machine's devices).

    Where `nodes` is given, so many machines run them, each its share.
    """
    from trainspec.settings.targets.checks import Place
    from trainspec.settings.targets.rules import findings

    return findings(settings, Place.of(target, world_size, nodes))


def judge_world(
    settings: Any, world_size: int, local_world_size: int | None = None, *, own_optimizer: bool = False
) -> list[Diagnostic]:
    """What does not fit `world_size` processes, `local_world_size` of them on each node where that is known.

    For a job that is there: the same rules as for a declared one, in the same words. Reads nothing of this machine. Of
    one process nothing is said: a file for several is no fault where it is tried out by one. With an `own_optimizer`,
    which a script hands over, nothing is said of `optim`.
    """
    if world_size == 1:
        return []
    from trainspec.settings.targets.checks import Place
    from trainspec.settings.targets.rules import findings

    nodes = here = None
    if local_world_size and world_size % local_world_size == 0:
        nodes = world_size // local_world_size
    elif local_world_size:
        here = local_world_size
    found = findings(settings, Place(None, world_size, nodes, here))
    return [item for item in found if not (own_optimizer and item.fields[:1] == ("optim",))]
