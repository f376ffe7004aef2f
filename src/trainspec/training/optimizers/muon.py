"""Muon for the matrices of hidden layers and AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from trainspec.training.optimizers.entry import ClassAndKwargs, Request
from trainspec.training.optimizers.groups import parameter_groups
from trainspec.training.optimizers.torch_built_in import fused_works


class MuonAndAdamW(Optimizer):
    """torch.optim.Muon steps the groups with `use_muon`, torch.optim.AdamW the others; all have the same `lr`.

    Groups and state are one list and one mapping, which both parts share: schedules, loss scaling and checkpoints see
    a single optimizer.
    """

    def __init__(self, params: list[dict[str, Any]], muon: dict[str, Any], adamw: dict[str, Any]) -> None:
        matrices = [group for group in params if group["use_muon"]]
        others = [group for group in params if not group["use_muon"]]
        self._parts: list[Optimizer] = []
        if matrices:
            self._parts.append(torch.optim.Muon(matrices, **muon))
        if others:
            self._parts.append(torch.optim.AdamW(others, **adamw))
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        for part in self._parts:
            is_muon = isinstance(part, torch.optim.Muon)
            part.state = self.state
            part.param_groups = [group for group in self.param_groups if group["use_muon"] is is_muon]


def muon(request: Request) -> ClassAndKwargs:
    """Needs the model: what a matrix is for cannot be seen from its values."""
    model = request.whole_model()
    matrices = {id(value) for value in hidden_matrices(model)}
    groups = []
    for group in parameter_groups(model, request.args.weight_decay):
        for use_muon in (True, False):
            chosen = [value for value in group["params"] if (id(value) in matrices) is use_muon]
            if chosen:
                groups.append({**group, "params": chosen, "use_muon": use_muon})
    others = [value for group in groups if not group["use_muon"] for value in group["params"]]
    fused = fused_works(others)
    adamw = {**request.adam, "fused": fused, "foreach": not fused}
    return MuonAndAdamW, {"params": groups, "muon": {**request.rate, **request.own()}, "adamw": adamw}


def hidden_matrices(model: nn.Module) -> list[Tensor]:
    """Two-dimensional parameters other than embeddings and the output layer, where the model names that.

    The output layer is what `get_output_embeddings()` gives, as Hugging Face models do; a plain module has no way to
    say so, and its last layer counts as hidden.
    """
    outer = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    outer |= {id(value) for value in _output_parameters(model)}
    return [value for value in model.parameters() if value.ndim == 2 and id(value) not in outer]


def _output_parameters(model: nn.Module) -> list[Tensor]:
    ask = getattr(model, "get_output_embeddings", None)
    try:
        layer = ask() if callable(ask) else None
    except (AttributeError, NotImplementedError):
        layer = None
    return list(layer.parameters()) if isinstance(layer, nn.Module) else []
