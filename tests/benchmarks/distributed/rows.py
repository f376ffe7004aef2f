"""Two processes against bare loops of the same in the same processes, and how long they take to start."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.processes import TRAINSPEC
from benchmarks.timing import Row, best_process_seconds, environment, run_quietly

HERE = Path(__file__).parent
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")


def step_rows(rounds: int = 12) -> list[Row]:
    """A small transformer. Each round's median step is compared with that of the bare loop next to it."""
    ddp = _seconds("transformer", rounds, "bare DDP", "trainspec DDP")
    fsdp = _seconds("transformer", rounds, "bare FSDP2", "trainspec FSDP2")
    # Apart, for what they leave in a process.
    others = _seconds("transformer", max(2, rounds // 3), "bare DDP", "Fabric", "transformers")
    beside = ", ".join(f"{name} {_ratio(others, name, 'bare DDP'):.2f} x" for name in ("Fabric", "transformers"))
    return [_row("DDP", ddp, f"; {beside}"), _row("FSDP2", fsdp, "")]


def _row(name: str, seconds: dict[str, list[list[float]]], beside: str) -> Row:
    ours, bare = f"trainspec {name}", f"bare {name}"
    return Row(
        f"a step of a small transformer in 2 processes, {name}",
        f"{_typical(seconds[ours]) * 1e3:.1f} ms",
        f"bare loop: {_typical(seconds[bare]) * 1e3:.1f} ms{beside}",
        _ratio(seconds, ours, bare),
        1.02,
    )


def overhead_row(rounds: int = 24) -> Row:
    """Linear 64 x 64, batches of 8: what the loop costs, with the agreements of an update in it.

    An exchange of gradients takes a millisecond, give or take some tenths from one round to the next: each round is
    compared with the one of the bare loop beside it, and the figure is the median of what is between them.
    """
    ours = _seconds("tiny", rounds, "bare DDP", "trainspec DDP")
    others = _seconds("tiny", max(2, rounds // 3), "bare DDP", "Fabric", "transformers")
    over = {name: _over(others, name, "bare DDP") for name in ("Fabric", "transformers")}
    bare, mine = _typical(ours["bare DDP"]), _typical(ours["trainspec DDP"])
    beside = ", ".join(f"{name} {value:+.0f}" for name, value in over.items())
    return Row(
        "overhead of a step in 2 processes, Linear 64 x 64, batch 8",
        f"{mine * 1e6:.0f} µs",
        f"bare DDP: {bare * 1e6:.0f} µs; over it: {beside} µs",
        _over(ours, "trainspec DDP", "bare DDP"),
        60,
        unit="µs",
    )


def start_row(rounds: int = 6) -> Row:
    """From the command to the end of the first update of the digits task, whole processes."""
    with TemporaryDirectory() as folder:
        quick = ("--max_steps", "1", "--save_strategy", "no", "--report_to", "none", "--disable_tqdm", "--use_cpu")
        commands = (
            (TRAINSPEC, "train", "digits", "--nproc", "2", "--output_dir", folder, "--overwrite_output_dir", *quick),
            (*TORCHRUN, str(HERE.parent / "training" / "start_bare.py"), "--shared"),
        )
        ours, bare = best_process_seconds(commands, rounds, {**environment(), "OMP_NUM_THREADS": "1"})
    what = "first step of the digits task in 2 processes, whole command"
    return Row(what, f"{ours:.2f} s", f"torchrun of a bare loop: {bare:.2f} s", ours / bare, 1.2)


def _seconds(job: str, rounds: int, *names: str) -> dict[str, list[list[float]]]:
    """By the loop's name the seconds of the steps of every round, all in the same two processes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "seconds.json"
        run_quietly((*TORCHRUN, str(HERE / "ranks.py"), str(file), job, str(rounds), *names))
        found: dict[str, Any] = json.loads(file.read_text())
    return found


def _typical(rounds: list[list[float]]) -> float:
    return median(median(steps) for steps in rounds)


def _ratio(seconds: dict[str, list[list[float]]], name: str, to: str) -> float:
    return median(median(one) / median(other) for one, other in zip(seconds[name], seconds[to], strict=True))


def _over(seconds: dict[str, list[list[float]]], name: str, to: str) -> float:
    """In microseconds."""
    return median(median(one) - median(other) for one, other in zip(seconds[name], seconds[to], strict=True)) * 1e6
