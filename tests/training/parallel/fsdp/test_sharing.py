"""What each process holds, in bytes: a part of parameters, gradients and optimizer state; and when more is gathered."""

import math
from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import Run, Tokens, dealt, items_in, joined, make_rows, mean_loss, settings
from tests.training.parallel.world import run_in
from torch.distributed.fsdp import FSDPModule

from trainspec.training.parallel.fsdp.gradients import states_of
from trainspec.training.parallel.fsdp.pieces import pieces_of

DOUBLE = 8


def size_of(tensors: Any) -> int:
    found = [value.to_local() if hasattr(value, "to_local") else value for value in tensors]
    return sum({value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in found}.values())


def measured(changes: dict[str, Any]) -> dict[str, Any]:
    """In one rank: bytes after an update's backward pass and step, and what is gathered when."""
    rows, gathered = make_rows(6), dict[str, int]()
    with joined() as group:
        run = Run(group, settings(**changes), Tokens()).with_optimizer()
        modules = [module for module in run.model.modules() if isinstance(module, FSDPModule)]

        def now() -> int:
            """The bytes of parameters that are gathered at present."""
            parts = [
                part for state in states_of(modules) for block in state._fsdp_param_groups for part in block.fsdp_params
            ]
            return sum(size_of(part.all_gather_outputs) for part in parts)

        run.model.head.register_forward_hook(lambda *_: gathered.update(after_blocks=now()))
        mean_loss(run.module, rows)
        gathered["after_forward"] = now()
        run.strategy.weights()
        gathered["at_rest"] = now()
        micro = dealt(rows, group.world_size, 3, 2)[group.rank]
        run.gradients(micro, items_in(rows))
        gathered["after_backward"] = now()
        values = list(run.model.parameters())
        gradients = size_of([value.grad for value in values])
        run.strategy.clip(values, 0)
        run.strategy.step()
        state = [entry for known in run.optimizer.state.values() for name, entry in known.items() if name != "step"]
        return {
            "parameters": size_of(values),
            "gradients": gradients,
            "state": size_of(state),
            "pieces": pieces_of(dict(run.model.named_parameters())),
            **gathered,
        }


def shard_bytes(ranks: int) -> int:
    """Rows are dealt in equal chunks; torch fills up the last ones."""
    shapes = [value.shape for value in Tokens().parameters()]
    return sum(math.ceil(shape[0] / ranks) * shape[1:].numel() * DOUBLE for shape in shapes)


WHOLE = sum(value.numel() for value in Tokens().parameters()) * DOUBLE


@pytest.mark.parametrize(
    "ranks, copies, changes",
    [
        (2, 1, {"fsdp": "full_shard auto_wrap"}),
        (3, 1, {"fsdp": "shard_grad_op auto_wrap"}),
        (4, 2, {"fsdp": "hybrid_shard auto_wrap", "parallelism_config": {"dp_replicate_size": 2, "dp_shard_size": 2}}),
        (2, 2, {"fsdp": "no_shard"}),
    ],
)
def test_a_process_holds_its_part_of_everything(ranks: int, copies: int, changes: dict[str, Any]) -> None:
    answers = run_in(ranks, measured, changes)
    shards = ranks // copies
    for found in answers:
        assert found["parameters"] == shard_bytes(shards)
        own = sum(math.prod(piece["local_shape"]) for piece in found["pieces"].values()) * DOUBLE
        assert found["state"] == 2 * own, "both moments of AdamW, of what is not filled up"
        assert own <= found["gradients"] <= found["parameters"], "in one block for each unit"
        assert found["at_rest"] == found["after_backward"] == 0
    held = [math.prod(piece["local_shape"]) for found in answers for piece in found["pieces"].values()]
    assert sum(held) * DOUBLE == WHOLE * copies, "each element once a copy"
    assert abs(shard_bytes(shards) / (WHOLE / shards) - 1) < 0.25, "small layers: chunks are filled up"


def test_full_shard_frees_what_shard_grad_op_keeps_until_the_backward_pass() -> None:
    blocks = sum(value.numel() for value in Tokens().blocks.parameters()) * DOUBLE
    ((full, _), (kept, _)) = (
        run_in(2, measured, {"fsdp": f"{way} auto_wrap"}) for way in ("full_shard", "shard_grad_op")
    )
    assert kept["after_forward"] - full["after_forward"] == pytest.approx(blocks, rel=0.35)
    assert kept["after_forward"] >= WHOLE > 1.5 * full["after_forward"]


def test_pieces_lie_side_by_side() -> None:
    answers = run_in(3, measured, {"fsdp": "full_shard"})
    whole = {name: torch.zeros(value.shape) for name, value in Tokens().named_parameters()}
    for found in answers:
        assert list(found["pieces"]) == list(whole)
        for name, piece in found["pieces"].items():
            assert piece["shape"] == list(whole[name].shape)
            place = tuple(slice(o, o + n) for o, n in zip(piece["offset"], piece["local_shape"], strict=True))
            whole[name][place] += 1
    assert all(bool((value == 1).all()) for value in whole.values())
    narrow = [found["pieces"]["blocks.0.narrow.weight"]["local_shape"] for found in answers]
    assert narrow == [[1, 5], [1, 5], [1, 5]]
    words = [found["pieces"]["words.weight"]["local_shape"] for found in answers]
    assert words == [[5, 6], [5, 6], [3, 6]], "13 rows"
