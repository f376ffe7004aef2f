"""Parts of sequences and whole attention of some heads: what several processes train is what one process trains."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.labelled import difference
from tests.training.parallel.mesh.attending import LENGTH, MODELS, Sizes, alone, trained
from tests.training.parallel.world import WITH_TRANSFORMERS

from trainspec.training.errors import TrainingError
from trainspec.training.parallel.mesh.ulysses import Slices

ONE_BY_ONE = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2}
BY_TWO = {"per_device_train_batch_size": 2}
ONE = {"per_device_train_batch_size": 1}
LONG = pytest.mark.long_distributed
RUNS: list[Any] = [
    ({"sp_size": 2}, "causal", ONE_BY_ONE, {}),
    ({"sp_size": 2}, "both ways", BY_TWO, {}),
    pytest.param({"sp_size": 2}, "one head of keys", BY_TWO, {"length": 8}, marks=LONG),
    ({"sp_size": 2}, "gpt2", ONE_BY_ONE | {"gradient_checkpointing": True}, {"filled": True}),
    ({"sp_size": 2, "dp_shard_size": 2}, "llama", ONE, {"filled": True}),
    pytest.param({"sp_size": 2, "dp_replicate_size": 2}, "both ways", ONE, {}, marks=LONG),
    ({"sp_size": 4}, "two heads of keys", ONE_BY_ONE, {}),
    pytest.param({"sp_size": 4}, "causal", BY_TWO, {"length": 3}, marks=LONG),
]


@pytest.mark.parametrize("sizes, name, more, data", RUNS, ids=str)
def test_processes_with_parts_of_rows_train_as_one(
    sizes: Sizes, name: str, more: dict[str, Any], data: dict[str, Any], tmp_path: Path
) -> None:
    world = sizes["sp_size"] * sizes.get("dp_shard_size", 1) * sizes.get("dp_replicate_size", 1)
    every, wanted = WITH_TRANSFORMERS.run(world, trained, sizes, name, more, str(tmp_path), data), alone(name, data)
    assert difference(every[0]["weights"], wanted["weights"]) < 1e-9
    for found in every:
        assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-11)
        assert found["norms"] == pytest.approx(wanted["norms"], abs=1e-9)
        assert found["evaluated"] == pytest.approx(wanted["evaluated"], abs=1e-11), "of whole rows, in each"
        if found["lengths"] is not None:
            assert found["lengths"] == {max(2, -(-data.get("length", LENGTH) // sizes["sp_size"]))}
    whole = sum(value.numel() for value in MODELS[name]().parameters())
    assert sum(found["held"] for found in every) == whole * sizes.get("dp_replicate_size", 1)
    assert [found["random"] for found in every] == list(range(world))


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "by hand": ("by hand", "has not called", {}),
    "masked": ("masked", "attention has a mask", {}),
    "odd heads": ("causal", "4 heads, which 3 does not divide", {}),
    "filled up": ("both ways", "would attend to the filling", {"filled": True}),
}


def broken_off(size: int, cases: list[str], out: str) -> dict[str, str]:
    found = {}
    for case in cases:
        name, _, data = REFUSED[case]
        with pytest.raises(TrainingError) as caught:
            trained({"sp_size": size}, name, {"per_device_train_batch_size": 2}, out, data)
        found[case] = str(caught.value)
    return found


@pytest.mark.parametrize("size, cases", [(2, ["by hand", "masked", "filled up"]), (3, ["odd heads"])], ids=str)
def test_attention_that_would_be_of_a_part_ends_the_run(size: int, cases: list[str], tmp_path: Path) -> None:
    for found in WITH_TRANSFORMERS.run(size, broken_off, size, cases, str(tmp_path)):
        for case in cases:
            assert REFUSED[case][1] in found[case], case


def test_rows_are_cut_one_piece_after_the_other() -> None:
    batch = {"input_ids": torch.arange(1, 8)[None], "labels": torch.arange(1, 8)[None]}
    pieces = [Slices(place, 3, main="input_ids", label_names=lambda: ["labels"], shifted=True) for place in range(3)]
    parts = [each.part(batch) for each in pieces]
    assert [part["input_ids"].tolist() for part in parts] == [[[1, 2, 3]], [[4, 5, 6]], [[7, 0, 0]]]
    assert [part["shift_labels"].tolist() for part in parts] == [[[2, 3, 4]], [[5, 6, 7]], [[-100] * 3]]
    assert [part["position_ids"].tolist() for part in parts] == [[[0, 1, 2]], [[3, 4, 5]], [[6, 7, 8]]]
    assert [int(each.items(batch)) for each in pieces] == [3, 3, 0]
