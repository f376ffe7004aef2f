"""What a launcher's variables say about this process: its place among those of the job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from trainspec.settings.arguments.launchers import TORCHRUN, meeting_place, number, places


@dataclass(frozen=True, slots=True)
class Launch:
    """Ranks count from 0. `local_rank` and `local_world_size` are those on this process's node, None where not told.

    `meeting` is host and port of the first process where the launcher sets no MASTER_ADDR, but others tell it.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int | None = None
    local_world_size: int | None = None
    node: int = 0
    meeting: tuple[str, int] | None = None

    @classmethod
    def of_this_process(cls) -> Self:
        """As torchrun, srun, mpirun and their like set variables; of two launchers, what torch itself reads."""
        return cls.of(os.environ)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """Whatever they are: `launchers.misfits` says which cannot be true."""
        place = next(places(variables), None)
        if place is None or place.names is TORCHRUN:
            return cls._of_torch(variables)
        size, node = place.local_world_size, place.node
        return cls(
            rank=place.rank,
            world_size=place.world_size,
            local_rank=place.local_rank,
            local_world_size=size,
            node=node if node is not None else place.rank // size if size else 0,
            meeting=None if variables.get("MASTER_ADDR") else meeting_place(place, variables),
        )

    @classmethod
    def _of_torch(cls, variables: Mapping[str, str]) -> Self:
        rank, local_size = number(variables, "RANK") or 0, number(variables, "LOCAL_WORLD_SIZE") or None
        node = number(variables, "GROUP_RANK")
        return cls(
            rank=rank,
            world_size=number(variables, "WORLD_SIZE") or 1,
            local_rank=number(variables, "LOCAL_RANK"),
            local_world_size=local_size,
            node=node if node is not None else rank // local_size if local_size else 0,
        )

    def variables(self) -> dict[str, str]:
        """The same as torch, and libraries on top of it, read it; empty where this process is alone."""
        if self.world_size == 1:
            return {}
        told = {
            "RANK": self.rank,
            "WORLD_SIZE": self.world_size,
            "LOCAL_RANK": self.local_rank,
            "LOCAL_WORLD_SIZE": self.local_world_size,
            "GROUP_RANK": self.node,
            "MASTER_ADDR": self.meeting and self.meeting[0],
            "MASTER_PORT": self.meeting and self.meeting[1],
        }
        return {name: str(value) for name, value in told.items() if value is not None}
