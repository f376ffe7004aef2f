"""What is special about running some optimizers, so that the loop need not know which one it has.

Every function does the usual thing for an optimizer that has nothing special, a user's own included.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from trainspec.plan.steps import warmup_updates
from trainspec.training.optimizers.ownership import release
from trainspec.training.optimizers.schedule_free import WARM_UP_THEMSELVES_UNDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments

# In a parameter's state, of a checkpoint that nothing but the run's end asked for.
_TRAINING_WEIGHTS = "training_weights"


def backward(optimizer: Optimizer | None, loss: Tensor, usual: Callable[[Tensor], None]) -> None:
    """The backward pass: `usual`, but LOMO updates the weights in one of its own."""
    getattr(optimizer, "backward", usual)(loss)


def name_of(optimizer: Optimizer) -> str:
    """The class of the optimizer that steps, not of an engine's view of it."""
    return type(getattr(optimizer, "inner", optimizer)).__name__


def updates_in_backward(optimizer: Optimizer | None) -> bool:
    """Whether weights change before the optimizer's step, in the backward pass."""
    return optimizer is not None and hasattr(optimizer, "gradient_norm")


def gradient_norm(optimizer: Optimizer) -> Tensor | None:
    """The global norm of gradients that are gone by the time of the step; None: they are there to be measured.

    To be called before the optimizer's step.
    """
    measured = getattr(optimizer, "gradient_norm", None)
    return None if measured is None else measured()


def clear_gradients(optimizer: Optimizer) -> None:
    """What `optimizer.zero_grad()` does, without the entry that torch's own writes for a profiler."""
    if type(optimizer).zero_grad is not torch.optim.Optimizer.zero_grad:
        optimizer.zero_grad(set_to_none=True)
        return
    for group in optimizer.param_groups:
        for value in group["params"]:
            value.grad = None


def learning_rate(optimizer: Optimizer) -> float:
    """The rate that the next update takes, warm-up inside the optimizer included."""
    own = getattr(optimizer, "learning_rate", None)
    if callable(own):
        return float(own())
    group = optimizer.param_groups[0]
    warmup = group.get("warmup_steps") or 0
    share = min(1.0, (group["k"] + 1) / warmup) if warmup and "k" in group else 1.0
    return float(group["lr"]) * share


def announce_length(optimizer: Optimizer, args: TrainingArguments, total_updates: int) -> None:
    """Tell an optimizer that warms up by itself for how many updates, where the schedule does not do it."""
    if args.lr_scheduler_type not in WARM_UP_THEMSELVES_UNDER or not _averages_weights(optimizer):
        return
    updates = warmup_updates(args.warmup_steps, args.warmup_ratio, total_updates)
    for group in optimizer.param_groups:
        if "warmup_steps" in group:
            group["warmup_steps"] = updates


def training_mode(optimizer: Optimizer) -> None:
    """The weights become those that training works on. Before the first update, and after a state was loaded."""
    if not _averages_weights(optimizer):
        return
    optimizer.train()  # type: ignore[attr-defined]
    with torch.no_grad():
        for value, state in _states(optimizer):
            if _TRAINING_WEIGHTS in state:
                value.copy_(state.pop(_TRAINING_WEIGHTS))


def evaluation_mode(optimizer: Optimizer) -> None:
    """The end of training: weights become those that are of use, and backward passes update nothing any more."""
    if _averages_weights(optimizer):
        optimizer.eval()  # type: ignore[attr-defined]
    if hasattr(optimizer, "gradient_norm"):
        release(value for group in optimizer.param_groups for value in group["params"])


@contextmanager
def evaluating(optimizer: Optimizer | None) -> Iterator[None]:
    """The weights that are of use, inside; afterwards those of training are what they were, to the bit."""
    if optimizer is None or not _is_training(optimizer):
        yield
        return
    values = [value for group in optimizer.param_groups for value in group["params"]]
    before = [value.detach().clone() for value in values]
    evaluation_mode(optimizer)
    try:
        yield
    finally:
        training_mode(optimizer)
        with torch.no_grad():
            for value, old in zip(values, before, strict=True):
                value.copy_(old)


@contextmanager
def saving(optimizer: Optimizer | None, *, unasked: bool = False) -> Iterator[None]:
    """The weights that are of use, inside, for a checkpoint of them and of the optimizer's state.

    Those of training are computed anew from them afterwards, as a run that resumes from the checkpoint does: both go
    on with the same rounding. `unasked`: the undisturbed run would not save here, nor round; then the state has those
    of training, too.
    """
    if optimizer is None or not _is_training(optimizer):
        yield
        return
    if unasked:
        for value, state in _states(optimizer):
            state[_TRAINING_WEIGHTS] = value.detach().clone()
    evaluation_mode(optimizer)
    try:
        yield
    finally:
        training_mode(optimizer)


def note_losses(optimizer: Optimizer, *, train_loss: float | None, eval_loss: float | None) -> None:
    """Tell GrokAdamW how far training and evaluation are apart, which its grokking signal follows."""
    for group in optimizer.param_groups:
        if "grokking_signal_fns" in group:
            group["train_loss"], group["eval_loss"] = train_loss, eval_loss


def _states(optimizer: Optimizer) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Of the parameters that have one, as those have that were updated."""
    values = (value for group in optimizer.param_groups for value in group["params"])
    return ((value, optimizer.state[value]) for value in values if optimizer.state.get(value))


def _averages_weights(optimizer: Any) -> bool:
    return callable(getattr(optimizer, "train", None)) and callable(getattr(optimizer, "eval", None))


def _is_training(optimizer: Any) -> bool:
    return _averages_weights(optimizer) and any(
        place.get("train_mode", False) for place in (vars(optimizer), *optimizer.param_groups)
    )
