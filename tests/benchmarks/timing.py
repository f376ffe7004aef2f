"""Timing that survives a busy machine: both sides in turn, the best of many rounds, ratios of one run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass
class Row:
    """One line of the table: what was measured, ours, the yardstick, their ratio and the limit it must keep."""

    what: str
    ours: str
    yardstick: str
    figure: float
    limit: float
    at_least: bool = False
    unit: str = "x"

    @property
    def kept(self) -> bool:
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit

    def markdown(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "" if self.kept else " **missed**"
        return (
            f"| {self.what} | {self.ours} | {self.yardstick} | {self.figure:.4g} {self.unit} "
            f"| {sign} {self.limit:g} {self.unit}{verdict} |"
        )


def environment() -> dict[str, str]:
    """This one, with bytecode kept as on any installed system: compiling anew is not what is measured."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", "TRANSFORMERS_VERBOSITY": "error"}


def run_quietly(command: Sequence[str]) -> None:
    """A process that measures by itself; where it fails, what it said is told."""
    done = subprocess.run(command, capture_output=True, text=True, env={**environment(), "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def best_process_seconds(commands: Sequence[Sequence[str]], rounds: int, env: Mapping[str, str]) -> list[float]:
    """Wall seconds of each command as a whole process: the best of `rounds`, the commands taking turns."""
    best = [float("inf")] * len(commands)
    for _ in range(rounds):
        for index, command in enumerate(commands):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=dict(env))
            best[index] = min(best[index], time.perf_counter() - start)
    return best


def best_process_work(commands: Sequence[Sequence[str]], rounds: int, env: Mapping[str, str]) -> list[float]:
    """Processor seconds of each command as a whole process: the best of `rounds`, the commands taking turns.

    For processes that wait for nothing, which take as long by the clock where nobody else uses the machine.
    """
    best = [float("inf")] * len(commands)
    for _ in range(rounds):
        for index, command in enumerate(commands):
            before = os.times()
            subprocess.run(command, check=True, capture_output=True, env=dict(env))
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            best[index] = min(best[index], spent)
    return best


def best_call_seconds(calls: Sequence[Callable[[], object]], repeats: int, rounds: int = 7) -> list[float]:
    """Seconds of one call of each function: the best of `rounds` means over `repeats`, the functions taking turns."""
    best = [float("inf")] * len(calls)
    for call in calls:
        call()
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            best[index] = min(best[index], (time.perf_counter() - start) / repeats)
    return best


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms"


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"
