"""Every strategy by its name, and which one a run takes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from trainspec.training.parallel.ddp import DataParallelProcesses
from trainspec.training.parallel.mesh import MeshProcesses
from trainspec.training.parallel.single import SingleProcess

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.strategy import Strategy


class StrategyName(StrEnum):
    SINGLE = "single"
    DDP = "ddp"
    MESH = "mesh"


STRATEGIES: dict[StrategyName, type[Strategy]] = {
    StrategyName.SINGLE: SingleProcess,
    StrategyName.DDP: DataParallelProcesses,
    StrategyName.MESH: MeshProcesses,
}


def chosen(args: TrainingArguments | None, world_size: int) -> StrategyName:
    """The strategy that settings ask of so many processes."""
    if world_size == 1 or args is None:
        return StrategyName.SINGLE
    mesh = args.parallelism_config
    return StrategyName.MESH if mesh is not None and mesh.total_size() > 1 else StrategyName.DDP


def choose_strategy(processes: Processes, args: TrainingArguments | None = None) -> Strategy:
    """The one for these processes. Raises ProcessesError where it is not one for them."""
    return STRATEGIES[chosen(args, processes.world_size)](processes, args)
