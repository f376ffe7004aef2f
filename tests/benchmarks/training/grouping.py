"""Ordering a million rows by length, in shuffled groups, against sorting them all once."""

from __future__ import annotations

import numpy

from benchmarks.timing import Row, best_call_seconds, milliseconds

ROWS = 1_000_000


def grouping_row() -> Row:
    from trainspec.training.data import LengthGroupedSampler

    lengths = numpy.random.default_rng(1).integers(1, 2048, ROWS)
    listed = lengths.tolist()
    calls = (lambda: list(LengthGroupedSampler(16, lengths=listed)), lambda: numpy.argsort(lengths))
    ours, sorting = best_call_seconds(calls, repeats=1, rounds=7)
    return Row(
        f"grouping {ROWS:,} lengths, sampler made and walked",
        milliseconds(ours),
        f"numpy.argsort: {milliseconds(sorting)}",
        ours / sorting,
        3,
    )
