"""Which process writes which files of a checkpoint.

One writes what is the same for all: the state, the settings, and model and optimizer where every process holds all of
them. Each writes its random states and, where the optimizer is dealt out, its part, with a description of the pieces;
and some tensors of a model that is large enough, whole ones, as a shard of which an index tells:

    rng_state_0.json  rng_state_1.json  optimizer-00001-of-00002.safetensors  optimizer-00001-of-00002.json ...
    model-00001-of-00002.safetensors  model-00002-of-00002.safetensors  model.safetensors.index.json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.checkpoint.ranks.names import optimizer_file, pieces_file
from trainspec.training.checkpoint.states.files import tensors_and_rest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.checkpoint.payload import Payload
    from trainspec.training.parallel import Processes


def writes_for_all(args: TrainingArguments, processes: Processes) -> bool:
    """Whether this process writes what is written once: the main one, or with save_on_each_node each node's first."""
    return processes.is_local_main if args.save_on_each_node else processes.is_main


def optimizer_part(
    state: Mapping[str, Any], pieces: Mapping[str, Any], rank: int, world_size: int
) -> dict[str, Payload]:
    """The files of this process's part: by parameter name, in local tensors; and where in the whole these belong."""
    return tensors_and_rest(
        state,
        optimizer_file(rank, world_size),
        pieces_file(rank, world_size),
        "the optimizer's state",
        rank=rank,
        pieces=dict(pieces),
    )
