"""What an engine saves: plain tensors by name, each process its part; a run goes on from it bit for bit. Afterwards the
model is the user's again.
"""

import io
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine import ranks
from tests.training.parallel.deepspeed_engine.server import run

from trainspec.training.parallel import Processes, State
from trainspec.training.parallel.named_state import NamedStateError

SIZE, ACCUMULATION = 4, 3


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def stored(value: Any) -> Any:
    """Through a file, as nothing but tensors and plain values."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def whole(processes: Processes, weights: Any, like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The main process's weights, in all."""
    return {
        name: processes.sum(weights[name].clone() if weights else torch.zeros_like(value))
        for name, value in like.items()
    }


def begun(processes: Processes, stage: int, dtype: str, model: Any = None) -> ranks.Run:
    return ranks.Run(
        processes,
        model=model,
        deepspeed={"zero_optimization": {"stage": stage}, "fp16": {"enabled": "auto", "initial_scale_power": 8}},
        per_device_train_batch_size=SIZE,
        gradient_accumulation_steps=ACCUMULATION,
        **({dtype: True} if dtype else {}),
    )


def goes_on(stage: int, dtype: str) -> dict[str, Any]:
    with ranks.joined() as processes:
        first = begun(processes, stage, dtype)
        for number in range(2):
            first.update(number, SIZE, ACCUMULATION)
        kind = "sharded" if first.strategy.pieces() else "full"
        saved, whole_optimizer = first.strategy.state(kind), first.strategy.state("full").optimizer
        scale, schedule = stored(first.precision.state_dict()), stored(first.schedule.state_dict())
        optimizer = stored(dict(saved.optimizer)) if saved.optimizer else None
        fresh = ranks.Words()
        weights = whole(processes, saved.model, fresh.state_dict())
        first.update(2, SIZE, ACCUMULATION)
        fresh.load_state_dict(weights)
        second = begun(processes, stage, dtype, fresh)
        if kind == "full":
            # Where every process holds all, the main one's is everybody's.
            optimizer = stored(dict(first_of(processes, whole_optimizer, second)))
        second.strategy.load_state(State(optimizer=optimizer))
        second.schedule.load_state_dict(schedule)
        second.precision.load_state_dict(scale)
        second.update(2, SIZE, ACCUMULATION)
        ended = [each.strategy.state(kind) for each in (first, second)]
        return {
            "weights": same(*(dict(state.model) for state in ended)),
            "optimizer": same(*(dict(state.optimizer) for state in ended)),
            "norms": first.norms[-1] == second.norms[-1],
            "scale": first.precision.loss_scale(),
            "pieces": first.strategy.pieces(),
            "entries": {name: sorted(entry) for name, entry in optimizer["state"].items()},
            "local": sum(entry["exp_avg"].numel() for entry in optimizer["state"].values()),
            "whole": {name: tuple(entry["exp_avg"].shape) for name, entry in whole_optimizer["state"].items()}
            if whole_optimizer
            else None,
        }


def first_of(processes: Processes, state: Any, run_: ranks.Run) -> Any:
    """The whole state of the main process, told to the others a tensor at a time."""
    if processes.world_size == 1 or not run_.strategy.pieces():
        told = processes.broadcast({key: list(entry) for key, entry in state["state"].items()} if state else {})
        groups = processes.broadcast(state["param_groups"] if state else [])
        entries: dict[str, Any] = {}
        for name, keys in told.items():
            entries[name] = {}
            for key in keys:
                entries[name][key] = processes.broadcast(state["state"][name][key] if state else None)
        return {"state": entries, "param_groups": groups}
    return state


CASES = [(2, ""), (3, "bf16"), (1, "fp16")]
ALL = [(stage, dtype) for stage in range(4) for dtype in ("", "bf16", "fp16")]


def goes_on_bit_for_bit(stage: int, dtype: str) -> None:
    answers = run(2, goes_on, stage, dtype)
    trained = {name: value for name, value in ranks.Words().named_parameters() if value.requires_grad}
    for answer in answers:
        assert answer["weights"] and answer["optimizer"] and answer["norms"]
        assert (answer["scale"] == 256.0) if dtype == "fp16" else answer["scale"] is None
        kept = {"step", "exp_avg", "exp_avg_sq"} | ({"master_weight"} if dtype else set())
        assert all(set(entry) == kept for entry in answer["entries"].values())
    assert answers[0]["whole"] == {name: tuple(value.shape) for name, value in trained.items()}
    if stage == 0:
        assert answers[0]["pieces"] == {}
        return
    # Together they hold each element once, and each about its half.
    total = sum(value.numel() for value in trained.values())
    assert sum(answer["local"] for answer in answers) == total
    assert all(abs(answer["local"] - total / 2) <= 0.05 * total for answer in answers)
    for name, value in trained.items():
        places = [answer["pieces"][name] for answer in answers]
        assert all(place["shape"] == list(value.shape) and place["flat"] for place in places)
        spans = sorted((place["offset"][0], place["local_shape"][0]) for place in places if place["local_shape"][0])
        assert spans[0][0] == 0 and sum(length for _, length in spans) == value.numel()


@pytest.mark.parametrize("stage, dtype", CASES)
def test_a_run_goes_on_bit_for_bit(stage: int, dtype: str) -> None:
    goes_on_bit_for_bit(stage, dtype)


@pytest.mark.long_distributed
@pytest.mark.parametrize("stage, dtype", ALL)
def test_every_run_goes_on_bit_for_bit(stage: int, dtype: str) -> None:
    goes_on_bit_for_bit(stage, dtype)


def computes_alone() -> Any:
    with ranks.joined() as processes:
        held = begun(processes, 3, "")
        held.update(0, SIZE, ACCUMULATION)
        words = torch.arange(6).reshape(1, 6) % ranks.CLASSES
        bare = held.strategy.evaluated(held.wrapped)
        assert held.strategy.forward_is_shared
        with torch.no_grad():
            together = bare(words)
            with held.strategy.gathered():
                sizes = sum(value.numel() for value in held.model.parameters())
                # As many passes as there are ranks before this one.
                alone = [bare(words) for _ in range(processes.rank * 2)]
        held.update(1, SIZE, ACCUMULATION)
        here = sum(value.numel() for value in held.model.parameters())
        return [bool(torch.equal(each, together)) for each in alone], sizes, here, held.norms


def test_each_process_may_compute_alone_where_the_model_is_gathered() -> None:
    answers = run(2, computes_alone)
    whole_model = sum(value.numel() for value in ranks.Words().parameters())
    assert [answer[0] for answer in answers] == [[], [True, True]]
    assert all(answer[1] == whole_model for answer in answers)
    assert answers[0][3] == pytest.approx(ranks.plainly()[1][:2], rel=1e-6)


def loads_and_comes_back(stage: int) -> dict[str, Any]:
    with ranks.joined() as processes:
        model = ranks.Words()
        linear, names = torch.nn.functional.linear, {id(value): set(vars(value)) for value in model.parameters()}
        held = begun(processes, stage, "bf16", model)
        held.update(0, SIZE, ACCUMULATION)
        # Another's weights, as the best checkpoint's are loaded: the optimizer steps on from these.
        others = {
            name: value + 0.25 if value.is_floating_point() else value
            for name, value in ranks.Words().state_dict().items()
        }
        held.strategy.load_state(State(others))
        loaded = dict(held.strategy.weights())
        with pytest.raises(NamedStateError, match="of other parameters"):
            held.strategy.load_state(State(optimizer={"state": {}, "param_groups": [{"params": ["elsewhere"]}]}))
        with pytest.raises(RuntimeError, match="another one cannot take over"):
            held.strategy.attach(held.optimizer, None)
        wrapped = held.strategy.prepare(model, ranks.Policy(ranks.CPU, held.precision, lambda _: None, lambda m: m))
        back = {name: value.clone() for name, value in model.state_dict().items()}
        hooks = [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks or m._backward_hooks]
        return {
            "loaded": {name: float((value - others[name]).abs().max()) for name, value in loaded.items()},
            "back": back,
            "clean": all(set(vars(value)) == names[id(value)] for value in model.parameters()) and not hooks,
            "linear": torch.nn.functional.linear is linear,
            "runs": tuple(wrapped(torch.zeros(2, 3, dtype=torch.int64)).shape),
            "others": others,
        }


@pytest.mark.parametrize("stage", [1, 3])
def test_weights_are_loaded_and_the_model_comes_back_whole(stage: int) -> None:
    answers = run(2, loads_and_comes_back, stage)
    for answer in answers:
        # What was loaded is rounded to bfloat16, of which eight bits are kept.
        assert all(gap <= 2.0**-7 for gap in answer["loaded"].values())
        assert answer["clean"] and answer["linear"] and answer["runs"] == (2, 3, ranks.CLASSES)
        for name, value in answer["back"].items():
            assert value.dtype == answer["others"][name].dtype and value.shape == answer["others"][name].shape
            assert (value - answer["others"][name]).abs().max() <= 2.0**-7
    assert answers[0]["loaded"].keys() == answers[0]["others"].keys() and not answers[1]["loaded"]
