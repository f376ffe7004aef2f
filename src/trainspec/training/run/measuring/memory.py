"""How much memory each stage of a run takes, and handing back what a device keeps for later.

For every stage there are two figures, in bytes: `alloc_delta`, what is held at its end more than at its start, and
`peaked_delta`, how far it was above its end in between. A stage within another counts as a part of it.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_SAMPLE_SECONDS = 0.005
_OUTER = ("init", "train")


def empty_cache(device: torch.device) -> None:
    """Give unused device memory back to the device. The CPU keeps none that torch could give back."""
    if device.type != "cpu":
        torch.accelerator.empty_cache()


class Gauge(Protocol):
    """Reads one kind of memory, in bytes."""

    def start(self) -> int:
        """What is held now; the peak is counted from here."""

    def stop(self) -> tuple[int, int | None]:
        """What is held now, and the peak since the start where it is known."""


class KernelGauge:
    """The resident memory of this process, with the peak that Linux itself keeps: exact, and free of cost."""

    @staticmethod
    def works() -> bool:
        return os.access(_CLEAR, os.W_OK) and "VmHWM" in _STATUS.read_text()

    def start(self) -> int:
        _CLEAR.write_text("5")
        return self._read("VmRSS")

    def stop(self) -> tuple[int, int]:
        return self._read("VmRSS"), self._read("VmHWM")

    def _read(self, name: str) -> int:
        line = re.search(rf"^{name}:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        return int(line[1]) * 1024 if line else 0


class SamplingGauge:
    """The resident memory of this process through psutil; a thread looks for the peak, and may miss a short one."""

    def __init__(self) -> None:
        self._process = import_module("psutil").Process()
        self._done = threading.Event()
        self._peak = 0

    def start(self) -> int:
        self._peak = held = self._held()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(self._done,), daemon=True)
        self._thread.start()
        return held

    def stop(self) -> tuple[int, int]:
        self._done.set()
        self._thread.join()
        held = self._held()
        return held, max(self._peak, held)

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, self._held())

    def _held(self) -> int:
        return int(self._process.memory_info().rss)


class DeviceGauge:
    """What torch holds on the accelerator."""

    def start(self) -> int:
        torch.accelerator.empty_cache()
        torch.accelerator.reset_peak_memory_stats()
        return int(torch.accelerator.memory_allocated())

    def stop(self) -> tuple[int, int]:
        torch.accelerator.empty_cache()
        return int(torch.accelerator.memory_allocated()), int(torch.accelerator.max_memory_allocated())


class AppleGauge:
    """What torch holds on Apple's GPU, of which it keeps no peak."""

    def start(self) -> int:
        torch.mps.empty_cache()
        return int(torch.mps.current_allocated_memory())

    def stop(self) -> tuple[int, None]:
        return self.start(), None


class MemoryTracker:
    """Stages `init`, `train`, `eval` and `test`, put into metrics under the names known from transformers."""

    def __init__(self, skip: bool, device: torch.device) -> None:
        self._gauges: dict[str, Gauge] = {} if skip else _gauges(device)
        self._stage: str | None = None
        self._begin: dict[str, int] = {}
        self._pending: dict[str, int] = {}

    def start(self, stage: str) -> None:
        """A stage begins. Within training, or within the making of the Trainer, it is a part of that."""
        if not self._gauges or (self._stage in _OUTER and self._stage != stage):
            return
        # Whatever else is still open has ended in an error.
        self.abandon()
        self._stage = stage
        gc.collect()
        self._begin = {kind: gauge.start() for kind, gauge in self._gauges.items()}

    def stop(self, stage: str, metrics: MutableMapping[str, Any] | None = None) -> None:
        """The stage is over. Without metrics, its figures go into those of the stage that ends next."""
        if self._stage is None or self._stage != stage:
            return
        self._stage = None
        gc.collect()
        for kind, gauge in self._gauges.items():
            held, peak = gauge.stop()
            self._pending[f"{stage}_mem_{kind}_alloc_delta"] = held - self._begin[kind]
            if peak is not None:
                self._pending[f"{stage}_mem_{kind}_peaked_delta"] = max(0, peak - held)
            if stage == "init":
                self._pending[f"before_init_mem_{kind}"] = self._begin[kind]
        if metrics is not None:
            metrics.update(self._pending)
            self._pending = {}

    def abandon(self) -> None:
        """The stage that runs ended in an error; nothing is told of it."""
        if self._stage is not None:
            self._stage = None
            for gauge in self._gauges.values():
                gauge.stop()


def _gauges(device: torch.device) -> dict[str, Gauge]:
    gauges: dict[str, Gauge] = {}
    if KernelGauge.works():
        gauges["cpu"] = KernelGauge()
    elif find_spec("psutil") is not None:
        gauges["cpu"] = SamplingGauge()
    if device.type != "cpu":
        gauges["gpu"] = AppleGauge() if device.type == "mps" else DeviceGauge()
    return gauges


def find_unmeasurable_memory(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not args.skip_memory_metrics and not KernelGauge.works() and find_spec("psutil") is None:
        yield found(
            args,
            "RUN170",
            f"on this system ({sys.platform}) memory is measured through psutil, which is not installed",
            "skip_memory_metrics",
            remedy="pip install psutil, or leave skip_memory_metrics out",
        )


def find_no_cache(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    # Under use_cpu the settings say it already.
    if args.torch_empty_cache_steps is not None and machine.device.type == "cpu" and not args.use_cpu:
        yield found(
            args,
            "RUN169",
            "this run computes on the CPU, where there is no device cache to empty",
            "torch_empty_cache_steps",
            remedy="nothing has to be done; leave it out to make this notice go away",
            severity="warning",
        )
