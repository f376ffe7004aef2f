"""Promise: of a model each process saves about as much, every tensor whole and once; what it gets is what the main one
would have got of all.
"""

from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import Run, Tokens, joined, settings
from tests.training.parallel.world import run_in

from trainspec.plan import shards
from trainspec.plan.shards import SMALLEST_SHARD
from trainspec.training.parallel.dealing import a_few_at_once, dealt

MIB = 2**20


def test_shares_have_about_as_much() -> None:
    sizes = {f"layer.{number}": (number % 7 + 1) * MIB for number in range(100)}
    found = dealt(sizes, 8)
    loads = [sum(sizes[name] for name, rank in found.items() if rank == one) for one in range(8)]
    assert found.keys() == sizes.keys() and max(loads) - min(loads) <= 7 * MIB
    assert dealt(dict(reversed(sizes.items())), 8) == found, "every process comes to the same"


def test_what_only_the_main_process_has_is_counted_there() -> None:
    sizes = {"buffer": 40 * MIB, **{f"layer.{number}": MIB for number in range(40)}}
    assert {name: rank for name, rank in dealt(sizes, 2, ["buffer", "no tensor"]).items() if rank == 0} == {
        "buffer": 0,
        "no tensor": 0,
    }


def test_a_small_model_is_not_scattered_and_a_larger_one_over_all_nodes() -> None:
    assert set(dealt({"a": SMALLEST_SHARD, "b": SMALLEST_SHARD - 1}, 64).values()) == {0}
    assert set(dealt(dict.fromkeys("abcd", SMALLEST_SHARD), 64).values()) == {0, 16, 32, 48}
    assert dealt({}, 4) == {}


def test_little_is_under_way_at_once() -> None:
    sizes = {"a": 3, "b": 3, "c": 9, "d": 1, "e": 3}
    assert list(a_few_at_once(sizes, sizes, 6)) == [["a", "b"], ["c"], ["d", "e"]]


def _both_ways(fsdp: str) -> dict[str, Any]:
    shards.SMALLEST_SHARD = 1
    with joined() as group:
        run = Run(group, settings(fsdp=fsdp), Tokens(tied=True)).with_optimizer()
        # As a batch norm's, it is of this process's own rows.
        run.strategy._there.model.shift += group.rank  # type: ignore[attr-defined]
        whole, shared = run.strategy.weights(), run.strategy.dealt_weights()
        assert shared is not None
        here = {name: value.clone() for name, value in shared.tensors.items() if not value.is_meta}
        assert shared.tensors["head.weight"] is shared.tensors["words.weight"], "a tied weight is one"
        shapes = {name: (tuple(value.shape), value.dtype) for name, value in shared.tensors.items()}
        return {"whole": dict(whole), "here": here, "shapes": shapes, "writers": dict(shared.writers)}


@pytest.mark.parametrize(
    "ranks, fsdp, more",
    [(3, "full_shard auto_wrap", {}), (2, "hybrid_shard", {"LOCAL_WORLD_SIZE": "1"})],
    ids=["in rows", "replicas"],
)
def test_each_gets_its_own_tensors_whole(ranks: int, fsdp: str, more: dict[str, str]) -> None:
    answers = run_in(ranks, _both_ways, fsdp, **more)
    whole, writers = answers[0]["whole"], answers[0]["writers"]
    assert list(whole) == list(Tokens(tied=True).state_dict()) and set(writers.values()) == set(range(ranks))
    for rank, found in enumerate(answers):
        assert found["writers"] == writers
        assert found["here"].keys() == {name for name in writers if writers[name] == rank}
        assert all(torch.equal(value, whole[name]) for name, value in found["here"].items())
        assert found["shapes"] == {name: (tuple(value.shape), value.dtype) for name, value in whole.items()}
