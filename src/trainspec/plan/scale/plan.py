"""A run of many processes in numbers: what each rank holds and sends, and what is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import Batches
from trainspec.plan.run import rows_per_rank
from trainspec.plan.scale.files import CheckpointFiles, checkpoint_of
from trainspec.plan.scale.memory import Memory, memory_of
from trainspec.plan.scale.order import OrderMemory, order_memory
from trainspec.plan.scale.traffic import Exchange, traffic_of
from trainspec.settings.views.layout import Engine, Layout, layout_of

if TYPE_CHECKING:
    from trainspec.plan.scale.model import ModelSize
    from trainspec.settings.arguments import TrainingArguments


@dataclass(frozen=True, slots=True)
class Other:
    """The same model under another way to share it: what a rank holds of the model and its state, and sends."""

    name: str
    chosen: bool
    parameters: int
    gradients: int
    optimizer: int
    sent: int

    @property
    def held(self) -> int:
        return self.parameters + self.gradients + self.optimizer

    def to_dict(self) -> dict[str, Any]:
        parts = ("name", "chosen", "parameters", "gradients", "optimizer", "held", "sent")
        return {part: getattr(self, part) for part in parts}


@dataclass(frozen=True)
class ScalePlan:
    """Sizes are bytes of one rank, of the first where they differ; what needs the model's size is None without it.

    `device_memory` are the bytes of the device that it was planned for. `nodes` is None where it was not told.
    """

    layout: Layout
    nodes: int | None
    rows_per_rank: int
    batches: Batches
    model: ModelSize | None = None
    memory: Memory | None = None
    traffic: tuple[Exchange, ...] = ()
    checkpoint: CheckpointFiles | None = None
    order: OrderMemory | None = None
    others: tuple[Other, ...] = ()
    device_memory: int | None = None

    @property
    def fits(self) -> bool | None:
        """Whether what is known lies within the device's memory; None where either is not known."""
        if self.memory is None or self.device_memory is None:
            return None
        return self.memory.device <= self.device_memory

    @property
    def sent(self) -> int | None:
        """Bytes sent for one update; None where a part of them is not known."""
        sizes = [exchange.sent for exchange in self.traffic]
        return None if self.model is None or None in sizes else sum(size or 0 for size in sizes)

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.layout.to_dict(),
            "nodes": self.nodes,
            "rows_per_rank": self.rows_per_rank,
            "effective_batch_rows": self.batches.update_rows,
            "updates_per_epoch": self.batches.updates,
            "model": self.model.to_dict() if self.model is not None else None,
            "memory_per_rank": self.memory.to_dict() if self.memory is not None else None,
            "device_memory": self.device_memory,
            "fits": self.fits,
            "traffic_per_update": [exchange.to_dict() for exchange in self.traffic],
            "sent_per_update": self.sent,
            "checkpoint": self.checkpoint.to_dict() if self.checkpoint is not None else None,
            "order": self.order.to_dict() if self.order is not None else None,
            "others": [other.to_dict() for other in self.others],
        }


def plan_scale(
    args: TrainingArguments,
    batches: Batches,
    *,
    world_size: int,
    nodes: int | None = None,
    model: ModelSize | None = None,
    train_rows: int | None = None,
    device_memory: int | None = None,
) -> ScalePlan:
    """What `world_size` processes on `nodes` machines take, with settings alone or with a model's size.

    Raises PlanError for batches that cannot be split.
    """
    per_node = world_size // nodes if nodes else None
    layout = layout_of(args, world_size, per_node)
    rows = rows_per_rank(args, args.per_device_train_batch_size, layout)
    order = order_memory(train_rows) if train_rows is not None else None
    plan = ScalePlan(layout, nodes, rows, batches, order=order, device_memory=device_memory)
    if model is None:
        return plan
    return replace(
        plan,
        model=model,
        memory=memory_of(args, layout, model, rows),
        traffic=tuple(traffic_of(args, layout, model, rows)),
        checkpoint=checkpoint_of(args, layout, model),
        others=tuple(_others(args, layout, model, rows, per_node)),
    )


def _others(args: TrainingArguments, layout: Layout, model: ModelSize, rows: int, per_node: int | None) -> list[Other]:
    """The ways to share that there are for the data ranks of this layout."""
    ranks, deepspeed = layout.replicas * layout.shards, layout.engine == "deepspeed"
    if ranks == 1:
        return []
    ways = _ways(layout)
    if not deepspeed:
        del ways["ZeRO-1"]
    within = layout.shards if layout.replicas > 1 and layout.stage else per_node
    if not deepspeed and within and 1 < within < ranks and ranks % within == 0:
        ways["hybrid"] = replace(ways["ZeRO-3"], replicas=ranks // within, shards=within)
    return [_other(args, name, way, layout, model, rows) for name, way in ways.items()]


def _ways(layout: Layout) -> dict[str, Layout]:
    """DDP and the stages of ZeRO for the data ranks of this layout; torch's FSDP has no stage 1, DeepSpeed does."""
    ranks, deepspeed = layout.replicas * layout.shards, layout.engine == "deepspeed"
    whole = Layout("deepspeed" if deepspeed else "ddp", layout.world_size, 0, ranks, 1, layout.tensor)
    whole = replace(whole, expert=layout.expert)
    engine: Engine = "deepspeed" if deepspeed else "fsdp"
    return {
        "DDP": whole,
        "ZeRO-1": replace(whole, engine="deepspeed", stage=1, replicas=1, shards=ranks),
        "ZeRO-2": replace(whole, engine=engine, stage=2, replicas=1, shards=ranks),
        "ZeRO-3": replace(whole, engine=engine, stage=3, replicas=1, shards=ranks),
    }


def _other(args: TrainingArguments, name: str, way: Layout, chosen: Layout, model: ModelSize, rows: int) -> Other:
    memory, sent = memory_of(args, way, model, rows), _sent(args, way, model, rows)
    return Other(name, _is_same(way, chosen), memory.parameters, memory.gradients, memory.optimizer, sent)


def _is_same(way: Layout, chosen: Layout) -> bool:
    return (way.partners, way.stage) == (chosen.partners, chosen.stage)


def _sent(args: TrainingArguments, way: Layout, model: ModelSize, rows: int) -> int:
    return sum(exchange.sent or 0 for exchange in traffic_of(args, way, model, rows))


@dataclass(frozen=True, slots=True)
class Way:
    """One of DDP and ZeRO's stages: all that a rank holds under it, what it sends, whether it fits the device."""

    name: str
    engine: Engine
    chosen: bool
    memory: Memory
    sent: int
    fits: bool | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "engine": self.engine,
            "chosen": self.chosen,
            "memory_per_rank": self.memory.to_dict(),
            "sent_per_update": self.sent,
            "fits": self.fits,
        }


def compared(args: TrainingArguments, plan: ScalePlan) -> tuple[Way, ...]:
    """DDP, ZeRO 1, 2 and 3 side by side for what was planned; none without a model's size, or for one data rank."""
    layout, model, rows, room = plan.layout, plan.model, plan.rows_per_rank, plan.device_memory
    if model is None or layout.replicas * layout.shards == 1:
        return ()
    found = []
    for name, way in _ways(layout).items():
        memory = memory_of(args, way, model, rows)
        fits = memory.device <= room if room is not None else None
        found.append(Way(name, way.engine, _is_same(way, layout), memory, _sent(args, way, model, rows), fits))
    return tuple(found)
