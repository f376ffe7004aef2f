"""A state of parts goes on bit for bit where the layout is the same; one of wholes goes to any strategy, and back."""

import copy
import tempfile
from pathlib import Path
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
    mean_loss,
    settings,
    windows_of,
)
from tests.training.parallel.world import run_in

from trainspec.training.optimizers import build_optimizer
from trainspec.training.parallel import Policy, SingleProcess, State
from trainspec.training.parallel.fsdp.pieces import PieceError
from trainspec.training.parallel.named_state import NamedStateError
from trainspec.training.precision.precision import choose_precision

WINDOWS = windows_of(make_rows(24), 6)
ARGS: dict[str, Any] = {"max_grad_norm": 1.0}


def updates(run: Run, rank: int, ranks: int, windows: list[Any]) -> None:
    for window in windows:
        run.update(dealt(window, ranks, 3, 2)[rank], items_in(window))


def plain(state: State) -> State:
    return copy.deepcopy(State(dict(state.model or {}), state.optimizer and dict(state.optimizer)))


def resumed(fsdp: str) -> dict[str, Any]:
    with joined() as group:
        rank, ranks, args = group.rank, group.world_size, settings(fsdp=fsdp, **ARGS)
        first = Run(group, args, Tokens(tied=True)).with_optimizer()
        updates(first, rank, ranks, WINDOWS[:2])
        parts, whole = plain(first.strategy.state("sharded")), plain(first.strategy.state("full"))
        assert bool(whole.model) is bool(whole.optimizer) is group.is_main
        assert type(parts.model["words.weight"]) is torch.Tensor
        updates(first, rank, ranks, WINDOWS[2:])
        end = plain(first.strategy.state("sharded"))
        found: dict[str, Any] = {"whole": whole, "last": plain(first.strategy.state("full"))}
        # As a checkpoint is read: the weights by all processes, of the optimizer each one's own part.
        alone, told = whole if group.is_main else State({}, {}), _told_to_all(group, whole)
        for name, state in {"parts": parts, "main": alone, "all": told}.items():
            other = Run(group, args, Tokens(tied=True, seed=99)).with_optimizer()
            other.strategy.load_state(state)
            again = plain(other.strategy.state("sharded"))
            found[f"{name} loaded"] = _same(again, parts)
            updates(other, rank, ranks, WINDOWS[2:])
            found[f"{name} went on"] = _same(plain(other.strategy.state("sharded")), end)
        return found


def _told_to_all(group: Any, state: State) -> State:
    """Through a file."""
    path = group.broadcast(str(Path(tempfile.mkdtemp()) / "state.pt"))
    if group.is_main:
        torch.save([state.model, state.optimizer], path)
    group.barrier()
    return State(*torch.load(path, weights_only=True))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return type(left) is type(right) and torch.equal(left, right)
    if isinstance(left, State):
        return _same(left.model, right.model) and _same(left.optimizer, right.optimizer)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


@pytest.mark.parametrize("ranks, fsdp", [(2, "full_shard auto_wrap"), (3, "shard_grad_op")])
def test_a_state_of_parts_and_one_of_wholes_go_on_bit_for_bit(ranks: int, fsdp: str) -> None:
    answers = run_in(ranks, resumed, fsdp)
    for found in answers:
        for name in ("parts", "main", "all"):
            assert found[f"{name} loaded"] is True and found[f"{name} went on"] is True, name
    whole, last = answers[0]["whole"], answers[0]["last"]
    assert list(whole.model) == list(Tokens(tied=True).state_dict())
    assert whole.model["head.weight"].data_ptr() == whole.model["words.weight"].data_ptr(), "a tied weight is one"
    # One process takes it up, and does the same.
    args, model = settings(**ARGS), Tokens(tied=True, seed=99)
    single = SingleProcess()
    cpu = torch.device("cpu")
    single.prepare(model, Policy(cpu, choose_precision(args, cpu), lambda _: None, lambda module: module, trains=True))
    optimizer = build_optimizer(model, args)
    single.attach(optimizer, None)
    single.load_state(whole)
    assert far(model.state_dict(), whole.model) == 0
    for window in WINDOWS[2:]:
        single.backward(mean_loss(model, window))
        single.clip(model.parameters(), 1.0)
        single.step()
        optimizer.zero_grad()
    assert far(model.state_dict(), last.model) < 1e-12
    for name, known in single.state().optimizer["state"].items():  # type: ignore[union-attr]
        assert torch.allclose(known["exp_avg_sq"], last.optimizer["state"][name]["exp_avg_sq"], rtol=1e-9, atol=1e-15)


def refused(kind: str) -> None:
    with joined() as group:
        run = Run(group, settings(fsdp="full_shard", **ARGS), Tokens()).with_optimizer()
        updates(run, group.rank, group.world_size, WINDOWS[:1])
        state = plain(run.strategy.state("sharded"))
        expected: type[Exception] = PieceError
        if kind == "another part" and group.rank == 1:
            state.model["words.weight"] = torch.zeros(2, 6, dtype=torch.float64)  # type: ignore[index]
        if kind == "another parameter":
            expected = NamedStateError
            state = State(None, {"state": {}, "param_groups": [{"params": ["elsewhere"]}] if group.rank else []})
        if kind == "another name":
            expected = RuntimeError
            state = State({**state.model, "strange": torch.zeros(1)})  # type: ignore[dict-item]
        with pytest.raises(expected, match=r"rank 1: words\.weight is|elsewhere|strange"):
            run.strategy.load_state(state)
        group.barrier()


@pytest.mark.parametrize("kind", ["another part", "another parameter", "another name"])
def test_what_one_process_refuses_all_refuse(kind: str) -> None:
    run_in(2, refused, kind)


def other_layout() -> list[Any]:
    with joined() as group:
        ways = ("full_shard", "shard_grad_op", "no_shard")
        return [Run(group, settings(fsdp=way), Tokens()).strategy.layout() for way in ways]


def test_the_layout_tells_which_parts_fit() -> None:
    (full, kept, whole), _ = run_in(2, other_layout)
    assert full == kept == {"strategy": "fsdp", "world_size": 2, "dp_replicate_size": 1, "dp_shard_size": 2}
    assert whole == {**full, "dp_replicate_size": 2, "dp_shard_size": 1}
