"""Seconds of one training step: what a loop adds to a tiny model, and how much that is of a small transformer."""

from __future__ import annotations

import gc
from operator import truediv
from statistics import fmean, median

from benchmarks.timing import Row
from benchmarks.training.jobs import Job, tiny_job, transformer_job
from benchmarks.training.loops import LOOPS, assert_same_work, quiet
from benchmarks.training.turns import seconds_in_turn


def overhead_row(rounds: int = 10) -> Row:
    """Linear 64 x 64, batches of 8: nothing to compute, so the difference to the bare loop is the loop's own cost."""
    assert_same_work()
    steps = seconds_per_step(tiny_job(steps=640), rounds, period=64)
    over = {name: (seconds - steps["bare"]) * 1e6 for name, seconds in steps.items()}
    others = ", ".join(f"{name} +{over[name]:.0f}" for name in LOOPS if name not in ("bare", "trainspec"))
    return Row(
        "overhead of a step, Linear 64 x 64, batch 8",
        f"{steps['trainspec'] * 1e6:.0f} µs",
        f"bare loop: {steps['bare'] * 1e6:.0f} µs; over it: {others} µs",
        over["trainspec"],
        60,
        unit="µs",
    )


def transformer_row(rounds: int = 14) -> Row:
    """4 layers, width 256, 16 x 64 tokens a batch: the median ratio of steps that took place next to each other.

    A bare loop next to a bare loop differs by 2 % in a round, as memory happens to lie: hence many rounds for ours.
    """
    quiet()
    job = transformer_job(steps=8)
    (ours,), bare = _times_bare(job, ("trainspec",), rounds)
    (fabric, accelerate), _ = _times_bare(job, ("Fabric", "Accelerate"), rounds // 4)
    # Apart from Accelerate, whose one global state it makes anew.
    (transformers,), _ = _times_bare(job, ("transformers",), rounds // 4)
    return Row(
        "a step of a small transformer",
        f"{ours * bare * 1e3:.1f} ms",
        f"bare loop: {bare * 1e3:.1f} ms; Fabric {fabric:.2f} x, Accelerate {accelerate:.2f} x, "
        f"transformers {transformers:.2f} x",
        ours,
        1.01,
    )


def _times_bare(job: Job, names: tuple[str, ...], rounds: int) -> tuple[list[float], float]:
    """The median ratio of each loop's steps to the bare ones next to them, and the median seconds of those."""
    ratios: dict[str, list[float]] = {name: [] for name in names}
    bare: list[float] = []
    for _ in range(rounds):
        seconds = seconds_in_turn(job, {name: LOOPS[name] for name in ("bare", *names)})
        # Without the first steps, in which memory and caches are set up.
        bare += seconds["bare"][2:]
        for name in names:
            ratios[name] += map(truediv, seconds[name][2:], seconds["bare"][2:])
    return [median(values) for values in ratios.values()], median(bare)


def seconds_per_step(job: Job, rounds: int, period: int) -> dict[str, float]:
    """Of each loop, the loops taking turns: the mean over `period` steps in a row, each timed many times.

    What a loop does every so many steps counts, if that number divides `period`. Of the times of one place in the
    period the quickest fifth are used, as others use the machine too.
    """
    quiet()
    places: dict[str, list[list[float]]] = {name: [[] for _ in range(period)] for name in LOOPS}
    for _ in range(rounds):
        for name, loop in LOOPS.items():
            gc.collect()
            stamps = loop(job).stamps
            # Without the first steps, in which memory and caches are set up.
            for step in range(max(2, period), len(stamps)):
                places[name][step % period].append(stamps[step] - stamps[step - 1])
    return {name: fmean(map(_quick_mean, times)) for name, times in places.items()}


def _quick_mean(values: list[float]) -> float:
    return fmean(sorted(values)[: max(1, len(values) // 5)])
