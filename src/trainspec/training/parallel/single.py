"""One process, one device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, nn

from trainspec.training.model.names import as_named_here, bare, plain_state
from trainspec.training.optimizers import behaviour
from trainspec.training.optimizers.clipping import clip_gradients
from trainspec.training.optimizers.exact_state import load_exactly
from trainspec.training.parallel.named_state import by_name, by_number
from trainspec.training.parallel.processes import ProcessesError
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.precision.precision import Precision

Part = TypeVar("Part")

# Made once, for it is entered for every micro-batch.
_NOTHING = nullcontext()
_INCOMPLETE = "a strategy works on what it was given: call prepare(model, policy), then attach(optimizer)"


class SingleProcess(Strategy):
    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if self.processes.world_size != 1:
            raise ProcessesError(f"SingleProcess trains in one process, and there are {self.processes.world_size}")
        self._model: nn.Module | None = None
        self._precision: Precision | None = None
        self._optimizer: Optimizer | None = None

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        self._model, self._precision, self._optimizer = model, policy.precision, None
        return model

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        self._optimizer = optimizer
        return optimizer, schedule

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        return _NOTHING

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        precision = self._precision
        if precision is None:
            raise RuntimeError(_INCOMPLETE)
        if counts:
            behaviour.backward(self._optimizer, loss, precision.backward)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        optimizer, precision = self._optimizer, self._precision
        if optimizer is None or precision is None:
            raise RuntimeError(_INCOMPLETE)
        precision.unscale(optimizer)
        measured = behaviour.gradient_norm(optimizer)
        if measured is not None:
            return measured
        return clip_gradients(parameters, max_norm)

    def step(self) -> bool:
        optimizer, precision = self._optimizer, self._precision
        if optimizer is None or precision is None:
            raise RuntimeError(_INCOMPLETE)
        return precision.step(optimizer)

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        return plain_state(_there(self._model))

    def state(self, kind: Kind = "full") -> State:
        model, optimizer = _there(self._model), self._optimizer
        named = None if optimizer is None else by_name(optimizer.state_dict(), optimizer, model)
        return State(self.weights(kind), named)

    def load_state(self, state: State) -> None:
        model = _there(self._model)
        if state.model is not None:
            bare(model).load_state_dict(as_named_here(model, state.model))
        if state.optimizer is not None:
            optimizer = _there(self._optimizer)
            load_exactly(optimizer, dict(by_number(state.optimizer, optimizer, model)))


def _there(part: Part | None) -> Part:
    if part is None:
        raise RuntimeError(_INCOMPLETE)
    return part
