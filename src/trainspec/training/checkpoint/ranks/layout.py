"""How a checkpoint's state lies in its files, and whether a run can go on with it as it lies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainspec.text.bounded_json import parse_json
from trainspec.text.redaction import printable, shortened
from trainspec.training.checkpoint.manifest import FULL_LAYOUT, CheckpointError
from trainspec.training.checkpoint.ranks.names import pieces_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.training.checkpoint.load import Checkpoint
    from trainspec.training.parallel import Strategy

FULL: str = FULL_LAYOUT["kind"]
SHARDED = "sharded"
_LONGEST = 200
_MESH = "mesh"
# As users call what a layout names by its class.
_STRATEGIES = {
    "SingleProcess": "one process",
    "DataParallelProcesses": "DDP",
    "fsdp": "FSDP2",
    "deepspeed": "DeepSpeed",
    _MESH: "a mesh",
}


def layout_of(strategy: Strategy) -> dict[str, Any]:
    """For the manifest: what a run must have in common to go on from it. The pieces lie beside each process's part."""
    return {"kind": SHARDED if strategy.is_sharded else FULL, **strategy.layout()}


def difference(checkpoint: Checkpoint, strategy: Strategy) -> str | None:
    """In what the processes here share the work otherwise than those that wrote it; None where they do as those did.

    Where all is whole, only the number of processes counts: each goes on with its own random states.
    """
    here = {**layout_of(strategy), "world_size": strategy.processes.world_size}
    there = {**checkpoint.manifest.layout, "world_size": checkpoint.manifest.world_size}
    whole = here["kind"] == there["kind"] == FULL
    names = {"world_size"} if whole else {*here, *there}
    other = sorted((name for name in names if there.get(name) != here.get(name)), key=_order)
    if "strategy" in other and "strategy" in there:
        # Sizes that only one of two strategies has say nothing of the other.
        other = [name for name in other if name != "kind" and name in here and name in there]
    told = [f"{printable(name)} is {_shown(name, there)} there and {_shown(name, here)} here" for name in other]
    return shortened(", ".join(told), 4 * _LONGEST) or None


def is_dealt_anew(checkpoint: Checkpoint, strategy: Strategy) -> bool:
    """Whether no process goes on with what one of them wrote of the optimizer: it is put together, and cut as here."""
    is_whole = checkpoint.manifest.layout["kind"] == FULL and not strategy.is_sharded
    return not is_whole and difference(checkpoint, strategy) is not None


def keeps_streams(checkpoint: Checkpoint, strategy: Strategy) -> bool:
    """Whether each process draws on where one of those drew that wrote it: as many, which share the rows alike."""
    there, here = checkpoint.manifest.layout, layout_of(strategy)
    as_many = strategy.are_as_many_as(checkpoint.manifest.world_size)
    if not as_many:
        return False
    return _MESH not in (there.get("strategy"), here.get("strategy")) or difference(checkpoint, strategy) is None


def _order(name: str) -> tuple[bool, str]:
    return name not in ("kind", "strategy"), name


def _shown(name: str, layout: Mapping[str, Any]) -> str:
    value = layout.get(name)
    known = _STRATEGIES.get(value) if name == "strategy" and isinstance(value, str) else None
    return shortened(json.dumps(value), _LONGEST) if known is None else known


def has_other_pieces(checkpoint: Checkpoint, strategy: Strategy) -> bool:
    """Whether this process's part of the optimizer is cut otherwise there than here.

    Raises CheckpointError for a description that cannot be read.
    """
    name = pieces_file(strategy.processes.rank, strategy.processes.world_size)
    try:
        there = parse_json(checkpoint.read(name), of_a_run=True)["pieces"]
        # Of what every process holds all of, earlier releases described nothing.
        return bool(there) and there != json.loads(json.dumps(strategy.pieces()))
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CheckpointError(checkpoint.url, f"{name} is damaged") from None
