"""Who shares what: how a number of processes divides rows, parameters and layers, as far as settings say it.

world = replicas x shards x tensor x sequence x expert x pipeline
one copy of what is divided lies on `shards` ranks, those that divide sequences (but for DeepSpeed's) among them
rows are divided among the data ranks: ranks of one tensor, context, sequence, expert or pipeline group read the same
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from trainspec.settings.values.choices import FSDPOption

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

Engine = Literal["single", "ddp", "fsdp", "deepspeed"]

_STAGES = {
    FSDPOption.FULL_SHARD: 3,
    FSDPOption.HYBRID_SHARD: 3,
    FSDPOption.SHARD_GRAD_OP: 2,
    FSDPOption.HYBRID_SHARD_ZERO2: 2,
    FSDPOption.NO_SHARD: 0,
}
HYBRID = (FSDPOption.HYBRID_SHARD, FSDPOption.HYBRID_SHARD_ZERO2)


@dataclass(frozen=True, slots=True)
class Layout:
    """`stage` is ZeRO's: 1 divides the optimizer's state, 2 gradients too, 3 parameters too; 0 divides nothing.

    `shards` ranks hold one copy of what is divided, `replicas` copies there are.
    """

    engine: Engine
    world_size: int
    stage: int = 0
    replicas: int = 1
    shards: int = 1
    tensor: int = 1
    context: int = 1
    sequence: int = 1
    expert: int = 1
    pipeline: int = 1

    @property
    def data_ranks(self) -> int:
        """Groups of ranks that read rows of their own."""
        return max(1, self.world_size // prod(self._splits().values()))

    def _splits(self) -> dict[str, int]:
        """What ranks with the same rows divide among them."""
        return {
            "tensor": self.tensor,
            "context": self.context,
            "sequence": self.sequence,
            "expert": self.expert,
            "pipeline": self.pipeline,
        }

    @property
    def partners(self) -> int:
        """Ranks among which parameters, gradients or optimizer state are divided, as far as `stage` divides them."""
        return self.shards if self.stage else 1

    @property
    def name(self) -> str:
        """What people call it."""
        if self.engine == "single":
            return "one process"
        if self.engine == "deepspeed":
            base = f"DeepSpeed ZeRO-{self.stage}"
        elif not self.stage:
            base = "DDP" if self.replicas > 1 or prod(self._splits().values()) == 1 else ""
        else:
            base = "FSDP2 (ZeRO-3)" if self.stage == 3 else "FSDP2 (ZeRO-2)"
            base = f"{base}, {self.replicas:,} x {self.shards:,} hybrid" if self.replicas > 1 else base
        split = [f"{name} parallel {size}" for name, size in self._splits().items() if size > 1]
        return " + ".join(filter(None, (base, *split)))

    def to_dict(self) -> dict[str, Any]:
        return {
            "strategy": self.name,
            "engine": self.engine,
            "stage": self.stage,
            "world_size": self.world_size,
            "data_ranks": self.data_ranks,
            "replicas": self.replicas,
            "shards": self.shards,
            **{f"{name}_parallel": size for name, size in self._splits().items()},
        }


def layout_of(settings: TrainingArguments, world_size: int, per_node: int | None = None) -> Layout:
    """How `world_size` processes, `per_node` of them on each node, share the work.

    What does not come out even (TGT108, PAR121) is rounded down here; a file of DeepSpeed's that cannot be read says
    nothing. Raises ValueError for less than one process.
    """
    if world_size < 1:
        raise ValueError(f"world_size must be 1 or more, not {world_size}")
    if world_size == 1:
        return Layout("single", 1)
    mesh = settings.parallelism_config
    if settings.deepspeed:
        return _deepspeed(settings.deepspeed, world_size, mesh.sp_size if mesh is not None else 1)
    stage = zero_stage(settings)
    if mesh is not None and mesh.total_size() > 1:
        sharded = mesh.dp_shard_size * mesh.cp_size * mesh.sp_size
        stage = stage or (3 if sharded > 1 and not settings.fsdp else 0)
        return Layout(
            "fsdp" if stage else "ddp",
            world_size,
            stage if sharded > 1 else 0,
            mesh.dp_replicate_size,
            sharded,
            mesh.tp_size,
            mesh.cp_size,
            mesh.sp_size,
            mesh.ep_size,
            mesh.pp_size,
        )
    if not stage:
        return Layout("ddp", world_size, replicas=world_size)
    within = per_node if per_node and not set(HYBRID).isdisjoint(settings.fsdp) else world_size
    return Layout("fsdp", world_size, stage, world_size // within, within)


def zero_stage(settings: TrainingArguments) -> int:
    """ZeRO's stage of the way to shard that `fsdp` names; 0 for none."""
    return max((_STAGES.get(option, 0) for option in settings.fsdp), default=0)


def splits_batches(settings: TrainingArguments) -> bool:
    """Whether a batch size is that of all processes together (split_batches)."""
    return bool(getattr(settings.accelerator_config, "split_batches", False))


def _deepspeed(config: Any, world_size: int, sequence: int) -> Layout:
    zero = getattr(config, "zero_optimization", None)
    stage = 0 if zero is None else deepspeed_stage(zero)
    tensor = autotp_size(config)
    shards = max(1, world_size // tensor) if stage else 1
    replicas = 1 if stage else max(1, world_size // tensor // sequence)
    return Layout("deepspeed", world_size, stage, replicas, shards, tensor, 1, sequence)


def deepspeed_stage(zero: Any) -> int:
    """The stage of DeepSpeed's zero_optimization; auto is 2, or 3 where parameters are to be offloaded."""
    if isinstance(zero.stage, int):
        return zero.stage
    offload = zero.offload_param
    return 3 if offload is not None and offload.device in ("cpu", "nvme") else 2


def autotp_size(config: Any) -> int:
    """The tensor-parallel ranks that DeepSpeed's configuration asks for."""
    said = (getattr(config, "tensor_parallel", None) or {}).get("autotp_size", 1)
    return said if isinstance(said, int) and said > 1 else 1
