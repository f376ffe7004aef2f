"""The names of files that each process has of its own."""

from __future__ import annotations

import re

_OF_ONE = re.compile(r"(rng|data)_state_[0-9]+\.json|optimizer-[0-9]+-of-[0-9]+\.(pt|safetensors|json)")
_SHARD = re.compile(r"model-[0-9]+-of-[0-9]+\.safetensors")


def place_file(rank: int, processes: int) -> str:
    """The name of the file that tells where the readers of a stream are, of one of so many processes."""
    return "data_state.json" if processes == 1 else f"data_state_{rank}.json"


def optimizer_file(rank: int, world_size: int) -> str:
    """The name of the file with one process's part of a dealt out optimizer state; ranks count from 0, names from 1."""
    return f"optimizer-{rank + 1:05d}-of-{world_size:05d}.safetensors"


def old_optimizer_file(rank: int, world_size: int) -> str:
    """The name that it has in checkpoints of format 2."""
    return optimizer_file(rank, world_size).removesuffix(".safetensors") + ".pt"


def pieces_file(rank: int, world_size: int) -> str:
    """The name of the file that describes that part, and holds what of it is no tensor."""
    return optimizer_file(rank, world_size).removesuffix(".safetensors") + ".json"


def is_of_one_process(name: str) -> bool:
    """Whether a file is read by the process that wrote it, and by no other."""
    return _OF_ONE.fullmatch(name) is not None


def is_written_by_one(name: str) -> bool:
    """Whether no process but one of many writes a file, and not always the main one."""
    return is_of_one_process(name) or _SHARD.fullmatch(name) is not None
