"""Every strategy by its name, and which one a run takes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from trainspec.training.parallel.single import SingleProcess

if TYPE_CHECKING:
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.strategy import Strategy


class StrategyName(StrEnum):
    SINGLE = "single"


STRATEGIES: dict[StrategyName, type[Strategy]] = {
    StrategyName.SINGLE: SingleProcess,
}


def choose_strategy(processes: Processes) -> Strategy:
    """The one for these processes. Raises ProcessesError where there is none."""
    return STRATEGIES[StrategyName.SINGLE](processes)
