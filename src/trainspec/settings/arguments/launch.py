"""What a launcher's variables say about this process: its place among those of the job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Launch:
    """Ranks count from 0. `local_rank` and `local_world_size` are those on this process's node, None where not told."""

    rank: int = 0
    world_size: int = 1
    local_rank: int | None = None
    local_world_size: int | None = None
    node: int = 0

    @classmethod
    def of_this_process(cls) -> Self:
        """As torchrun and its like set RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE and GROUP_RANK."""
        return cls.of(os.environ)

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """What is no number was not set by a launcher."""
        rank, local_size = _number(variables, "RANK") or 0, _number(variables, "LOCAL_WORLD_SIZE") or None
        node = _number(variables, "GROUP_RANK")
        return cls(
            rank=rank,
            world_size=_number(variables, "WORLD_SIZE") or 1,
            local_rank=_number(variables, "LOCAL_RANK"),
            local_world_size=local_size,
            node=node if node is not None else rank // local_size if local_size else 0,
        )


def _number(variables: Mapping[str, str], name: str) -> int | None:
    text = variables.get(name, "")
    return int(text) if text.isdecimal() else None
