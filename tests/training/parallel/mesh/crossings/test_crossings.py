"""Parts of sequences beside parts of layers or some of the experts, and each of them in half precision."""

from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.labelled import difference
from tests.training.parallel.mesh.crossings.crossing import Both, in_one_process, trained_each
from tests.training.parallel.mesh.test_needs import told
from tests.training.parallel.world import run_in

ONE_BY_ONE = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
BY_TWO = {"per_device_train_batch_size": 2}
HALF = {"bf16": True, **ONE_BY_ONE}
Case = tuple[dict[str, int], dict[str, Any]]
FOUR: list[Case] = [
    ({"sp_size": 2, "tp_size": 2}, ONE_BY_ONE),
    ({"sp_size": 2, "ep_size": 2}, ONE_BY_ONE),
]
HALVES: list[Case] = [(sizes, HALF) for sizes, _ in FOUR]
TWO: list[Case] = [({f"{name}_size": 2}, HALF) for name in ("sp", "ep", "tp")]
# On CPUs, too: attention, experts and split layers compute in float16 there, and the scale of losses is the same.
FLOAT16: list[Case] = [({f"{name}_size": 2}, {"fp16": True, **BY_TWO}) for name in ("sp", "ep")]
# A part of the way that training goes from its beginning: bfloat16 has 8 bits of a number.
ROUNDING = 0.05


@pytest.mark.parametrize(
    "world, cases",
    [
        pytest.param(4, FOUR, id="two by two"),
        pytest.param(2, FLOAT16, id="float16"),
        pytest.param(2, TWO, id="half precision", marks=pytest.mark.long_distributed),
        pytest.param(4, HALVES, id="two by two in half precision", marks=pytest.mark.long_distributed),
    ],
)
def test_processes_train_as_one_in_double_precision_does(world: int, cases: list[Case], tmp_path: Path) -> None:
    every, wanted = run_in(world, trained_each, cases, str(tmp_path)), in_one_process()
    way = difference(wanted["begun"], wanted["weights"])
    for place, (sizes, more) in enumerate(cases):
        near, close, far = (ROUNDING * way, 0.02, 0.05) if more.get("bf16") or more.get("fp16") else (1e-9, 1e-11, 1e-9)
        assert difference(every[0][place]["weights"], wanted["weights"]) < near, (sizes, more)
        assert len({tuple(rank[place]["norms"]) for rank in every}) == 1, "the same norm, to the bit, in every process"
        for rank in every:
            assert rank[place]["losses"] == pytest.approx(wanted["losses"], abs=close), (sizes, more)
            assert rank[place]["norms"] == pytest.approx(wanted["norms"], abs=far), (sizes, more)
            assert rank[place]["evaluated"] == pytest.approx(wanted["evaluated"], abs=close), (sizes, more)


def test_heads_must_be_enough_for_both_ways() -> None:
    both = {"sp_size": 2, "tp_size": 2}
    assert told(Both(), parallelism_config=both, world_size=4) == []
    ((code, message),) = told(Both(heads=2), parallelism_config=both, world_size=4)
    assert code == "RUN297" and message == (
        "sp_size 2 with tp_size 2, 4 together, does not divide heads: the model has num_heads 2"
    )
    assert told(Both(heads=2), parallelism_config={"sp_size": 2}) == []
