"""Adapters of peft on a frozen model that is shared out: the frozen part is, too, and the numbers are those of one
process.
"""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")

from tests.training.parallel.matrix import adapters
from tests.training.parallel.world import WITH_TRANSFORMERS

WRAPS = {"fsdp_config": {"transformer_layer_cls_to_wrap": ["Block"]}}
RANKS = 2
run = WITH_TRANSFORMERS.run


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    (found,) = run(1, adapters.trained, str(tmp_path_factory.mktemp("alone")), {}, adapters.ROWS)
    return found  # type: ignore[no-any-return]


def is_as_alone(every: list[dict[str, Any]], alone: dict[str, Any], *, shares: bool) -> None:
    main = every[0]
    assert main["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert main["weights"].keys() == alone["weights"].keys()
    changed = 0
    for name, value in alone["weights"].items():
        assert (main["weights"][name] - value).abs().max() < 1e-5, name
        moved = float((value - alone["begun"][name]).abs().max())
        assert (moved > 1e-3) is ("lora" in name), name
        changed += moved > 0
        if "lora" not in name:
            assert main["weights"][name].equal(alone["begun"][name]), "what is frozen stays, to the bit"
    assert changed == 8
    for found in every:
        part = found["frozen"] / alone["frozen"]
        assert part == pytest.approx(1 / RANKS, abs=0.05) if shares else part == 1


@pytest.mark.parametrize(
    "said",
    [
        {"fsdp": "full_shard auto_wrap", **WRAPS},
        {"fsdp": "shard_grad_op"},
    ],
    ids=str,
)
def test_fsdp_shares_the_frozen_model_and_trains_the_adapters(
    said: dict[str, Any], alone: dict[str, Any], tmp_path: Path
) -> None:
    every = run(RANKS, adapters.trained, str(tmp_path), said, adapters.ROWS // RANKS)
    is_as_alone(every, alone, shares=True)


@pytest.mark.parametrize("stage", [2, 3])
def test_zero_shares_what_it_can_and_trains_the_adapters(stage: int, alone: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("deepspeed")
    zero = {"stage": stage, **({"stage3_param_persistence_threshold": 0} if stage == 3 else {})}
    said = {"deepspeed": {"zero_optimization": zero}}
    is_as_alone(run(RANKS, adapters.trained, str(tmp_path), said, adapters.ROWS // RANKS), alone, shares=stage == 3)
