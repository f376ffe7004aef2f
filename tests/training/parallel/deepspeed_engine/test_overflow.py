"""A gradient that overflows in one process, in a whole run of a Trainer: every process leaves that update out, the loss
scale goes down, the log says so, and the run goes on.
"""

import math
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine import jobs
from tests.training.parallel.deepspeed_engine.server import run


@pytest.mark.parametrize("stage", [0, 2, 3])
def test_an_update_that_overflows_is_left_out_by_all(stage: int, tmp_path: Path) -> None:
    first, second = run(2, jobs.overflowed, str(tmp_path), stage)
    assert first["scales"] == second["scales"] and first["weights"] == second["weights"]
    weights, scales = first["weights"], first["scales"]
    assert first["updates"] == len(weights) == len(scales) == 8
    # By two, at the third update alone; it is logged with the scale after it.
    assert scales == [256.0] * 2 + [128.0] * 6
    assert weights[2] == weights[1]
    changed = [before != after for before, after in pairwise(weights)]
    assert changed == [True, False, *[True] * 5]
    assert math.isinf(first["norms"][2]) and all(map(math.isfinite, first["norms"][:2] + first["norms"][3:]))
    # The schedule has not moved by it.
    assert first["rates"][3] == first["rates"][2] < first["rates"][1]
    assert first["losses"][-1] < first["losses"][0], "it still learns"
