"""Every strategy by its name, and which one a run takes."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.strategy import Strategy


class StrategyName(StrEnum):
    SINGLE = "single"
    DDP = "ddp"
    FSDP = "fsdp"
    DEEPSPEED = "deepspeed"
    MESH = "mesh"


# By module and class: what one of them imports takes seconds, and a run has one.
STRATEGIES: dict[StrategyName, str] = {
    StrategyName.SINGLE: "trainspec.training.parallel.single:SingleProcess",
    StrategyName.DDP: "trainspec.training.parallel.ddp:DataParallelProcesses",
    StrategyName.FSDP: "trainspec.training.parallel.fsdp.fully_sharded:FullySharded",
    StrategyName.DEEPSPEED: "trainspec.training.parallel.deepspeed_engine.engine:DeepSpeedEngine",
    StrategyName.MESH: "trainspec.training.parallel.mesh.strategy:MeshProcesses",
}


def chosen(args: TrainingArguments | None, world_size: int) -> StrategyName:
    """The strategy that settings ask of so many processes."""
    if args is not None and args.deepspeed:
        return StrategyName.DEEPSPEED
    if world_size == 1 or args is None:
        return StrategyName.SINGLE
    mesh = args.parallelism_config
    if mesh is not None and mesh.total_size() > 1:
        return StrategyName.MESH
    return StrategyName.FSDP if args.fsdp else StrategyName.DDP


def strategy_class(name: StrategyName) -> type[Strategy]:
    module, _, kind = STRATEGIES[name].partition(":")
    return cast("type[Strategy]", getattr(import_module(module), kind))


def choose_strategy(processes: Processes, args: TrainingArguments | None = None) -> Strategy:
    """The one for these processes. Raises ProcessesError where it is not one for them."""
    return strategy_class(chosen(args, processes.world_size))(processes, args)
