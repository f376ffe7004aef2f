"""Adafactor, for plain and for sharded (DTensor) parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from trainspec.training.optimizers.entry import ClassAndKwargs, Request
from trainspec.training.optimizers.exact_state import keep_state_formats


class Adafactor(Optimizer):
    """Adam's second moments, kept for a matrix as one number per row and one per column.

    After Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018), algorithms 4 to 6.
    Update number t of a gradient G, with `beta = 1 - t ** decay_rate` and means over the last dimension (rows) or the
    one before (columns); a parameter of fewer than two dimensions keeps all its second moments V:

        R = beta R + (1 - beta) mean(G**2 + eps[0], columns)        C likewise over rows
        U = G / sqrt(R C / mean(R))                                 or G / sqrt(V)
        U = U / max(1, rms(U) / clip_threshold)
        P = P - rate (U + weight_decay P)

    `rate` is the group's lr. With `relative_step` it is min(0.01, 1 / sqrt(t)) instead, or min(1e-6 t, 1 / sqrt(t))
    with `warmup_init`; with `scale_parameter` it is multiplied by max(eps[1], rms(P)). With `beta1` the rate times U is
    averaged over updates before it is subtracted. Everything is computed and kept in float32 at least, whatever the
    parameter is in, and nothing waits for the device. Raises RuntimeError for sparse gradients.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = False,
        relative_step: bool = False,
        warmup_init: bool = False,
    ) -> None:
        if warmup_init and not relative_step:
            raise ValueError("warmup_init shapes the rate of relative_step, which is off")
        defaults = {
            "lr": lr,
            "eps": eps,
            "clip_threshold": clip_threshold,
            "decay_rate": decay_rate,
            "beta1": beta1,
            "weight_decay": weight_decay,
            "scale_parameter": scale_parameter,
            "relative_step": relative_step,
            "warmup_init": warmup_init,
        }
        super().__init__(params, defaults)
        keep_state_formats(self)

    def learning_rate(self) -> float:
        """The rate of the next update, before it is scaled by a parameter's size."""
        group = self.param_groups[0]
        updates = max((self.state[value]["step"] for value in group["params"] if value in self.state), default=0)
        return _rate(group, updates + 1)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    _update(parameter, parameter.grad, self.state[parameter], group)
        return loss


def adafactor(request: Request) -> ClassAndKwargs:
    return Adafactor, {**request.rate, **request.own()}


def _rate(group: dict[str, Any], update: int) -> float:
    if not group["relative_step"]:
        return float(group["lr"])
    highest = 1e-6 * update if group["warmup_init"] else 1e-2
    return min(highest, 1 / math.sqrt(update))


def _update(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if gradient.is_sparse:
        raise RuntimeError("Adafactor takes no sparse gradients")
    gradient = _precise(gradient)
    state["step"] = state.get("step", 0) + 1
    direction = _direction(gradient, state, group)
    excess = _root_mean_square(direction) / group["clip_threshold"]
    rate: Any = _rate(group, state["step"])
    value = _precise(parameter)
    if group["scale_parameter"]:
        rate = rate * _root_mean_square(value).clamp(min=group["eps"][1])
    direction.mul_(rate / excess.clamp(min=1.0))
    if group["beta1"] is not None:
        if "exp_avg" not in state:
            state["exp_avg"] = torch.zeros_like(direction)
        direction = state["exp_avg"].lerp_(direction, 1 - group["beta1"])
    change = direction if not group["weight_decay"] else direction + value * (rate * group["weight_decay"])
    if value is parameter:
        parameter.sub_(change)
    else:
        parameter.copy_(value - change)


def _direction(gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    squares = gradient.square().add_(group["eps"][0])
    new_share = state["step"] ** group["decay_rate"]
    if gradient.ndim < 2:
        return gradient * _average(state, "exp_avg_sq", squares, new_share).rsqrt()
    rows = _average(state, "exp_avg_sq_row", squares.mean(dim=-1), new_share)
    columns = _average(state, "exp_avg_sq_col", squares.mean(dim=-2), new_share)
    by_row = (rows / rows.mean(dim=-1, keepdim=True)).rsqrt_().unsqueeze(-1)
    return (gradient * by_row).mul_(columns.rsqrt().unsqueeze(-2))


def _average(state: dict[str, Any], name: str, value: Tensor, new_share: float) -> Tensor:
    if name not in state:
        state[name] = torch.zeros_like(value)
    average: Tensor = state[name].lerp_(value, new_share)
    return average


def _root_mean_square(value: Tensor) -> Tensor:
    return value.square().mean().sqrt()


def _precise(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
