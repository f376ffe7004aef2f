"""A strategy for tests: the model whole in every process, of the optimizer's state the rows that fall to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from trainspec.training.model.names import plain_parameters
from trainspec.training.parallel.contact.arriving import Later, arrived, mapped
from trainspec.training.parallel.ddp import DataParallelProcesses
from trainspec.training.parallel.strategy import Kind, State
from trainspec.training.trainer import Trainer, trainer


class Dealt(DataParallelProcesses):
    loads_from_main = True

    def layout(self) -> dict[str, Any]:
        return {"strategy": "dealt", "world_size": self.processes.world_size, "rows": self._rows()}

    def pieces(self) -> dict[str, Any]:
        found = {}
        for name, value in plain_parameters(self._model):
            start, end = self._share(value.shape[0])
            local = [end - start, *value.shape[1:]]
            found[name] = {
                "shape": list(value.shape),
                "offset": [start] + [0] * (value.dim() - 1),
                "local_shape": local,
            }
        return found

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        whole = super().weights()
        return whole if self.processes.is_main else {}

    def state(self, kind: Kind = "full") -> State:
        assert kind == "sharded", "whoever asks knows that it is dealt out"
        state = super().state().optimizer
        assert state is not None
        pieces = {name: {key: self._own(part) for key, part in entry.items()} for name, entry in state["state"].items()}
        return State({}, {**state, "state": pieces})

    def load_state(self, state: State) -> None:
        if state.model is not None:
            assert bool(state.model) is self.processes.is_main, "the others are sent what they need"
            names = self.processes.broadcast(sorted(state.model))
            super().load_state(State({name: self.processes.broadcast(state.model.get(name)) for name in names}))
        if state.optimizer is not None:
            later: list[Any] = []
            mapped(state.optimizer, lambda _, value: later.append(value) if isinstance(value, Later) else None)
            if later:
                # Of another layout: it comes whole.
                super().load_state(State(optimizer=arrived(state.optimizer, self.processes, lambda _, value: value)))
                return
            whole = {name: self._joined(entry) for name, entry in state.optimizer["state"].items()}
            super().load_state(State(optimizer={**state.optimizer, "state": whole}))

    def _rows(self) -> int:
        return 1

    def _share(self, rows: int) -> tuple[int, int]:
        rank, size = self.processes.rank, self.processes.world_size
        return rows * rank // size, rows * (rank + 1) // size

    def _own(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.dim():
            return value
        start, end = self._share(value.shape[0])
        return value[start:end].clone()

    def _joined(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: self.processes.gather(part, part.shape[0]) if isinstance(part, Tensor) and part.dim() else part
            for key, part in entry.items()
        }


class OtherRows(Dealt):
    def _rows(self) -> int:
        return 2


class OtherPieces(Dealt):
    def _share(self, rows: int) -> tuple[int, int]:
        rank, size = size_and_rank = self.processes.rank, self.processes.world_size
        return rows * (size - 1 - rank) // size, rows * (size - rank) // size if size_and_rank else 0


def deal(kind: type[Dealt] = Dealt) -> type[Trainer]:
    """In this process every Trainer made from now on deals the optimizer's state out."""
    trainer.choose_strategy = lambda processes, args=None: kind(processes, args)
    return Trainer
