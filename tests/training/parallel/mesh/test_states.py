"""A mesh saves whole tensors under the names of the model, or each process's parts; a run goes on from either."""

from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import settings
from tests.training.parallel.mesh.driving import CPU, RATE, Run, joined, no_recomputation, weights_of
from tests.training.parallel.mesh.models import build
from tests.training.parallel.world import run_in
from torch import Tensor

from trainspec.training.optimizers import build_optimizer
from trainspec.training.parallel import Policy, SingleProcess, State
from trainspec.training.precision.precision import choose_precision

SIZES = {"tp_size": 2, "dp_shard_size": 2}


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, Tensor):
        return type(left) is Tensor and type(right) is Tensor and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def saved(sizes: dict[str, int]) -> dict[str, Any]:
    with joined() as processes:
        run = Run(processes, sizes, build("tied"))
        run.update(0)
        strategy = run.strategy
        parts = strategy.state("sharded")
        told = {
            "whole": _copied(strategy.state("full")),
            "parts": _copied(parts),
            "pieces": strategy.pieces(),
            "layout": strategy.layout(),
        }
        run.update(1)
        told["after"] = _copied(strategy.state("sharded"))
        other = Run(processes, sizes, build("tied", seed=5))
        for kind in ("parts", "whole"):
            other.strategy.load_state(told[kind])
            other.update(1)
            told[f"from {kind}"] = _copied(other.strategy.state("sharded"))
        return told


def _copied(state: State) -> State:
    def copied(nest: Any) -> Any:
        if isinstance(nest, Tensor):
            return nest.detach().clone()
        if isinstance(nest, dict):
            return {key: copied(value) for key, value in nest.items()}
        return [copied(value) for value in nest] if isinstance(nest, list) else nest

    return State(copied(dict(state.model or {})), copied(dict(state.optimizer or {})))


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return run_in(4, saved, SIZES)


def test_parts_are_plain_and_lie_side_by_side_in_the_whole(found: list[dict[str, Any]]) -> None:
    whole = found[0]["whole"]
    names = [name for name, _ in build("tied").named_parameters()]
    assert list(whole.model) == list(build("tied").state_dict()) and sorted(whole.optimizer["state"]) == sorted(names)
    for name in names:
        covered = torch.zeros_like(whole.model[name])
        for rank in found:
            piece, part = rank["pieces"][name], rank["parts"]
            assert piece["shape"] == list(whole.model[name].shape)
            place = tuple(
                slice(start, start + size) for start, size in zip(piece["offset"], piece["local_shape"], strict=True)
            )
            for mine, all_of_it in (
                (part.model[name], whole.model[name]),
                (part.optimizer["state"][name]["exp_avg"], whole.optimizer["state"][name]["exp_avg"]),
            ):
                assert type(mine) is Tensor and list(mine.shape) == piece["local_shape"]
                assert torch.equal(mine, all_of_it[place])
            covered[place] += 1
        assert (covered >= 1).all(), name
    assert found[0]["pieces"]["blocks.0.up.weight"]["local_shape"] == [4, 8], "16 rows on four processes"
    assert all(not rank["whole"].model and not rank["whole"].optimizer for rank in found[1:])


def test_a_mesh_goes_on_bit_for_bit(found: list[dict[str, Any]]) -> None:
    for rank in found:
        for kind in ("from parts", "from whole"):
            assert _same(rank[kind].model, rank["after"].model), kind
            assert _same(rank[kind].optimizer["state"], rank["after"].optimizer["state"]), kind


def test_the_layout_tells_the_sizes(found: list[dict[str, Any]]) -> None:
    sizes = {"pp": 1, "dp_replicate": 1, "dp_shard": 2, "cp": 1, "sp": 1, "ep": 1, "tp": 2}
    assert found[3]["layout"] == {"strategy": "mesh", "world_size": 4, **sizes}


def test_one_process_goes_on_from_the_whole(found: list[dict[str, Any]]) -> None:
    model = build("tied", seed=9)
    args = settings("adamw_torch", learning_rate=RATE, weight_decay=0.0, use_cpu=True)
    single = SingleProcess()
    single.prepare(model, Policy(CPU, choose_precision(args, CPU), no_recomputation, lambda module: module))
    single.attach(build_optimizer(model, args), None)
    single.load_state(found[0]["whole"])
    assert _same(weights_of(single.weights()), found[0]["whole"].model)
    assert _same(single.state().optimizer["state"], found[0]["whole"].optimizer["state"])  # type: ignore[index]
