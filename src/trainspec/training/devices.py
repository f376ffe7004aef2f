"""How data gets to a device, and what devices can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def to_device(value: Any, device: torch.device, *, non_blocking: bool = False) -> Any:
    """The same nest of tuples, lists and mappings with every tensor on the device."""
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=non_blocking)
    if isinstance(value, Mapping):
        return {key: to_device(entry, device, non_blocking=non_blocking) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(to_device(entry, device, non_blocking=non_blocking) for entry in value)
    return value


def supports_bf16(device: torch.device) -> bool:
    return device.type != "cuda" or bool(torch.cuda.is_bf16_supported())


def supports_tf32(device: torch.device) -> bool:
    """Other devices than NVIDIA's take the setting, and compute in float32 where they have nothing less."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 0)
