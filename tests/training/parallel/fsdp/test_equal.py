"""Any split of the same rows gives the parameters of one process: three updates in float64, against plain torch.

Rows have unequal lengths, some are masked, micro-batches may be masked throughout or have no row, the last window is
short. Every rank begins with weights of its own, which sharing replaces by those of rank 0.
"""

import random
from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import (
    Run,
    Tokens,
    dealt,
    far,
    items_in,
    joined,
    make_rows,
    plain_updates,
    settings,
    windows_of,
)
from tests.training.parallel.world import run_in
from torch import nn

ROWS, WINDOW, MAX_NORM = 26, 10, 0.3

WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "full_shard": (2, {"fsdp": "full_shard"}),
    "full_shard auto_wrap": (3, {"fsdp": "full_shard auto_wrap", "fsdp_config": {"forward_prefetch": True}}),
    "full_shard by size": (2, {"fsdp": "full_shard auto_wrap", "fsdp_config": {"min_num_params": 20}}),
    "shard_grad_op": (2, {"fsdp": "shard_grad_op auto_wrap", "fsdp_config": {"backward_prefetch": "no_prefetch"}}),
    "hybrid_shard": (
        4,
        {
            "fsdp": "hybrid_shard auto_wrap",
            "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2},
            "fsdp_config": {"activation_checkpointing": True},
        },
    ),
    "no_shard": (2, {"fsdp": "no_shard auto_wrap"}),
}
LONG_WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "hybrid_shard_zero2": (
        4,
        {"fsdp": "hybrid_shard_zero2 auto_wrap", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}},
    ),
    "offload": (2, {"fsdp": "full_shard auto_wrap offload"}),
    "four": (4, {"fsdp": "full_shard auto_wrap", "fsdp_config": {"transformer_layer_cls_to_wrap": "Block,Embedding"}}),
    "backward_post": (2, {"fsdp": "full_shard auto_wrap", "fsdp_config": {"backward_prefetch": "backward_post"}}),
}


def drawn_splits(ranks: int, number: int, seed: int) -> list[tuple[int, int]]:
    """Rows in a micro-batch, and micro-batches in a window: as many as make room for it."""
    draw = random.Random(seed)
    sizes = [draw.randint(1, WINDOW) for _ in range(number)]
    return [(size, -(-WINDOW // (size * ranks))) for size in sizes]


def model_of(kind: str, rank: int = 0) -> Tokens:
    model = Tokens(tied=kind == "tied", seed=3 + 5 * rank)
    if kind == "odd":
        # Frozen, without a dimension, in another format: each must be dealt with apart.
        model.words.weight.requires_grad_(False)
        model.blocks[1].scale = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))  # type: ignore[union-attr]
        model.blocks[1].norm = nn.LayerNorm(6, dtype=torch.float32)  # type: ignore[union-attr]
        model.blocks[1].forward = _scaled.__get__(model.blocks[1])  # type: ignore[method-assign]
    return model


def _scaled(self: Any, hidden: torch.Tensor) -> torch.Tensor:
    changed = self.norm(hidden.float()).double() * self.scale
    return hidden + self.down(self.narrow(self.up(changed).tanh()))  # type: ignore[no-any-return]


def trained(changes: dict[str, Any], kind: str, splits: list[tuple[int, int]]) -> list[Any]:
    """In one rank: for each split the weights, the norms, and whether it ends with no gradient left over."""
    args, found = settings(max_grad_norm=MAX_NORM, **changes), []
    with joined() as group:
        for size, accumulation in splits:
            run = Run(group, args, model_of(kind, group.rank)).with_optimizer()
            norms = [
                run.update(dealt(window, group.world_size, size, accumulation)[group.rank], items_in(window))[0]
                for window in windows_of(make_rows(ROWS), WINDOW)
            ]
            found.append((dict(run.strategy.weights()), norms))
    return found


def check(way: tuple[int, dict[str, Any]], kind: str, number: int, seed: int) -> None:
    ranks, changes = way
    plain = {"optim": changes.get("optim", "adamw_torch"), "max_grad_norm": MAX_NORM}
    expected, norms = plain_updates(settings(**plain), model_of(kind), windows_of(make_rows(ROWS), WINDOW))
    splits = [(WINDOW, 1), (1, -(-WINDOW // ranks)), *drawn_splits(ranks, number, seed)]
    answers = run_in(ranks, trained, changes, kind, splits)
    assert min(norms) > MAX_NORM, "all of them are clipped"
    close = 1e-6 if kind == "odd" else 1e-12
    for place, split in enumerate(splits):
        weights, first = answers[0][place]
        assert far(weights, expected) < close, split
        assert first == pytest.approx(norms, rel=close), split
        for rank in range(1, ranks):
            others, told = answers[rank][place]
            assert told == first and not others, "the norm is one number, and the main process alone keeps the whole"


@pytest.mark.parametrize("name", WAYS)
def test_any_split_gives_the_parameters_of_one_process(name: str) -> None:
    check(WAYS[name], "tied" if name in ("hybrid_shard", "full_shard by size") else "plain", 1, 11)


def test_what_cannot_be_cut_is_whole_everywhere_and_trains_alike() -> None:
    check((2, {"fsdp": "full_shard auto_wrap"}), "odd", 1, 5)


@pytest.mark.long_distributed
@pytest.mark.parametrize("kind", ["plain", "tied", "odd"])
@pytest.mark.parametrize("optim", ["adamw_torch", "sgd", "adagrad", "rmsprop"])
@pytest.mark.parametrize("name", [*WAYS, *LONG_WAYS])
def test_any_way_with_any_kind_of_model_and_optimizer(name: str, optim: str, kind: str) -> None:
    ranks, changes = {**WAYS, **LONG_WAYS}[name]
    check((ranks, {**changes, "optim": optim}), kind, 3, 7 * ranks + len(kind))
