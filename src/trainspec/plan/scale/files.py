"""A checkpoint of many processes: its files, their bytes, and what the main process gathers to list them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.scale.memory import elements_of
from trainspec.plan.scale.widths import widths_of

if TYPE_CHECKING:
    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.views.layout import Layout

# Generators of python, numpy and torch in one process, as JSON.
_GENERATORS = 25_000
# Settings, state, schedule and the like: written once.
_DOCUMENTS = 6
_DOCUMENT = 4_000
# A piece of a parameter in the description of a rank's part: its name, shape and offset.
_PIECE = 260
_SHA256 = "0" * 64


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """Bytes of one checkpoint: the consolidated model, the optimizer in `optimizer_files`, and all together.

    `manifest` is the size of the list of all files, `gathered` what the main process receives to write it. Whole
    parameters that the main process gathers to write the model are `model`.
    """

    files: int
    model: int
    optimizer: int
    optimizer_files: int
    total: int
    manifest: int
    gathered: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def checkpoint_of(args: TrainingArguments, layout: Layout, model: ModelSize) -> CheckpointFiles:
    """Of a run in that layout: the model whole, and of a sharded optimizer a file for each rank, with what it holds."""
    widths, held = widths_of(args, layout), elements_of(args, layout, model)
    world = layout.world_size
    sharded = not args.save_only_model and max(layout.partners, layout.tensor, layout.expert) > 1
    weights = model.parameters * widths.parameter
    states = (world if sharded else 1) * (0 if args.save_only_model else 1)
    optimizer = held.state * states
    tensors = len(model.shapes) if model.shapes is not None else 0
    described = states * (tensors * _PIECE + 40) if sharded else 0
    generators = 0 if args.save_only_model else world
    names = [f"rng_state_{world}.json"] if generators else []
    names += [f"optimizer-{world:05d}-of-{world:05d}.pt", f"optimizer-{world:05d}-of-{world:05d}.json"] * sharded
    rank = sum(map(_listed, names))
    documents = _DOCUMENTS - (4 if args.save_only_model else 0)
    once = documents + 1 + (states if not sharded else 0)
    total = weights + optimizer + described + generators * _GENERATORS + documents * _DOCUMENT
    manifest = rank * world + once * _listed("resolved_args.json") + 400
    return CheckpointFiles(
        files=once + len(names) * world + 1,
        model=weights,
        optimizer=optimizer,
        optimizer_files=states,
        total=total + manifest,
        manifest=manifest,
        gathered=rank * (world - 1),
    )


def _listed(name: str) -> int:
    """Bytes of a file in the manifest, whose numbers have some ten digits."""
    entry = {"files": [{"name": name, "size": 10**9, "sha256": _SHA256}]}
    return len(json.dumps(entry, indent=2)) - len(json.dumps({"files": [None]}, indent=2)) + 6
