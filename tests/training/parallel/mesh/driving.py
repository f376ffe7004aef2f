"""Three updates of a strategy in every process of a mesh, and the same by a bare loop in one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from tests.training.optimizers.toy import settings
from tests.training.parallel.mesh.models import IGNORED, ROWS, Batch, build, items, rows, summed_loss
from torch import Tensor, nn

from trainspec.settings.arguments.launch import Launch
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import clear_gradients, saving, training_mode
from trainspec.training.parallel import Policy
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.mesh.strategy import MeshProcesses
from trainspec.training.precision.precision import choose_precision

CPU = torch.device("cpu")
RATE, UPDATES = 0.05, 3


class Trained(NamedTuple):
    weights: dict[str, Tensor]
    losses: list[float]
    norms: list[float]


def part(batch: Batch, share: int, of: int) -> Batch:
    return Batch(batch.tokens[share::of], batch.labels[share::of])


def window(update: int) -> Batch:
    every = rows()
    return Batch(every.tokens[update * ROWS : (update + 1) * ROWS], every.labels[update * ROWS : (update + 1) * ROWS])


def alone(model: str, max_norm: float = 0.0, change: Callable[[nn.Module], Any] | None = None) -> Trained:
    """By torch, with no part of ours."""
    module = build(model)
    if change is not None:
        change(module)
    optimizer = torch.optim.AdamW(module.parameters(), RATE, weight_decay=0.0, foreach=False)
    losses, norms = [], []
    for update in range(UPDATES):
        batch = window(update)
        loss = summed_loss(module, batch) / items(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        grads = [value.grad.flatten() for value in module.parameters() if value.grad is not None]
        norm = torch.cat(grads).norm()
        if max_norm:
            for value in module.parameters():
                if value.grad is not None:
                    value.grad *= min(1.0, max_norm / (norm.item() + 1e-6))
        losses.append(loss.item())
        norms.append(norm.item())
        optimizer.step()
        optimizer.zero_grad()
    return Trained(weights_of(module.state_dict()), losses, norms)


def weights_of(state: Any) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}


def no_recomputation(module: nn.Module) -> None:
    pass


class Run:
    """A strategy with a model and an optimizer, inside of joined processes."""

    def __init__(
        self, processes: Any, sizes: dict[str, int], model: nn.Module, optim: str = "adamw_torch", **changes: Any
    ) -> None:
        usual = {"learning_rate": RATE, "weight_decay": 0.0, "use_cpu": True, "adam_epsilon": 1e-8}
        self.args = settings(optim, **{**usual, "parallelism_config": sizes, **changes})
        self.strategy = MeshProcesses(processes, self.args)
        policy = Policy(CPU, choose_precision(self.args, CPU), no_recomputation, lambda module: module, trains=True)
        self.module = self.strategy.prepare(model, policy)
        self.optimizer, _ = self.strategy.attach(build_optimizer(self.module, self.args), None)

    def update(self, number: int, micro: int = 1, max_norm: float = 0.0) -> tuple[float, float]:
        """Of this process's rows, in so many micro-batches; the mean loss over all, and the gradients' norm."""
        strategy, whole = self.strategy, window(number)
        own = part(whole, strategy.data_rank, strategy.data_size)
        total = torch.zeros((), dtype=torch.float64)
        for place in range(micro):
            batch = part(own, place, micro)
            with strategy.accumulating(self.module, last=place == micro - 1):
                loss = summed_loss(self.module, batch) / items(whole)
                total += loss.detach().double()
                strategy.backward(loss, counts=bool((batch.labels != IGNORED).any()))
        norm = strategy.clip(self.module.parameters(), max_norm)
        assert type(norm) is Tensor
        self.stepped = strategy.step()
        clear_gradients(self.optimizer)
        return float(strategy.total(total)), norm.item()


def joined() -> Any:
    return processes_of(Launch.of_this_process(), timeout=timedelta(seconds=60))


def differences(found: list[Trained], expected: Trained) -> dict[str, float]:
    """How far every process is from one alone, at most."""
    main = found[0]
    assert main.weights.keys() == expected.weights.keys()
    assert all(not other.weights for other in found[1:])
    return {
        "weights": max(float((value - main.weights[name]).abs().max()) for name, value in expected.weights.items()),
        "losses": max(abs(a - b) for each in found for a, b in zip(each.losses, expected.losses, strict=True)),
        "norms": max(abs(a - b) for each in found for a, b in zip(each.norms, expected.norms, strict=True)),
    }


def trained_each(sizes: dict[str, int], cases: list[tuple[str, int, float]]) -> list[Trained]:
    """The same for each of some models with their numbers of micro-batches and norms to clip to."""
    with joined() as processes:
        return [_trained(processes, sizes, *case) for case in cases]


def _trained(processes: Any, sizes: dict[str, int], model: str, micro: int, max_norm: float) -> Trained:
    run = Run(processes, sizes, build(model))
    found = [run.update(number, micro, max_norm) for number in range(UPDATES)]
    weights = weights_of(run.strategy.weights())
    return Trained(weights, [loss for loss, _ in found], [norm for _, norm in found])


def stepped_each(sizes: dict[str, int], optimizers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Tensor]]:
    """The weights after two updates by each of some optimizers."""
    found = {}
    with joined() as processes:
        for name, changes in optimizers.items():
            run = Run(processes, sizes, build("tied"), name, **changes)
            training_mode(run.optimizer)
            for number in range(2):
                run.update(number)
            with saving(run.optimizer):
                found[name] = weights_of(run.strategy.weights())
    return found
