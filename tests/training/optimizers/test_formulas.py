"""What was built, after several updates, against the published formulas written out in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import settings
from torch import Tensor, nn

from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import training_mode

RATE, DECAY, BETA1, BETA2, EPSILON = 0.05, 0.2, 0.6, 0.8, 1e-3
UPDATES = 6
Formula = Callable[[Tensor, list[Tensor]], Tensor]


def gradients(shape: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(UPDATES)]


def adamw(value: Tensor, slopes: list[Tensor]) -> Tensor:
    first, second = torch.zeros_like(value), torch.zeros_like(value)
    for step, slope in enumerate(slopes, start=1):
        first, second = BETA1 * first + (1 - BETA1) * slope, BETA2 * second + (1 - BETA2) * slope**2
        scaled = (first / (1 - BETA1**step)) / ((second / (1 - BETA2**step)).sqrt() + EPSILON)
        value = value - RATE * (scaled + DECAY * value)
    return value


def amsgrad(value: Tensor, slopes: list[Tensor]) -> Tensor:
    first, second, largest = torch.zeros_like(value), torch.zeros_like(value), torch.zeros_like(value)
    for step, slope in enumerate(slopes, start=1):
        first, second = BETA1 * first + (1 - BETA1) * slope, BETA2 * second + (1 - BETA2) * slope**2
        largest = torch.maximum(largest, second)
        scaled = (first / (1 - BETA1**step)) / ((largest / (1 - BETA2**step)).sqrt() + EPSILON)
        value = value - RATE * (scaled + DECAY * value)
    return value


def plain(value: Tensor, slopes: list[Tensor]) -> Tensor:
    for slope in slopes:
        value = value - RATE * (slope + DECAY * value)
    return value


def nesterov(value: Tensor, slopes: list[Tensor]) -> Tensor:
    speed = torch.zeros_like(value)
    for slope in slopes:
        pull = slope + DECAY * value
        speed = 0.9 * speed + pull
        value = value - RATE * (pull + 0.9 * speed)
    return value


def adagrad(value: Tensor, slopes: list[Tensor]) -> Tensor:
    total = torch.full_like(value, 0.1)
    for step, slope in enumerate(slopes):
        pull = slope + DECAY * value
        total = total + pull**2
        value = value - RATE / (1 + step * 0.5) * pull / (total.sqrt() + 1e-10)
    return value


def rmsprop(value: Tensor, slopes: list[Tensor]) -> Tensor:
    mean = torch.zeros_like(value)
    for slope in slopes:
        pull = slope + DECAY * value
        mean = 0.5 * mean + 0.5 * pull**2
        value = value - RATE * pull / (mean.sqrt() + 1e-8)
    return value


def lion(value: Tensor, slopes: list[Tensor]) -> Tensor:
    average = torch.zeros_like(value)
    for slope in slopes:
        value = value - RATE * DECAY * value
        value = value - RATE * (BETA1 * average + (1 - BETA1) * slope).sign()
        average = BETA2 * average + (1 - BETA2) * slope
    return value


def ademamix(value: Tensor, slopes: list[Tensor]) -> Tensor:
    fast, slow, second = torch.zeros_like(value), torch.zeros_like(value), torch.zeros_like(value)
    for step, slope in enumerate(slopes, start=1):
        fast, slow = BETA1 * fast + (1 - BETA1) * slope, 0.99 * slow + 0.01 * slope
        second = BETA2 * second + (1 - BETA2) * slope**2
        scaled = (fast / (1 - BETA1**step) + 4.0 * slow) / ((second / (1 - BETA2**step)).sqrt() + EPSILON)
        value = value - RATE * (scaled + DECAY * value)
    return value


def schedule_free_sgd(value: Tensor, slopes: list[Tensor]) -> Tensor:
    """x, the average, is what evaluation sees; gradients are taken at y, between x and z."""
    lead, average, weights = value, value, 0.0
    for slope in slopes:
        between = 0.1 * lead + 0.9 * average
        lead = lead - RATE * (slope + DECAY * between)
        weights += RATE**2
        share = RATE**2 / weights
        average = (1 - share) * average + share * lead
    return 0.1 * lead + 0.9 * average


ADAM = {"adam_beta1": BETA1, "adam_beta2": BETA2, "adam_epsilon": EPSILON}
LION = {"adam_beta1": BETA1, "adam_beta2": BETA2}
ROWS: list[tuple[str, dict[str, Any], Formula]] = [
    ("adamw_torch", ADAM, adamw),
    ("adamw_torch", {**ADAM, "optim_args": "amsgrad=true"}, amsgrad),
    ("adamw_torch_fused", ADAM, adamw),
    ("adamw_apex_fused", ADAM, adamw),
    ("adamw_anyprecision", ADAM, adamw),
    ("paged_adamw_32bit", ADAM, adamw),
    ("muon", ADAM, adamw),
    ("sgd", {}, plain),
    ("sgd", {"optim_args": "momentum=0.9,nesterov=true"}, nesterov),
    ("adagrad", {"optim_args": "lr_decay=0.5,initial_accumulator_value=0.1"}, adagrad),
    ("rmsprop", {"optim_args": "alpha=0.5"}, rmsprop),
    ("rmsprop_bnb", {"optim_args": "alpha=0.5"}, rmsprop),
    ("lion_32bit", LION, lion),
    ("paged_lion_32bit", LION, lion),
    ("ademamix", {**ADAM, "optim_args": "alpha=4.0,beta3=0.99"}, ademamix),
    ("paged_ademamix_32bit", {"optim_args": f"alpha=4,beta1={BETA1},beta2={BETA2},beta3=0.99,eps={EPSILON}"}, ademamix),
    ("schedule_free_sgd", {"lr_scheduler_type": "constant"}, schedule_free_sgd),
]


class Free(nn.Module):
    """One parameter that decays and is no matrix."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value.clone())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optim, changes, formula", ROWS, ids=[f"{row[0]}-{number}" for number, row in enumerate(ROWS)])
def test_optim_follows_its_formula(optim: str, changes: dict[str, Any], formula: Formula) -> None:
    start, slopes = torch.linspace(-1, 1, 24, dtype=torch.float64).view(2, 3, 4), gradients((2, 3, 4))
    # These keep their state in float32, whatever the weights are in.
    precise = optim not in {"paged_adamw_32bit", "rmsprop_bnb", "ademamix", "paged_ademamix_32bit"}
    precise = precise and "lion" not in optim
    model = Free(start if precise else start.float())
    optimizer = build_optimizer(model, settings(optim, learning_rate=RATE, weight_decay=DECAY, **changes))
    training_mode(optimizer)
    for slope in slopes:
        model.value.grad = slope.to(model.value.dtype, copy=True)
        optimizer.step()
    tolerance = {"rtol": 1e-9, "atol": 1e-11} if precise else {"rtol": 2e-5, "atol": 2e-6}
    torch.testing.assert_close(model.value.detach().double(), formula(start, slopes), **tolerance)


def test_optim_muon_follows_its_formula_for_a_matrix() -> None:
    """Momentum, five Newton-Schulz iterations that make all singular values about one, and the shape's factor."""
    model = nn.Sequential(nn.Linear(6, 12, bias=False))
    start, slopes = model[0].weight.detach().double(), gradients((12, 6))
    optimizer = build_optimizer(model, settings("muon", learning_rate=RATE, weight_decay=DECAY))
    expected, speed = start, torch.zeros_like(start)
    for slope in slopes:
        model[0].weight.grad = slope.float()
        optimizer.step()
        speed = 0.95 * speed + 0.05 * slope
        turned = 0.05 * slope + 0.95 * speed
        turned = (turned / turned.norm()).T
        for _ in range(5):
            square = turned @ turned.T
            turned = 3.4445 * turned + (-4.775 * square + 2.0315 * square @ square) @ turned
        expected = expected * (1 - RATE * DECAY) - RATE * 2**0.5 * turned.T
    # The iterations run in bfloat16.
    torch.testing.assert_close(model[0].weight.detach().double(), expected, rtol=0, atol=0.02 * RATE * UPDATES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optim", ["adamw_bnb_8bit", "adamw_torch_8bit", "adamw_torch_4bit", "lion_8bit"])
def test_optim_with_states_of_few_bits_stays_near_the_formula(optim: str) -> None:
    shape = (64, 80)
    start, slopes = torch.linspace(-1, 1, 5120, dtype=torch.float64).view(shape), gradients(shape)
    model = Free(start.float())
    args = settings(optim, learning_rate=RATE, weight_decay=DECAY, **(LION if "lion" in optim else ADAM))
    optimizer = build_optimizer(model, args)
    # As it is written: test_every_optimizer.py lets those of torchao compile it.
    with torch.compiler.set_stance("force_eager"):
        for slope in slopes:
            model.value.grad = slope.float()
            optimizer.step()
    moved = (model.value.detach().double() - start).flatten()
    wanted = ((lion if "lion" in optim else adamw)(start, slopes) - start).flatten()
    closeness = torch.nn.functional.cosine_similarity(moved, wanted, dim=0)
    assert 0.98 < closeness < 1 - 1e-9
    kept = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    assert any("OptimState" in type(value).__name__ or value.dtype is torch.uint8 for value in kept)
