"""Memory figures: how much a stage keeps, how far it went above that, and under which names."""

import mmap
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from trainspec import TrainingArguments
from trainspec.training.findings.facts import Job, Machine
from trainspec.training.run.measuring import memory
from trainspec.training.run.measuring.memory import (
    DeviceGauge,
    KernelGauge,
    MemoryTracker,
    SamplingGauge,
    empty_cache,
    find_no_cache,
    find_unmeasurable_memory,
)

Arguments = Callable[..., TrainingArguments]
CPU = torch.device("cpu")
MIB = 2**20
GAUGES: list[Any] = [
    pytest.param(KernelGauge, marks=pytest.mark.skipif(not KernelGauge.works(), reason="Linux only")),
    SamplingGauge,
]


def _hold(mib: int) -> torch.Tensor:
    """Pages that are new to the process: malloc may have some left over, which no gauge sees come."""
    return torch.frombuffer(mmap.mmap(-1, mib * MIB), dtype=torch.float32).fill_(1)


@pytest.mark.parametrize("kind", GAUGES)
def test_what_is_kept_and_what_was_above_it(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr(memory, "_gauges", lambda device: {"cpu": kind()})
    tracker = MemoryTracker(skip=False, device=CPU)
    metrics: dict[str, Any] = {}
    tracker.start("train")
    kept = _hold(64)
    for _ in range(8):
        # Long enough for a sample of it.
        _hold(160).exp_()
    tracker.stop("train", metrics)
    assert 56 * MIB < metrics["train_mem_cpu_alloc_delta"] < 100 * MIB
    assert 120 * MIB < metrics["train_mem_cpu_peaked_delta"] < 200 * MIB
    del kept


class Steps:
    """A gauge that reads off a list: (held at start, held at stop, peak) for each stage."""

    def __init__(self, *stages: tuple[int, int, int | None]) -> None:
        self.stages = list(stages)
        self.starts = self.stops = 0

    def start(self) -> int:
        self.starts += 1
        return self.stages[0][0]

    def stop(self) -> tuple[int, int | None]:
        self.stops += 1
        return self.stages.pop(0)[1:]


def _tracker(monkeypatch: pytest.MonkeyPatch, **gauges: Steps) -> MemoryTracker:
    monkeypatch.setattr(memory, "_gauges", lambda device: gauges)
    return MemoryTracker(skip=False, device=CPU)


def test_names_are_those_people_know(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = _tracker(monkeypatch, cpu=Steps((10, 12, 20), (12, 11, 11)), gpu=Steps((1, 2, 2), (2, 5, 9)))
    metrics: dict[str, Any] = {"train_loss": 1.0}
    tracker.start("init")
    tracker.stop("init")
    tracker.start("train")
    tracker.stop("train", metrics)
    assert metrics == {
        "train_loss": 1.0,
        "before_init_mem_cpu": 10,
        "before_init_mem_gpu": 1,
        "init_mem_cpu_alloc_delta": 2,
        "init_mem_cpu_peaked_delta": 8,
        "init_mem_gpu_alloc_delta": 1,
        "init_mem_gpu_peaked_delta": 0,
        "train_mem_cpu_alloc_delta": -1,
        "train_mem_cpu_peaked_delta": 0,
        "train_mem_gpu_alloc_delta": 3,
        "train_mem_gpu_peaked_delta": 4,
    }


def test_a_stage_within_another_is_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = Steps((0, 5, 9), (5, 6, 6))
    tracker = _tracker(monkeypatch, cpu=gauge)
    inner: dict[str, Any] = {}
    outer: dict[str, Any] = {}
    tracker.start("train")
    tracker.start("eval")
    tracker.stop("eval", inner)
    tracker.stop("train", outer)
    assert inner == {} and outer == {"train_mem_cpu_alloc_delta": 5, "train_mem_cpu_peaked_delta": 4}
    tracker.start("eval")
    tracker.stop("eval", inner)
    assert inner == {"eval_mem_cpu_alloc_delta": 1, "eval_mem_cpu_peaked_delta": 0}


def test_a_peak_nobody_knows_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics: dict[str, Any] = {}
    tracker = _tracker(monkeypatch, gpu=Steps((0, 5, None)))
    tracker.start("test")
    tracker.stop("test", metrics)
    assert metrics == {"test_mem_gpu_alloc_delta": 5}


def test_an_abandoned_stage_leaves_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    gauge = Steps((0, 5, 9), (5, 6, 6))
    tracker = _tracker(monkeypatch, cpu=gauge)
    metrics: dict[str, Any] = {}
    tracker.start("train")
    tracker.abandon()
    tracker.abandon()
    tracker.stop("train", metrics)
    tracker.start("eval")
    tracker.stop("eval", metrics)
    assert metrics == {"eval_mem_cpu_alloc_delta": 1, "eval_mem_cpu_peaked_delta": 0} and gauge.stops == 2


def test_a_stage_that_broke_off_does_not_hide_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    tracker = _tracker(monkeypatch, cpu=Steps((0, 5, 9), (5, 6, 6)))
    metrics: dict[str, Any] = {}
    tracker.start("eval")
    tracker.start("train")
    tracker.stop("train", metrics)
    assert metrics == {"train_mem_cpu_alloc_delta": 1, "train_mem_cpu_peaked_delta": 0}


def test_a_tracker_that_skips_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(memory, "_gauges", refuse)
    monkeypatch.setattr("gc.collect", refuse)
    tracker = MemoryTracker(skip=True, device=CPU)
    metrics: dict[str, Any] = {}
    tracker.start("train")
    tracker.stop("train", metrics)
    tracker.abandon()
    assert metrics == {}


def test_a_device_is_read_through_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fake(name: str, value: int | None) -> Callable[[], int | None]:
        def call() -> int | None:
            calls.append(name)
            return value

        return call

    for name, value in {
        "empty_cache": None,
        "reset_peak_memory_stats": None,
        "memory_allocated": 3,
        "max_memory_allocated": 8,
    }.items():
        monkeypatch.setattr(torch.accelerator, name, fake(name, value))
    gauge = DeviceGauge()
    assert gauge.start() == 3 and gauge.stop() == (3, 8)
    assert calls[:2] == ["empty_cache", "reset_peak_memory_stats"]
    calls.clear()
    empty_cache(torch.device("cuda"))
    empty_cache(CPU)
    assert calls == ["empty_cache"]


def _codes(find: Any, args: TrainingArguments, device: str = "cpu") -> list[str]:
    machine = Machine(torch.device(device), world_size=1, bf16=True, tf32=True)
    return [item.code for item in find(args, machine, Job(nn.Linear(1, 1), None, None, None))]


def test_figures_that_nobody_can_read_are_found(arguments: Arguments, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = arguments(skip_memory_metrics=False)
    assert _codes(find_unmeasurable_memory, wanted) == []
    monkeypatch.setattr(memory, "_CLEAR", memory.Path("/no/such/file"))
    assert _codes(find_unmeasurable_memory, wanted) == []
    monkeypatch.setattr(memory, "find_spec", lambda name: None)
    assert _codes(find_unmeasurable_memory, wanted) == ["RUN170"]
    assert _codes(find_unmeasurable_memory, arguments()) == []
    assert memory._gauges(CPU) == {}


@pytest.mark.parametrize(
    "settings, device, codes",
    [
        ({"torch_empty_cache_steps": 2, "use_cpu": False}, "cpu", ["RUN169"]),
        ({"torch_empty_cache_steps": 2, "use_cpu": False}, "cuda", []),
        ({"use_cpu": False}, "cpu", []),
    ],
    ids=["no-accelerator", "accelerator", "not-asked"],
)
def test_a_cache_that_is_not_there_is_mentioned(
    arguments: Arguments, settings: dict[str, Any], device: str, codes: list[str]
) -> None:
    assert _codes(find_no_cache, arguments(**settings), device) == codes
