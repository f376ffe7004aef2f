"""The same rows in any split of ranks, micro-batches and accumulation give the updates of one plain process.

Rows have different numbers of tokens, some micro-batches have none, and the last window is short. DeepSpeed computes in
float32 whatever the model, so parameters agree within 2e-7 after three updates, and norms within 1e-6 of themselves.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine import ranks
from tests.training.parallel.deepspeed_engine.server import run

from trainspec.settings.rules.deepspeed.engine import ELEMENT_BY_ELEMENT

STAGES = (0, 1, 2, 3)
SHORT = 13
# Ranks, rows of a micro-batch, micro-batches of a window.
SPLITS = ((1, 5, 5), (2, 4, 3), (3, 2, 4))
CLOSE = 2e-7


def trained(stage: int, size: int, accumulation: int, last: int, changes: dict[str, Any]) -> Any:
    with ranks.joined() as processes:
        zero = {"zero_optimization": {"stage": stage}}
        more = {**changes, "deepspeed": {**zero, **changes.get("deepspeed", {})}}
        found = ranks.Run(processes, per_device_train_batch_size=size, gradient_accumulation_steps=accumulation, **more)
        for number in range(ranks.UPDATES):
            found.update(number, size, accumulation, last)
        return dict(found.strategy.weights()), found.norms, found.rates, found.stepped


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def is_as_plain(split: tuple[int, int, int], stage: int, close: float = CLOSE, **changes: Any) -> None:
    count, size, accumulation = split
    answers = run(count, trained, stage, size, accumulation, SHORT, changes)
    plain, norms = ranks.plainly(SHORT, **{key: value for key, value in changes.items() if key != "deepspeed"})
    weights, _, rates, stepped = answers[0]
    assert furthest(weights, plain) < close, (stage, split)
    assert stepped == [True] * ranks.UPDATES and rates == pytest.approx([0.01, 0.02 / 3, 0.01 / 3])
    for others, told, *_ in answers:
        assert told == pytest.approx(norms, rel=max(1e-6, close)) and told == answers[0][1]
        assert others.keys() == (weights.keys() if others is weights else set())


@pytest.mark.parametrize("stage", STAGES)
def test_any_split_is_one_process(stage: int) -> None:
    is_as_plain(SPLITS[1], stage)


@pytest.mark.parametrize("stage", (0, 3))
def test_one_process_is_enough(stage: int) -> None:
    is_as_plain(SPLITS[0], stage)


def test_without_clipping_nothing_is_clipped() -> None:
    is_as_plain(SPLITS[1], 2, max_grad_norm=0.0)


@pytest.mark.long_distributed
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("split", [*SPLITS, (2, 1, 12), (4, 6, 1), (3, 8, 1)], ids=str)
@pytest.mark.parametrize("max_grad_norm", (0.0, 0.5))
def test_every_split_is_one_process(stage: int, split: tuple[int, int, int], max_grad_norm: float) -> None:
    is_as_plain(split, stage, max_grad_norm=max_grad_norm)


@pytest.mark.long_distributed
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("optim", ELEMENT_BY_ELEMENT)
@pytest.mark.filterwarnings("ignore")
def test_every_optimizer_that_is_let_through_steps_slices_as_it_does_wholes(optim: str, stage: int) -> None:
    is_as_plain(SPLITS[1], stage, close=1e-6, optim=optim)


@pytest.mark.long_distributed
@pytest.mark.parametrize(
    "zero",
    [
        {"stage": 1, "offload_optimizer": {"device": "cpu", "pin_memory": False}},
        {"stage": 2, "offload_optimizer": {"device": "cpu", "pin_memory": False}},
        {
            "stage": 3,
            "offload_param": {"device": "cpu", "pin_memory": False},
            "offload_optimizer": {"device": "cpu", "pin_memory": False},
        },
        {"stage": 2, "reduce_bucket_size": 64, "overlap_comm": True},
        {"stage": 3, "reduce_bucket_size": 64, "stage3_param_persistence_threshold": 0, "sub_group_size": 100},
        {"stage": 2, "round_robin_gradients": True, "contiguous_gradients": False},
    ],
    ids=str,
)
def test_how_zero_goes_about_it_changes_nothing(zero: dict[str, Any]) -> None:
    is_as_plain(SPLITS[1], zero["stage"], deepspeed={"zero_optimization": zero})


def test_half_precision_is_the_same_at_every_stage() -> None:
    """Without ZeRO the library makes a step before training, and forgets to scale: that is put right."""
    changes = {"fp16": True, "deepspeed": {"fp16": {"enabled": "auto", "initial_scale_power": 8}}}
    first, last = (run(2, trained, stage, 12, 1, ranks.ROWS, changes)[0] for stage in (0, 1))
    assert first[1] == pytest.approx(last[1], rel=1e-3) and furthest(first[0], last[0]) < 1e-4
    plain, norms = ranks.plainly()
    assert first[1] == pytest.approx(norms, rel=1e-2) and furthest(first[0], plain) < 5e-3


def test_an_optimizer_that_counts_its_steps_in_its_groups_begins_with_the_first() -> None:
    """That step of the library before training would be one of them."""
    pytest.importorskip("optimi")
    changes = {"fp16": True, "optim": "stable_adamw", "deepspeed": {"fp16": {"initial_scale_power": 8}}}
    weights = run(2, trained, 0, 12, 1, ranks.ROWS, changes)[0][0]
    plain, _ = ranks.plainly(optim="stable_adamw")
    off = torch.cat([(weights[name] - value).abs().flatten() for name, value in plain.items()])
    assert off.mean() < 3e-4


@pytest.mark.long_distributed
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("dtype", ("bf16", "fp16"))
def test_half_precision_is_near(stage: int, dtype: str) -> None:
    more = {"fp16": {"initial_scale_power": 8, "enabled": "auto"}} if dtype == "fp16" else {}
    weights, norms, _, stepped = run(2, trained, stage, 4, 3, SHORT, {dtype: True, "deepspeed": more})[0]
    plain, plain_norms = ranks.plainly(SHORT)
    assert furthest(weights, plain) < 2e-2 and norms == pytest.approx(plain_norms, rel=3e-2) and all(stepped)
    assert {value.dtype for value in weights.values()} == {value.dtype for value in plain.values()}


@pytest.mark.long_distributed
@pytest.mark.parametrize("stage", STAGES)
def test_torch_autocast_of_the_engine_is_near(stage: int) -> None:
    changes = {"bf16": True, "deepspeed": {"torch_autocast": {"enabled": True, "dtype": "bfloat16"}}}
    weights = run(2, trained, stage, 4, 3, SHORT, changes)[0][0]
    assert 0 < furthest(weights, ranks.plainly(SHORT)[0]) < 2e-2
