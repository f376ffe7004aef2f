"""Updates in the backward pass: each parameter is stepped, and its gradient freed, as soon as the gradient is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from trainspec.training.optimizers.ownership import take


class Layerwise(Optimizer):
    """`inner`, an optimizer, stepping one parameter at a time.

    What is seen from outside is an optimizer with all groups and all state; its step does nothing more, as everything
    is done by then. Neither gradient accumulation, clipping by a global norm nor loss scaling can work with it.
    """

    def __init__(self, params: list[dict[str, Any]], inner: Callable[..., Optimizer], **kwargs: Any) -> None:
        self._inner = inner(params, **kwargs)
        super().__init__(list(self._inner.param_groups), {})
        self.state = self._inner.state
        self._norms: list[Tensor] = []
        self._group_of = {value: number for number, group in enumerate(self.param_groups) for value in group["params"]}
        take(self._group_of, self)
        self._hooks = [value.register_post_accumulate_grad_hook(self._update) for value in self._group_of]

    def gradient_norm(self) -> Tensor:
        """The global norm of the gradients of the last backward pass, which are gone."""
        return torch.linalg.vector_norm(torch.stack(self._norms)) if self._norms else torch.tensor(0.0)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        self._norms.clear()
        return None if closure is None else closure()

    def detach(self) -> None:
        """Let go of the model: its backward passes update nothing any more."""
        for hook in self._hooks:
            hook.remove()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._inner.state = self.state

    @torch.no_grad()
    def _update(self, parameter: Tensor) -> None:
        if parameter.grad is None:
            return
        self._norms.append(torch.linalg.vector_norm(parameter.grad))
        # A copy of the group, so that the schedule's learning rate of this moment counts.
        self._inner.param_groups = [{**self.param_groups[self._group_of[parameter]], "params": [parameter]}]
        self._inner.step()
        parameter.grad = None
