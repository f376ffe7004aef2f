"""Experts shared out over processes that have the same tokens: what they train is what one process trains."""

from pathlib import Path
from typing import Any

import pytest
from tests.training.parallel.labelled import difference
from tests.training.parallel.mesh.mixing import MODELS, alone, cut_in_two, run
from tests.training.parallel.world import WITH_TRANSFORMERS, RankError

ONE = {"per_device_train_batch_size": 1}
BY_TWO = {"per_device_train_batch_size": 2}
ONE_BY_ONE = {**ONE, "gradient_accumulation_steps": 2}
MODEL_NAMES = MODELS["sparse"]().state_dict().keys()
RECOMPUTED = {
    "fsdp": "full_shard auto_wrap",
    "fsdp_config": {"transformer_layer_cls_to_wrap": "Sparse", "activation_checkpointing": True},
}
LONG = pytest.mark.long_distributed
RUNS: list[Any] = [
    ({"ep_size": 2}, "dense", BY_TWO),
    ({"ep_size": 2}, "mixtral", ONE_BY_ONE),
    pytest.param({"ep_size": 4}, "to one", ONE_BY_ONE, marks=LONG),
    ({"ep_size": 2, "dp_shard_size": 2}, "to one", ONE),
    pytest.param({"ep_size": 2, "dp_replicate_size": 2}, "routed", ONE, marks=LONG),
    pytest.param({"ep_size": 2, "tp_size": 2}, "mixtral", BY_TWO, marks=LONG),
    ({"ep_size": 2}, "several", BY_TWO),
    ({"ep_size": 2}, "sparse", BY_TWO),
    ({"ep_size": 2, "dp_shard_size": 2}, "sparse", {**ONE, **RECOMPUTED}),
    # By transformers' own plan, which names the stacked parameters: each process has a part of every expert.
    ({"tp_size": 2}, "mixtral", BY_TWO),
]


@pytest.mark.parametrize("sizes, name, more", RUNS, ids=str)
def test_processes_with_some_of_the_experts_train_as_one(
    sizes: dict[str, int], name: str, more: dict[str, Any], tmp_path: Path
) -> None:
    shards, world = sizes.get("dp_shard_size", 1), 1
    for size in sizes.values():
        world *= size
    every, wanted = WITH_TRANSFORMERS.run(world, run, sizes, name, more, str(tmp_path)), alone(name)
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    whole = {key: value.numel() for key, value in MODELS[name]().named_parameters() if ".experts." in key}
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-11)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-9)
        assert found["evaluated"] == pytest.approx(wanted["evaluated"], abs=1e-11)
        among = sizes.get("ep_size") or sizes["tp_size"]
        assert found["held"] == {key: size // among // shards for key, size in whole.items()}


@pytest.mark.parametrize("name, without", [("dropping", "routed"), ("sparse, dropping", "sparse")])
def test_experts_that_drop_leave_what_is_common_the_same(name: str, without: str, tmp_path: Path) -> None:
    one, other = WITH_TRANSFORMERS.run(2, run, {"ep_size": 2}, name, BY_TWO, str(tmp_path))
    assert one["seen"] == other["seen"] and one["losses"] == other["losses"]
    assert one["evaluated"] == other["evaluated"] and one["losses"] != alone(without)["losses"]


def test_experts_of_a_list_go_on_bit_for_bit(tmp_path: Path) -> None:
    for whole, resumed in WITH_TRANSFORMERS.run(2, cut_in_two, "sparse", str(tmp_path)):
        assert whole["optimizer"].keys() == resumed["optimizer"].keys() and whole["weights"].keys() == MODEL_NAMES
        assert difference(whole["weights"], resumed["weights"]) == 0
        for name, state in whole["optimizer"].items():
            assert difference(state, resumed["optimizer"][name]) == 0


def test_a_block_that_is_no_sum_over_its_experts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RankError, match="what Normed returns is not a sum over its experts"):
        WITH_TRANSFORMERS.run(2, run, {"ep_size": 2}, "normed", BY_TWO, str(tmp_path))
