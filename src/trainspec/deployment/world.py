"""The processes that an export declares: on how many nodes, and how many on each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainspec.deployment import NotDeployable

_COUNT = re.compile(r"0|[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class World:
    """`nproc` processes on each of `nodes` nodes, each process with a GPU of its own unless the run uses none."""

    nproc: int = 1
    nodes: int = 1

    @property
    def size(self) -> int:
        return self.nproc * self.nodes

    @property
    def in_words(self) -> str:
        """For whoever reads the export: 4 nodes x 8 processes = 32."""
        return f"{_counted(self.nodes, 'node')} x {_counted(self.nproc, 'process')} = {self.size}"


def declared(options: Mapping[str, str]) -> World | None:
    """The processes that the options of an export name; None where they speak of none, which is one process.

    Raises NotDeployable for what is no number of nodes or processes.
    """
    # Kubeflow's kinds are made for several processes, and say a number also where it is one.
    if not {"nproc", "nodes"} & options.keys() and options.get("kind", "job") == "job":
        return None
    return World(
        nproc=count(options, "nproc", "how many processes each node has"),
        nodes=count(options, "nodes", "how many nodes there are"),
    )


def count(options: Mapping[str, str], name: str, meaning: str, default: int = 1, least: int = 1) -> int:
    """An option that is a whole number up to 9999. Raises NotDeployable."""
    text = options.get(name)
    if text is None:
        return default
    if _COUNT.fullmatch(text) is None or int(text) < least:
        spelled = name.replace("_", "-")
        raise NotDeployable(f"--{spelled} takes a whole number >= {least} and < 10000: {meaning}", "CLI123")
    return int(text)


def _counted(number: int, what: str) -> str:
    ending = "es" if what.endswith("s") else "s"
    return f"{number} {what}{ending if number > 1 else ''}"
