"""Which parameters decay."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

# RMSNorm and its kin are often written by hand, so the class name counts as well as the type.
_NORMALISATION = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm, _NormBase)


def is_normalisation(module: nn.Module) -> bool:
    return isinstance(module, _NORMALISATION) or type(module).__name__.lower().endswith("norm")


def decay_parameter_names(model: nn.Module) -> list[str]:
    """Names of the parameters that weight decay applies to: no biases, nothing of a normalisation layer."""
    names: list[str] = []
    seen: set[int] = set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            # nn.MultiheadAttention calls one of its biases in_proj_bias.
            if not is_normalisation(module) and name != "bias" and not name.endswith("_bias"):
                names.append(f"{path}.{name}" if path else name)
    return names


def parameter_groups(
    model: nn.Module, weight_decay: float, decaying: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Two groups, decayed (those named, where somebody names them) and not; frozen parameters are in neither."""
    decayed = set(decay_parameter_names(model) if decaying is None else decaying)
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    groups = [
        {"params": [value for name, value in trained if name in decayed], "weight_decay": weight_decay},
        {"params": [value for name, value in trained if name not in decayed], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
