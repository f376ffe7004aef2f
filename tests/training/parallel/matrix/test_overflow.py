"""float16 gradients that are too large in one process alone, in a whole run of a Trainer: under every strategy no
process makes that update, the scale is the same in all, and the run goes on as if those rows were not there.
"""

import math
from pathlib import Path

import pytest
from tests.training.parallel.labelled import difference
from tests.training.parallel.matrix import overflowing
from tests.training.parallel.matrix.overflowing import WINDOW, Case
from tests.training.parallel.world import run_in

HYBRID = {"fsdp": "hybrid_shard", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}}


def _mesh(shares: int, **sizes: int) -> Case:
    return WINDOW // shares, {"parallelism_config": sizes}


TWO: list[Case] = [
    (WINDOW // 2, {}),
    (WINDOW // 2, {"fsdp": "full_shard"}),
    _mesh(1, sp_size=2),
    _mesh(1, ep_size=2),
]
OTHERS: list[Case] = [(WINDOW // 2, {"fsdp": way}) for way in ("shard_grad_op", "no_shard")]
FOUR: list[Case] = [
    (WINDOW // 4, HYBRID),
    _mesh(1, sp_size=2, ep_size=2),
    _mesh(2, ep_size=2, dp_shard_size=2),
    _mesh(2, ep_size=2, dp_replicate_size=2),
    _mesh(2, sp_size=2, dp_shard_size=2),
]
# A part of the way that training goes: float16 has 11 bits of a number.
ROUNDING = 0.02


@pytest.mark.parametrize(
    "world, cases",
    [
        pytest.param(2, TWO, id="two"),
        pytest.param(2, OTHERS, id="other ways of fsdp", marks=pytest.mark.long_distributed),
        pytest.param(4, FOUR, id="four", marks=pytest.mark.long_distributed),
    ],
)
def test_an_overflow_in_one_process_is_left_out_by_all(world: int, cases: list[Case], tmp_path: Path) -> None:
    every = run_in(world, overflowing.several, cases, str(tmp_path))
    wanted = overflowing.without_the_large_one()
    way = difference(wanted["begun"], wanted["weights"])
    for place, (_, changes) in enumerate(cases):
        main, *others = found = [rank[place] for rank in every]
        first, *_ = main["scales"]
        assert main["scales"] == [first, first / 2, first / 2, first / 2], changes
        for rank in found:
            assert rank["changed"] == [True, False, True, True], (changes, "left out by all, and by them alone")
            assert [math.isfinite(norm) for norm in rank["norms"]] == [True, False, True, True], changes
            assert rank["losses"] == pytest.approx(wanted["losses"], abs=0.01), changes
        for other in others:
            assert other["scales"] == main["scales"] and other["losses"] == main["losses"], changes
        assert difference(main["weights"], wanted["weights"]) < ROUNDING * way, changes
