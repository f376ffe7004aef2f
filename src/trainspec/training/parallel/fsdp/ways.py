"""What `fsdp` and `fsdp_config` ask for, as numbers and switches of torch's own.

    full_shard            ZeRO-3  parameters are freed after the forward pass and gathered again for the backward
    shard_grad_op         ZeRO-2  gathered parameters stay until the backward pass is over
    hybrid_shard(_zero2)  the one or the other within a node, whole copies between nodes
    no_shard              a whole copy in every process

ZeRO: Rajbhandari et al. 2020, https://arxiv.org/abs/1910.02054; hybrid: Zhao et al. 2023, https://arxiv.org/abs/2304.11277.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainspec.settings.sections.fsdp import FSDPConfig
from trainspec.settings.values.choices import FSDPOption

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

_FREES = (FSDPOption.FULL_SHARD, FSDPOption.HYBRID_SHARD)
_HYBRID = (FSDPOption.HYBRID_SHARD, FSDPOption.HYBRID_SHARD_ZERO2)


class WayError(ValueError):
    """So many processes cannot be laid out as the settings ask; the message says why."""


@dataclass(frozen=True)
class Way:
    """`replicas` groups of `shards` processes each: a group holds one whole model, every process of it a part."""

    replicas: int
    shards: int
    frees: bool
    offload: bool

    @property
    def is_hybrid(self) -> bool:
        return self.replicas > 1


def way_of(args: TrainingArguments, world_size: int, per_node: int | None = None) -> Way:
    """How `world_size` processes, `per_node` of them on each node, share a model. Raises WayError."""
    options = args.fsdp or []
    assert isinstance(options, list), "the settings make a list of every way to say it"
    replicas, shards = _sizes(args, options, world_size, per_node)
    frees = any(option in options for option in _FREES)
    return Way(replicas, shards, frees, FSDPOption.OFFLOAD in options)


def _sizes(
    args: TrainingArguments, options: list[FSDPOption], world_size: int, per_node: int | None
) -> tuple[int, int]:
    if FSDPOption.NO_SHARD in options:
        return world_size, 1
    mesh = args.parallelism_config
    if mesh is not None:
        replicas, shards = mesh.dp_replicate_size, mesh.dp_shard_size
        if replicas * shards != world_size:
            raise WayError(
                f"dp_replicate_size {replicas} x dp_shard_size {shards} of parallelism_config is {replicas * shards}, "
                f"and {world_size} processes share the rows"
            )
        return replicas, shards
    if not any(option in options for option in _HYBRID):
        return 1, world_size
    shards = world_size if per_node is None else per_node
    if world_size % shards:
        raise WayError(f"{world_size} processes are no whole number of nodes with {shards} each")
    return world_size // shards, shards


def details_of(args: TrainingArguments) -> FSDPConfig:
    """What fsdp_config says, or its defaults."""
    return args.fsdp_config if isinstance(args.fsdp_config, FSDPConfig) else FSDPConfig()
