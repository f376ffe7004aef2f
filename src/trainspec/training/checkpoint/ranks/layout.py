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
_SHOWN, _LONGEST = 3, 200
# As users call what a layout names by its class.
_STRATEGIES = {
    "SingleProcess": "one process",
    "DataParallelProcesses": "DDP",
    "fsdp": "FSDP2",
    "deepspeed": "DeepSpeed",
    "mesh": "a mesh",
}


def layout_of(strategy: Strategy) -> dict[str, Any]:
    """For the manifest: what a run must have in common to go on from it. The pieces lie beside each process's part."""
    return {"kind": SHARDED if strategy.is_sharded else FULL, **strategy.layout()}


def difference(checkpoint: Checkpoint, strategy: Strategy) -> str | None:
    """Why the run cannot go on from it as it lies; None where it can.

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


def _order(name: str) -> tuple[bool, str]:
    return name not in ("kind", "strategy"), name


def _shown(name: str, layout: Mapping[str, Any]) -> str:
    value = layout.get(name)
    known = _STRATEGIES.get(value) if name == "strategy" and isinstance(value, str) else None
    return shortened(json.dumps(value), _LONGEST) if known is None else known


def other_pieces(checkpoint: Checkpoint, strategy: Strategy) -> str | None:
    """How this process's part of the optimizer is cut otherwise there than here; None where it is not.

    Raises CheckpointError for a description that cannot be read.
    """
    name = pieces_file(strategy.processes.rank, strategy.processes.world_size)
    try:
        there = parse_json(checkpoint.read(name), of_a_run=True)["pieces"]
        here = json.loads(json.dumps(strategy.pieces()))
        other = sorted(key for key in {*there, *here} if there.get(key) != here.get(key))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(checkpoint.url, f"{name} is damaged") from None
    if not other:
        return None
    more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
    shown = ", ".join(shortened(printable(key), _LONGEST) for key in other[:_SHOWN])
    return f"{name} has other pieces of {shown}{more} than are here"
