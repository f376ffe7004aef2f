"""`batch_eval_metrics`: what an evaluation holds must not grow with the rows it has seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.timing import Row, environment

ROWS = (20_000, 200_000)
PREDICTING = str(Path(__file__).with_name("evaluate_by_batch.py"))


def metric_memory_row() -> Row:
    """Peak memory of two processes that evaluate few rows and many; the rows are made when asked for, not held."""
    few, many = (_peak_megabytes(rows) for rows in ROWS)
    held = (ROWS[1] - ROWS[0]) * 64 * 4 / 2**20
    return Row(
        f"`batch_eval_metrics`, peak memory of {ROWS[1] // 1000}k rows over {ROWS[0] // 1000}k",
        f"{few:.0f} MiB, {many:.0f} MiB",
        f"holding the predictions: at least {held:.0f} MiB",
        many - few,
        4,
        unit="MiB",
    )


def _peak_megabytes(rows: int) -> float:
    command = (sys.executable, PREDICTING, str(rows))
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
    return int(done.stdout.split()[-1]) / 1024
