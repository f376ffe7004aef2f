"""Many processes that train one model: what they say to each other, and the strategies by which they share the work."""

from trainspec.training.parallel.agreement import (
    AfterEpoch,
    AfterUpdate,
    Agreement,
    BeforeSave,
    BeforeTheEnd,
    BeforeUpdate,
    Onward,
)
from trainspec.training.parallel.processes import Alone, Processes, ProcessesError
from trainspec.training.parallel.registry import choose_strategy
from trainspec.training.parallel.single import SingleProcess
from trainspec.training.parallel.strategy import Policy, State, Strategy

__all__ = [
    "AfterEpoch",
    "AfterUpdate",
    "Agreement",
    "Alone",
    "BeforeSave",
    "BeforeTheEnd",
    "BeforeUpdate",
    "Onward",
    "Policy",
    "Processes",
    "ProcessesError",
    "SingleProcess",
    "State",
    "Strategy",
    "choose_strategy",
]
