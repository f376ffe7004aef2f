"""How data gets to a device, and what devices can do."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def supports_bf16(device: torch.device) -> bool:
    return device.type != "cuda" or bool(torch.cuda.is_bf16_supported())


def supports_tf32(device: torch.device) -> bool:
    """Other devices than NVIDIA's take the setting, and compute in float32 where they have nothing less."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 0)


def find_missing_tpu(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Settings about TPUs, where there is none that torch can reach."""
    asked = ["tpu_num_cores"] if args.tpu_num_cores is not None else []
    asked += ["debug"] if "tpu_metrics_debug" in args.debug else []
    if not asked or machine.device.type == "xla":
        return
    missing = find_spec("torch_xla") is None
    yield found(
        args,
        "RUN168",
        f"{' and '.join(asked)}: "
        + ("torch_xla is not installed" if missing else f"this run computes on {machine.device.type}, not on a TPU"),
        *asked,
        remedy=f"leave {' and '.join(asked)} out" + (", or pip install torch_xla on a TPU host" if missing else ""),
    )
