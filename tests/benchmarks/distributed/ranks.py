"""One of the processes that torchrun starts: loops in turn, and what each step took.

ranks.py FILE JOB ROUNDS NAME...   the first process writes FILE: by the loop's name the seconds of each round's steps
"""

from __future__ import annotations

import gc
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch.distributed as dist

from benchmarks.distributed.loops import LOOPS, assert_same_work
from benchmarks.training.jobs import Job, tiny_job, transformer_job
from benchmarks.training.loops import quiet

JOBS = {
    "tiny": lambda: tiny_job(steps=200),
    # Some tens of milliseconds.
    "transformer": lambda: replace(transformer_job(steps=16), batch_size=2),
}
# In which memory and caches are set up.
WARM_UP = 4


def main(file: str, job: str, rounds: str, *names: str) -> None:
    quiet()
    dist.init_process_group("gloo")
    assert_same_work(list(names))
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(int(rounds)):
        for name in names:
            found[name].append(_steps(name, JOBS[job]()))
    if dist.get_rank() == 0:
        Path(file).write_text(json.dumps(found))
    dist.destroy_process_group()


def _steps(name: str, job: Job) -> list[float]:
    gc.collect()
    dist.barrier()
    stamps = LOOPS[name](job).stamps[WARM_UP:]
    return [after - before for before, after in pairwise(stamps)]


if __name__ == "__main__":
    main(*sys.argv[1:])
