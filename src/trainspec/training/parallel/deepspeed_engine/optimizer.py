"""The optimizer that steps inside of the engine, as the rest of a run sees it."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


class EngineGroup(MutableMapping[str, Any]):
    """One of its groups, live but for `params`: these are the model's own, where the engine's are slices of them."""

    def __init__(self, group: dict[str, Any], params: list[Tensor]) -> None:
        self._group, self._params = group, params

    def __getitem__(self, key: str) -> Any:
        return self._params if key == "params" else self._group[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key == "params":
            raise KeyError("the parameters of an engine's optimizer are fixed when it is made")
        self._group[key] = value

    def __delitem__(self, key: str) -> None:
        del self._group[key]

    def __iter__(self) -> Iterator[str]:
        return iter({"params": None, **self._group})

    def __len__(self) -> int:
        return len(self._group.keys() | {"params"})


class EngineOptimizer(Optimizer):
    """`inner` is the optimizer that steps; its groups and its state are of flat slices of parameters."""

    def __init__(self, engine: Any, inner: Optimizer, params: list[list[Tensor]]) -> None:
        # torch's own would make groups of its own; this is a view of another's.
        self.engine, self.inner = engine, inner
        self._groups = [EngineGroup(*pair) for pair in zip(inner.param_groups, params, strict=True)]
        self._opt_called = True

    @property
    def param_groups(self) -> Any:  # type: ignore[override]
        return self._groups

    @property
    def state(self) -> Any:  # type: ignore[override]
        return self.inner.state

    @property
    def defaults(self) -> Any:  # type: ignore[override]
        return self.inner.defaults

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.engine.zero_grad()

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.engine.step()

    # torch's schedules look here for whether they were wrapped around it.
    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]

    def state_dict(self) -> dict[str, Any]:
        return self.inner.state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        self.inner.load_state_dict(state_dict)
