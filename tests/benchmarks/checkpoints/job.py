"""What is saved: 50 million parameters and what AdamW keeps of each, 604 MB in all, and what tells how that went."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import Dataset

LAYERS, WIDTH = 12, 2048
SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": 1,
    "learning_rate": 1e-4,
    "lr_scheduler_type": "constant",
    "optim": "adamw_torch_fused",
    "save_strategy": "steps",
    # Every other update, so that there is one without a save to wait in for what is still on its way.
    "save_steps": 2,
    "logging_steps": 1000,
    "report_to": "none",
    "disable_tqdm": True,
    "log_level": "error",
    "use_cpu": True,
    "dataloader_pin_memory": False,
}


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WIDTH)

    def forward(self, values: Tensor) -> Tensor:
        return self.layer(values).tanh()


class Wide(nn.Module):
    """Large, and quick to train: a batch is one row."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": (self.blocks(inputs).mean() - labels.mean()).square()}


class OneRow(Dataset[dict[str, Tensor]]):
    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"inputs": torch.ones(WIDTH), "labels": torch.zeros(1)}


def tensors_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Tensor]]:
    """By the name of a file what is in it: the same bytes as in a checkpoint, in as many files."""
    moments = {
        f"{number}.{name}": value
        for number, state in enumerate(optimizer.state.values())
        for name, value in state.items()
    }
    return {"model.safetensors": dict(model.state_dict()), "optimizer.safetensors": moments}


def seconds_of_plain_save(folder: Path, tensors: dict[str, dict[str, Tensor]]) -> float:
    """What safetensors takes to write them, each file and the folder safe on the disk at the end."""
    folder.mkdir()
    os.sync()
    start = time.perf_counter()
    for name, content in tensors.items():
        save_file(content, folder / name)
        sync(folder / name)
    sync(folder)
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def seconds_of_copy(tensors: dict[str, dict[str, Tensor]], buffers: list[Tensor]) -> float:
    """What it takes to copy them into memory that is there already; `buffers` is filled by the first call."""
    wanted = [value for content in tensors.values() for value in content.values()]
    if not buffers:
        buffers.extend(torch.empty_like(value).copy_(value) for value in wanted)
    start = time.perf_counter()
    for buffer, value in zip(buffers, wanted, strict=True):
        buffer.copy_(value)
    return time.perf_counter() - start


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Peak:
    """By how much the memory of this process rises, in MiB, from now on. Linux tells the peak of a moment."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = self._of("VmRSS")

    def __call__(self) -> float:
        return self._of("VmHWM") - self._before

    def _of(self, name: str) -> float:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(lines[name].split()[0]) / 1024


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for it. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("a checkpoint was never finished")
        time.sleep(0.05)
