"""A checkpoint of many processes: its files, their bytes, and what the main process gathers to list them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainspec.plan.scale.memory import elements_of
from trainspec.plan.scale.widths import widths_of
from trainspec.plan.shards import shards_of

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
# A tensor in the index of a model's shards.
_IN_INDEX = 80
_SHARD = "model-00001-of-00002.safetensors"
_SHA256 = "0" * 64


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """Bytes of one checkpoint: the consolidated model, the optimizer in `optimizer_files`, and all together.

    `manifest` is the size of the list of all files, `gathered` what the main process receives to write it. `model` is
    of whole parameters, in `model_files` of as many processes.
    """

    files: int
    model: int
    model_files: int
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
    parts = max(layout.partners, layout.tensor, layout.expert) > 1
    sharded = parts and not args.save_only_model
    weights = model.parameters * widths.parameter
    shards = shards_of(weights, world) if parts and args.save_safetensors and not args.save_on_each_node else 1
    states = (world if sharded else 1) * (0 if args.save_only_model else 1)
    optimizer = held.state * states
    tensors = len(model.shapes) if model.shapes is not None else 0
    described = states * (tensors * _PIECE + 40) if sharded else 0
    generators = 0 if args.save_only_model else world
    names = [f"rng_state_{world}.json"] if generators else []
    names += [f"optimizer-{world:05d}-of-{world:05d}.pt", f"optimizer-{world:05d}-of-{world:05d}.json"] * sharded
    rank = sum(map(_listed, names))
    documents = _DOCUMENTS - (4 if args.save_only_model else 0)
    # Beside shards there is their index.
    models = shards + (shards > 1)
    index = tensors * _IN_INDEX * (shards > 1)
    once = documents + (states if not sharded else 0)
    total = weights + index + optimizer + described + generators * _GENERATORS + documents * _DOCUMENT
    manifest = rank * world + models * _listed(_SHARD) + once * _listed("resolved_args.json") + 400
    return CheckpointFiles(
        files=models + once + len(names) * world + 1,
        model=weights,
        model_files=shards,
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
