"""LOMO and AdaLomo: the backward pass updates the weights, so that no more than one gradient is ever kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load
from trainspec.training.optimizers.exact_state import keep_state_formats
from trainspec.training.optimizers.groups import parameter_groups
from trainspec.training.optimizers.ownership import take

_MOMENTS = ("exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col")


class FusedBackward(Optimizer):
    """`kind` of lomo-optim, once for the parameters that decay and once for the others.

    Call `backward(loss)` instead of `loss.backward()`; it updates with the groups' `lr` and makes `step` a mere mark.
    With `clip_grad_norm` it runs the backward pass twice, first for the norm. Accumulation and loss scaling cannot
    work with it.
    """

    def __init__(self, model: nn.Module, kind: Callable[..., Any], *, weight_decay: float = 0.0, **kwargs: Any) -> None:
        groups = parameter_groups(model, weight_decay)
        self._clip: float | None = kwargs.get("clip_grad_norm")
        self._parts = [kind(_Part(group["params"]), weight_decay=group["weight_decay"], **kwargs) for group in groups]
        super().__init__(groups, {"lr": kwargs["lr"]})
        self._norms: list[Tensor] = []
        self._scale = 1.0
        values = [value for group in groups for value in group["params"]]
        take(values, self)
        self._hooks = [value.register_post_accumulate_grad_hook(self._measure) for value in values]
        keep_state_formats(self)
        self.register_state_dict_post_hook(_save_moments)
        self.register_load_state_dict_post_hook(_load_moments)

    def backward(self, loss: Tensor) -> None:
        """Gradients and update at once. The gradients' norm is kept for `gradient_norm`."""
        # AdaLomo scales the loss up, and its gradients down again.
        self._scale = float(getattr(self._parts[0], "loss_scale", 1.0) or 1.0)
        loss = loss * self._scale if self._scale != 1.0 else loss
        if self._clip is not None:
            self._pass(loss, gather=True)
            factor = (self._clip / (self.gradient_norm() + 1e-6)).clamp(max=1.0)
            for part in self._parts:
                part.clip_coef = factor
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.lr = group["lr"]
            if hasattr(part, "step_num"):
                part.step_num += 1
        self._pass(loss, gather=False)

    def gradient_norm(self) -> Tensor:
        """The global norm of the last backward pass's gradients, before any clipping."""
        if not self._norms:
            return torch.tensor(0.0)
        norm: Tensor = torch.linalg.vector_norm(torch.stack(self._norms))
        return norm / self._scale

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return None if closure is None else closure()

    def detach(self) -> None:
        """Let go of the model: its backward passes update nothing any more."""
        for hook in self._hooks:
            hook.remove()
        for part in self._parts:
            # The library's hooks stay, and find nothing.
            part.model = _Part([])

    def _pass(self, loss: Tensor, *, gather: bool) -> None:
        self._norms.clear()
        for part in self._parts:
            part.gather_norm, part.grad_norms = gather, []
        torch.autograd.backward(loss, retain_graph=gather)
        for part in self._parts:
            # The library handles a gradient when the next one arrives; nothing arrives after the last.
            part.grad_func(None)
            part.gather_norm = False

    def _measure(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            self._norms.append(torch.linalg.vector_norm(parameter.grad))


class _Part:
    """Some parameters, as the only thing that lomo-optim asks of a model; it asks once for every gradient."""

    def __init__(self, values: list[nn.Parameter]) -> None:
        self._named = [(str(number), value) for number, value in enumerate(values)]

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return iter(self._named)

    def parameters(self) -> Iterator[nn.Parameter]:
        return (value for _, value in self._named)


def lomo(request: Request) -> ClassAndKwargs:
    return _recipe(request, "lomo_optim:Lomo")


def adalomo(request: Request) -> ClassAndKwargs:
    return _recipe(request, "lomo_optim:AdaLomo")


def _recipe(request: Request, place: str) -> ClassAndKwargs:
    known = {"model": request.whole_model(), "kind": load(place), "weight_decay": request.args.weight_decay}
    return FusedBackward, {**known, **request.rate, **request.own()}


def _save_moments(optimizer: Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
    """AdaLomo's state, which the library keeps outside of `state`."""
    state = {}
    for part, group in zip(optimizer._parts, state_dict["param_groups"], strict=True):  # type: ignore[attr-defined]
        for number, index in enumerate(group["params"]):
            moments = {
                name: getattr(part, name)[str(number)] for name in _MOMENTS if str(number) in getattr(part, name, {})
            }
            if moments:
                state[index] = {"step": part.step_num, **moments}
    return {**state_dict, "state": state}


def _load_moments(optimizer: Optimizer) -> None:
    for part, group in zip(optimizer._parts, optimizer.param_groups, strict=True):  # type: ignore[attr-defined]
        for number, value in enumerate(group["params"]):
            saved = optimizer.state.pop(value, None)
            if saved:
                part.step_num = saved.pop("step")
                for name, moment in saved.items():
                    getattr(part, name)[str(number)] = moment
