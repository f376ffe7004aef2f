"""Half precision, evaluation in another format, compiled and recomputed models: as one process computes them."""

from typing import Any

import pytest
import torch
from tests.training.parallel.fsdp.toy import (
    CPU,
    Run,
    Tokens,
    dealt,
    far,
    items_in,
    joined,
    make_rows,
    mean_loss,
    settings,
)
from tests.training.parallel.world import run_in
from torch import Tensor, nn

from trainspec.training.optimizers import build_optimizer
from trainspec.training.precision.full_eval import evaluating_in
from trainspec.training.precision.precision import choose_precision

ROWS = make_rows(8)
F32 = torch.float32


def one_process(changes: dict[str, Any], updates: int) -> tuple[dict[str, Tensor], list[float]]:
    args, model, norms = settings(**changes), Tokens(F32), []
    precision, optimizer = choose_precision(args, CPU), build_optimizer(model, args)
    for _ in range(updates):
        with precision.autocast():
            loss = mean_loss(model, ROWS)
        precision.backward(loss)
        precision.unscale(optimizer)
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
        precision.step(optimizer)
        optimizer.zero_grad()
    return {name: value.detach() for name, value in model.state_dict().items()}, norms


def half(changes: dict[str, Any]) -> Any:
    with joined() as group:
        run = Run(
            group, settings(fsdp="full_shard auto_wrap", max_grad_norm=0.5, **changes), Tokens(F32)
        ).with_optimizer()
        formats: set[torch.dtype] = set()
        run.model.blocks[0].up.register_forward_hook(lambda module, *_: formats.add(module.weight.dtype))
        micro = dealt(ROWS, group.world_size, 2, 2)[group.rank]
        told = [run.update(micro, items_in(ROWS)) for _ in range(3)]
        weights = dict(run.strategy.weights())
        before = {name: value.clone() for name, value in run.strategy.weights("sharded").items()}
        overflow = None
        if changes.get("fp16"):
            scale = run.policy.precision.loss_scale()
            with run.strategy.accumulating(run.module, last=True):
                loss = mean_loss(run.module, micro[0])
                # In one process alone, and in one element of one shard.
                run.strategy.backward(loss * (1e38 if group.rank == 1 else 1.0))
            norm = run.strategy.clip(run.module.parameters(), 0.5)
            stepped = run.strategy.step()
            same = all(torch.equal(before[name], value) for name, value in run.strategy.weights("sharded").items())
            overflow = bool(torch.isfinite(norm)), stepped, same, scale, run.policy.precision.loss_scale()
        state = {known["exp_avg"].dtype for known in run.optimizer.state.values()}
        return told, weights, formats, {value.dtype for value in before.values()}, state, overflow


@pytest.mark.parametrize("changes", [{"bf16": True}, {"fp16": True}, {"fp16": True, "optim": "adamw_torch_fused"}])
def test_half_precision_is_that_of_one_process(changes: dict[str, Any]) -> None:
    answers = run_in(2, half, changes)
    weights, norms = one_process(changes, 3)
    dtype = torch.bfloat16 if "bf16" in changes else torch.float16
    for told, _, formats, held, state, overflow in answers:
        assert [norm for norm, _ in told] == pytest.approx(norms, rel=0.05) and all(stepped for _, stepped in told)
        assert formats == {dtype} and held == {F32} and state == {F32}, "gathered in half, kept and updated in single"
        assert told == answers[0][0]
        if overflow is not None:
            finite, stepped, same, before, after = overflow
            assert not finite and stepped is False and same and after == before / 2, "agreed by all"
    # Adam turns the smallest rounding of a gradient near zero into a whole step.
    off = torch.cat([(answers[0][1][name] - value).abs().flatten() for name, value in weights.items()])
    assert off.mean() < 3e-3


def evaluated(changes: dict[str, Any]) -> Any:
    with joined() as group:
        run = Run(group, settings(fsdp="full_shard auto_wrap", **changes), Tokens(F32)).with_optimizer()
        strategy, words = run.strategy, torch.tensor([[1, 2, 3, 4]])
        before = {name: value.clone() for name, value in strategy.weights("sharded").items()}
        found = []
        for dtype in (torch.bfloat16, torch.float16):
            with torch.no_grad(), strategy.evaluating_in(run.module, dtype), run.policy.precision.paused():
                found.append(run.module(words))
        with torch.no_grad(), strategy.evaluating_in(run.module, None):
            whole = run.module(words)
        same = all(torch.equal(before[name], value) for name, value in strategy.weights("sharded").items())
        run.update(dealt(ROWS, group.world_size, 4, 1)[group.rank], items_in(ROWS))
        first = dict(strategy.weights())
        # Alone: the other process does nothing meanwhile.
        with strategy.gathered():
            if group.is_main:
                for _ in range(3):
                    found.append(run.module(words).detach())
        run.update(dealt(ROWS, group.world_size, 4, 1)[group.rank], items_in(ROWS))
        return found, whole, same, first, dict(strategy.weights())


def test_evaluation_in_another_format_leaves_the_weights_what_they_are() -> None:
    (found, whole, same, first, second), (_, _, other, _, _) = run_in(2, evaluated, {"max_grad_norm": 0})
    assert same and other
    words, model = torch.tensor([[1, 2, 3, 4]]), Tokens(F32)
    assert torch.equal(whole, model(words))
    for given, dtype in zip(found, (torch.bfloat16, torch.float16), strict=False):
        with torch.no_grad(), evaluating_in(model, dtype):
            assert given.dtype is dtype and torch.equal(given, model(words))
    optimizer = build_optimizer(model, settings())
    for number, expected in enumerate((first, second)):
        mean_loss(model, ROWS).backward()
        optimizer.step()
        optimizer.zero_grad()
        assert far(expected, model.state_dict()) < 1e-5
        if number == 0:
            assert len(found) == 5 and torch.allclose(found[-1], model(words), atol=1e-5)


def test_bf16_training_may_be_evaluated_in_float16() -> None:
    (found, *_), _ = run_in(2, evaluated, {"max_grad_norm": 0, "bf16": True})
    assert [value.dtype for value in found[:2]] == [torch.bfloat16, torch.float16]


def changed(changes: dict[str, Any]) -> Any:
    with joined() as group:
        run = Run(group, settings(fsdp="full_shard auto_wrap", max_grad_norm=0, **changes), Tokens()).with_optimizer()
        calls = 0

        def count(*_: Any) -> None:
            nonlocal calls
            calls += 1

        run.model.blocks[1].up.register_forward_hook(count)
        for _ in range(2):
            run.update(dealt(ROWS, group.world_size, 2, 2)[group.rank], items_in(ROWS))
        return dict(run.strategy.weights()), calls


@pytest.mark.parametrize(
    "changes, calls",
    [
        ({"torch_compile": True, "torch_compile_backend": "aot_eager"}, None),
        ({"gradient_checkpointing": True}, 8),
        ({"fsdp_config": {"activation_checkpointing": True}}, 8),
        ({}, 4),
    ],
)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_compiled_and_recomputed_models_train_alike(changes: dict[str, Any], calls: int | None) -> None:
    model = Tokens()
    optimizer = build_optimizer(model, settings())
    for _ in range(2):
        mean_loss(model, ROWS).backward()
        optimizer.step()
        optimizer.zero_grad()
    (weights, counted), _ = run_in(2, changed, changes)
    assert far(weights, model.state_dict()) < 1e-9
    assert calls is None or counted == calls
