"""Settings against a declared number of processes and nodes: what each of these rules looks for, and the rules."""

from __future__ import annotations

from typing import Any

from trainspec.settings.targets.checks import Place, processes, shown
from trainspec.settings.targets.rule import TargetRule
from trainspec.settings.values.choices import OptimizerNames as O
from trainspec.settings.views.layout import HYBRID, autotp_size, layout_of

# Each was tried on parameters that are shared out, as DTensors: it steps as one process steps on whole ones, and its
# state is of the parameters' shapes. Any other is refused.
SHARDABLE = frozenset(
    {
        O.ADAMW_TORCH,
        O.ADAMW_TORCH_FUSED,
        O.ADAMW_APEX_FUSED,
        O.SGD,
        O.ADAGRAD,
        O.RMSPROP,
        O.ADAMW_ANYPRECISION,
        O.STABLE_ADAMW,
    }
)
# Those that step as well on parts of layers.
STEPS_ON_PARTS = SHARDABLE | {
    O.ADAFACTOR,
    O.MUON,
    O.GROKADAMW,
    O.SCHEDULE_FREE_ADAMW,
    O.SCHEDULE_FREE_SGD,
    O.SCHEDULE_FREE_RADAM,
}
# fsdp makes DTensors of parameters that it leaves whole, too; these take them.
STEPS_ON_WHOLE = STEPS_ON_PARTS | {O.GALORE_ADAMW}


def optimizer(settings: Any, place: Place) -> str | None:
    if settings.deepspeed or place.world is None or place.world == 1:
        return None
    layout = layout_of(settings, place.world, place.per_node)
    if layout.partners == layout.tensor == layout.expert == 1:
        mesh = settings.parallelism_config
        if not settings.fsdp or (mesh is not None and mesh.total_size() > 1) or settings.optim in STEPS_ON_WHOLE:
            return None
        return (
            f"optim {settings.optim} does not step on what fsdp makes of parameters, though no_shard leaves them whole"
        )
    # Parts of parameters, and stacks of experts, are not cut along features as those of layers are.
    if settings.optim in (SHARDABLE if layout.partners * layout.expert > 1 else STEPS_ON_PARTS):
        return None
    return f"optim {settings.optim} does not step on parameters that {layout.name} shares out over processes"


def _hybrid(settings: Any, place: Place) -> bool:
    """Whether nodes, not a mesh, say which ranks share and which replicate."""
    named = not settings.deepspeed and not set(HYBRID).isdisjoint(settings.fsdp)
    known = place.nodes is not None or place.here is not None
    return named and settings.parallelism_config is None and known and (place.world or 1) > 1


def hybrid_shape(settings: Any, place: Place) -> str | None:
    if not _hybrid(settings, place):
        return None
    if place.nodes is None:
        world = processes(place.world or 1)
        return f"fsdp hybrid_shard has no shape: {world} are no whole number of nodes with {place.here} each"
    if place.per_node is None:
        return (
            f"fsdp hybrid_shard has no shape: {processes(place.world or 1)} are no equal parts of {place.nodes} nodes"
        )
    if place.per_node == 1:
        return "fsdp hybrid_shard shards nothing: every node has one process"
    return None


def hybrid_alone(settings: Any, place: Place) -> str | None:
    if not _hybrid(settings, place) or place.nodes != 1:
        return None
    return "fsdp hybrid_shard replicates nothing: there is one node, on which it is full sharding"


def secondary_partition(settings: Any, place: Place) -> str | None:
    zero = getattr(settings.deepspeed, "zero_optimization", None)
    size = zero.zero_hpz_partition_size if zero is not None else 1
    # DeepSpeed takes the smaller of the two.
    if place.world is None or size <= 1 or place.world % min(size, place.world) == 0:
        return None
    return f"zero_hpz_partition_size {size} of deepspeed does not divide {processes(place.world)}"


def autotp(settings: Any, place: Place) -> str | None:
    size = autotp_size(settings.deepspeed)
    if place.world is None or place.world % size == 0:
        return None
    return f"autotp_size {size} of deepspeed does not divide {processes(place.world)}"


def crowded(settings: Any, place: Place) -> str | None:
    target = place.target
    if target is None or not target.count or target.device == "cpu" or settings.use_cpu:
        return None
    if place.per_node is None or place.per_node <= target.count:
        return None
    return f"{processes(place.per_node)} on each node are more than the {target.count} devices of {shown(place)}"


def across_nodes(settings: Any, place: Place) -> str | None:
    mesh, per_node = settings.parallelism_config, place.per_node
    if mesh is None or per_node is None or place.nodes == 1 or mesh.total_size() != place.world:
        return None
    inner = mesh.tp_size
    if inner > 1 and per_node % inner:
        return f"tp_size {inner} of parallelism_config reaches across nodes of {processes(per_node)}"
    inner *= mesh.dp_shard_size * mesh.cp_size * mesh.sp_size * mesh.ep_size
    if mesh.dp_replicate_size > 1 and inner > 1 and per_node % inner:
        return f"a replica of parallelism_config ({processes(inner)}) reaches across nodes of {processes(per_node)}"
    return None


WORLD_RULES: tuple[TargetRule, ...] = (
    TargetRule(
        code="PAR120",
        name="optimizer-cannot-shard",
        reason="a step of it, or its state, is of whole parameters as plain tensors, and no process has them",
        fix="set optim: adamw_torch, or drop what shares parameters out (for no_shard, fsdp as a whole)",
        fields=("optim", "fsdp", "parallelism_config"),
        check=optimizer,
    ),
    TargetRule(
        code="PAR121",
        name="hybrid-shape",
        reason="hybrid sharding shards among the processes of a node, and replicates between nodes",
        fix="start several processes on each node, as many on every one, or set dp_shard_size and dp_replicate_size of "
        "parallelism_config",
        fields=("fsdp",),
        check=hybrid_shape,
    ),
    TargetRule(
        code="PAR122",
        name="secondary-partition-does-not-divide",
        reason="DeepSpeed makes groups of that many ranks, and every rank is in one",
        fix="set zero_hpz_partition_size to the processes of a node",
        fields=("deepspeed.zero_optimization.zero_hpz_partition_size",),
        check=secondary_partition,
    ),
    TargetRule(
        code="PAR123",
        name="autotp-does-not-divide",
        reason="DeepSpeed makes groups of that many ranks, and every rank is in one",
        fix="change autotp_size, or the number of processes",
        fields=("deepspeed.tensor_parallel",),
        check=autotp,
    ),
    TargetRule(
        code="PAR124",
        name="more-processes-than-devices",
        reason="NCCL and its like refuse two ranks on one device",
        fix="start as many processes on a node as it has devices",
        fields=(),
        check=crowded,
    ),
    TargetRule(
        code="TGT405",
        name="hybrid-on-one-node",
        reason="the replicas of hybrid sharding are on other nodes",
        fix="set fsdp: full_shard, or the sizes of parallelism_config",
        fields=("fsdp",),
        check=hybrid_alone,
        severity="warning",
    ),
    TargetRule(
        code="TGT406",
        name="group-across-nodes",
        reason="what its ranks exchange in every layer would go through the network between nodes",
        fix="choose sizes whose product divides the processes of a node",
        fields=("parallelism_config",),
        check=across_nodes,
        severity="warning",
    ),
)
