"""torch's own optimizers, in the fastest form that devices, number formats and gradients allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.optimizers.entry import ClassAndKwargs, Request, load

if TYPE_CHECKING:
    from torch import Tensor, nn

_ADAMW_FUSES_ON = ("cpu", "cuda", "mps", "xpu")
FUSES_ON: dict[str, tuple[str, ...]] = {
    "adamw_torch": _ADAMW_FUSES_ON,
    "adamw_torch_fused": _ADAMW_FUSES_ON,
    "adamw_apex_fused": _ADAMW_FUSES_ON,
    "sgd": _ADAMW_FUSES_ON,
    "adagrad": ("cpu",),
}


def fused_works(parameters: Iterable[Tensor], devices: Collection[str] = _ADAMW_FUSES_ON) -> bool:
    return all(value.device.type in devices and value.is_floating_point() for value in parameters)


def adamw(request: Request) -> ClassAndKwargs:
    return torch.optim.AdamW, {**request.adam, **_form(request, request.own())}


def adamw_fused(request: Request) -> ClassAndKwargs:
    return torch.optim.AdamW, {**request.adam, **request.own(), "fused": True}


def sgd(request: Request) -> ClassAndKwargs:
    return torch.optim.SGD, {**request.rate, **_form(request, request.own())}


def adagrad(request: Request) -> ClassAndKwargs:
    return torch.optim.Adagrad, {**request.rate, **_form(request, request.own())}


def rmsprop(request: Request) -> ClassAndKwargs:
    return torch.optim.RMSprop, {**request.rate, "foreach": True, **request.own()}


def adamw_xla(request: Request) -> ClassAndKwargs:
    return load("torch_xla.amp.syncfree:AdamW"), {**request.adam, **_said(request)}


def adamw_npu(request: Request) -> ClassAndKwargs:
    return load("torch_npu.optim:NpuFusedAdamW"), {**request.adam, **_said(request)}


def _said(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = request.arguments.model_dump(exclude_unset=True)
    return values


def _form(request: Request, own: dict[str, Any]) -> dict[str, Any]:
    """`own`, with fused or foreach filled in where neither is said and the parameters are known."""
    if "fused" in own or "foreach" in own or request.model is None or own.get("differentiable"):
        return own
    trained = [value for value in request.model.parameters() if value.requires_grad]
    fused = fused_works(trained, FUSES_ON[request.args.optim]) and not _has_sparse_gradients(request.model)
    return {**own, "fused": fused, "foreach": not fused}


def _has_sparse_gradients(model: nn.Module) -> bool:
    return any(getattr(module, "sparse", False) is True for module in model.modules())
