"""Adafactor against the formulas of its paper in float64, in half precision, and on sharded parameters."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.optimizers.toy import settings
from torch import Tensor, nn

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.adafactor import Adafactor
from trainspec.training.optimizers.behaviour import learning_rate


def rms(value: Tensor) -> float:
    return math.sqrt(float((value**2).mean()))


def expected(value: Tensor, slopes: list[Tensor], rate: float, decay: float, **given: Any) -> Tensor:
    """Shazeer and Stern 2018, algorithms 4 to 6, entry by entry where a matrix has rows and columns."""
    options = {"eps": (1e-30, 1e-3), "clip_threshold": 1.0, "decay_rate": -0.8, "beta1": None, **given}
    full = torch.zeros_like(value)
    average = torch.zeros_like(value)
    for step, slope in enumerate(slopes, start=1):
        beta = 1 - step ** options["decay_rate"]
        full = beta * full + (1 - beta) * (slope**2 + options["eps"][0])
        second = full
        if value.ndim >= 2:
            # The best rank-one fit has the rows' and columns' means; they follow from the means of the full average.
            second = full.mean(-1, keepdim=True) * full.mean(-2, keepdim=True) / full.mean((-1, -2), keepdim=True)
        turned = slope / second.sqrt()
        turned = turned / max(1.0, rms(turned) / options["clip_threshold"])
        size = rate
        if options.get("relative_step"):
            size = min(1e-6 * step if options.get("warmup_init") else 1e-2, 1 / math.sqrt(step))
        if options.get("scale_parameter"):
            size *= max(options["eps"][1], rms(value))
        change = size * turned
        if options["beta1"] is not None:
            average = options["beta1"] * average + (1 - options["beta1"]) * change
            change = average
        value = value - size * decay * value - change
    return value


ROWS: list[Any] = [
    pytest.param((5,), {}, id="vector"),
    pytest.param((4, 6), {}, id="matrix"),
    pytest.param((3, 4, 2), {}, id="stack-of-matrices"),
    pytest.param((4, 6), {"beta1": 0.7}, id="momentum"),
    pytest.param((4, 6), {"clip_threshold": 0.3, "decay_rate": -0.5, "eps": [1e-3, 1e-3]}, id="other-constants"),
    pytest.param((4, 6), {"scale_parameter": True}, id="scaled"),
    pytest.param((4, 6), {"scale_parameter": True, "eps": [1e-30, 50.0]}, id="scaled-at-least"),
    pytest.param((4, 6), {"relative_step": True}, id="relative"),
    pytest.param((4, 6), {"relative_step": True, "warmup_init": True}, id="relative-warmup"),
]


class One(nn.Module):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value.clone())


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@pytest.mark.parametrize("shape, options", ROWS)
def test_optim_args_adafactor_follows_the_paper(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(2)
    start, *slopes = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(6))
    model = One(start)
    args = settings("adafactor", learning_rate=0.1, weight_decay=0.3, optim_args=options)
    optimizer = build_optimizer(model, args)
    for slope in slopes:
        model.value.grad = slope.clone()
        optimizer.step()
    wanted = expected(start, slopes, 0.1, 0.3, **options)
    torch.testing.assert_close(model.value.detach(), wanted, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(wanted, expected(start, slopes, 0.2, 0.3, **options)) or "relative_step" in options


@given(st.lists(st.integers(1, 5), min_size=0, max_size=4), st.floats(1e-4, 10.0))
def test_adafactor_clips_every_first_update_to_the_threshold(shape: list[int], threshold: float) -> None:
    value = nn.Parameter(torch.zeros(shape, dtype=torch.float64))
    optimizer = Adafactor([value], lr=1.0, clip_threshold=threshold)
    value.grad = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    optimizer.step()
    assert rms(value.detach()) <= threshold * (1 + 1e-9)


def test_adafactor_reports_the_rate_of_a_relative_step() -> None:
    value = nn.Parameter(torch.ones(3))
    optimizer = Adafactor([value], lr=7.0, relative_step=True, warmup_init=True)
    for step in (1, 2, 3):
        assert learning_rate(optimizer) == pytest.approx(1e-6 * step)
        value.grad = torch.ones(3)
        optimizer.step()
    assert learning_rate(Adafactor([value], lr=7.0)) == 7.0


def test_adafactor_of_half_precision_keeps_its_state_in_single_precision_through_a_file() -> None:
    value = nn.Parameter(torch.randn(6, 5).bfloat16())
    optimizer = Adafactor([value], lr=0.1)
    value.grad = torch.randn(6, 5).bfloat16()
    optimizer.step()
    row = optimizer.state[value]["exp_avg_sq_row"].clone()
    other = Adafactor([value], lr=0.1)
    other.load_state_dict(optimizer.state_dict())
    assert row.dtype is torch.float32 and torch.equal(other.state[value]["exp_avg_sq_row"], row)


def test_adafactor_refuses_what_it_cannot_do() -> None:
    value = nn.Parameter(torch.ones(3, 2))
    value.grad = torch.eye(3)[:, :2].to_sparse()
    with pytest.raises(RuntimeError, match="sparse"):
        Adafactor([value]).step()
    with pytest.raises(ValueError, match="relative_step"):
        Adafactor([value], warmup_init=True)


@pytest.fixture
def one_process() -> Iterator[Any]:
    from torch.distributed.device_mesh import init_device_mesh

    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("dimension", [0, 1])
def test_adafactor_of_sharded_parameters_does_the_same(one_process: Any, dimension: int) -> None:
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor

    start, *slopes = (torch.randn(6, 4) for _ in range(4))
    whole = nn.Parameter(start.clone())
    shards = nn.Parameter(distribute_tensor(start, one_process, [Shard(dimension)]))
    options: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.1, "beta1": 0.9, "scale_parameter": True}
    for value, spread in ((whole, False), (shards, True)):
        optimizer = Adafactor([value], **options)
        for slope in slopes:
            value.grad = distribute_tensor(slope, one_process, [Shard(dimension)]) if spread else slope.clone()
            optimizer.step()
    assert isinstance(shards, DTensor)
    kept = [value for value in optimizer.state[shards].values() if isinstance(value, DTensor)]
    assert len(kept) == 3 and not any(placement.is_partial() for value in kept for placement in value.placements)
    torch.testing.assert_close(shards.full_tensor(), whole, rtol=1e-6, atol=1e-7)
