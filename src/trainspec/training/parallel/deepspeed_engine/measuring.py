"""The global norm of gradients, asked before the step in which the engine would measure it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from trainspec.training.parallel.deepspeed_engine.library import part

# The method by which an optimizer of ZeRO's measures: of stage 3, and of 1 and 2. All processes must come to it.
_METHODS = ("_get_norm_groups", "scaled_global_norm")


def measured(engine: Any) -> Tensor:
    """In true size, the same on every process; infinite where it is no number. The engine's step then uses it too."""
    optimizer, utilities = engine.optimizer, part("runtime.utils")
    method = next((name for name in _METHODS if hasattr(optimizer, name)), None)
    found: Any
    if method is not None:
        found = getattr(optimizer, method)()
        # Measuring is a collective, and once an update is enough.
        setattr(optimizer, method, lambda *_, **__: found)
        found_norm = utilities.combine_grad_norm_groups(found) if method == _METHODS[0] else found
    elif hasattr(optimizer, "get_grads_for_norm"):
        found_norm = utilities.get_global_norm_of_tensors(input_tensors=optimizer.get_grads_for_norm()[0])
    else:
        gradients = [value.grad.float() for value in engine.module.parameters() if value.grad is not None]
        found_norm = nn.utils.get_total_norm(gradients)
    norm = torch.as_tensor(found_norm, dtype=torch.float32, device=engine.device).detach() / scale_of(engine)
    # What is no number is told as -1.
    return torch.where(torch.isfinite(norm) & (norm >= 0), norm, torch.inf)


def forget(engine: Any) -> None:
    """The next update measures anew."""
    for name in _METHODS:
        vars(engine.optimizer).pop(name, None)


def scaling_of(engine: Any) -> Any:
    """What knows by how much losses are multiplied, as `cur_scale`; None where they are not."""
    if not engine.fp16_enabled():
        return None
    optimizer = engine.optimizer
    return getattr(optimizer, "loss_scaler", None) or optimizer.loss_scale_config


def scale_of(engine: Any) -> float:
    found = scaling_of(engine)
    return 1.0 if found is None else float(found.cur_scale)
