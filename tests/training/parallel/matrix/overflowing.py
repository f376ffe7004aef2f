"""A run in float16 in whose second update one process alone has gradients that are too large, under any strategy."""

from typing import Any

import torch
from tests.training.parallel.labelled import CLIP, RATE, settings
from tests.training.parallel.mesh.attending import IGNORED, LENGTH, WORDS, loss_of
from tests.training.parallel.mesh.crossings.crossing import Both
from tests.training.parallel.mesh.mixing import Routed
from torch import Tensor, nn

from trainspec import Trainer, TrainerCallback
from trainspec.training.parallel.fsdp.pieces import local_of

UPDATES, WINDOW, LARGE = 4, 4, 2
Case = tuple[int, dict[str, Any]]


class Large(Routed):
    """While it is `too_large`, the gradient of one parameter of its experts is, in this process alone."""

    too_large = False

    def forward(self, x: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        if self.too_large and self.up.requires_grad:
            # A parameter keeps it for later updates, too.
            self.up.register_hook(lambda gradient: gradient * torch.inf if self.too_large else gradient)
        return super().forward(x, index, weights)


class Overflowing(Both):
    def __init__(self) -> None:
        super().__init__()
        self.experts = Large().double()


class Watching(TrainerCallback):
    """Makes one update's gradients too large in the last process, and keeps what each update leaves in this one."""

    def __init__(self) -> None:
        self.weights: list[list[Tensor]] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        model.experts.too_large = state.global_step == LARGE - 1 and args.process_index == args.world_size - 1
        if not self.weights:
            self._keep(model)

    def on_step_end(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        self._keep(model)

    def _keep(self, model: nn.Module) -> None:
        self.weights.append([local_of(value.detach()).clone() for value in model.parameters()])


def rows() -> list[dict[str, Tensor]]:
    """Of unequal numbers of labels."""
    generator = torch.Generator().manual_seed(5)
    tokens, labels = (torch.randint(1, WORDS, (UPDATES * WINDOW, LENGTH), generator=generator) for _ in range(2))
    for number, row in enumerate(labels):
        row[: number % LENGTH] = IGNORED
    return [{"input_ids": one, "labels": other} for one, other in zip(tokens, labels, strict=True)]


def several(cases: list[Case], out: str) -> list[dict[str, Any]]:
    """One after the other in the same processes: of how many of an update's rows this process reads, and settings."""
    return [_run(share, changes, out) for share, changes in cases]


def _run(share: int, changes: dict[str, Any], out: str) -> dict[str, Any]:
    watching = Watching()
    args = settings(
        output_dir=out, use_cpu=True, fp16=True, max_steps=UPDATES, per_device_train_batch_size=share, **changes
    )
    trainer = Trainer(Overflowing().float(), args, train_dataset=rows(), callbacks=[watching])
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "loss_scale" in entry]
    pairs = zip(watching.weights, watching.weights[1:], strict=False)
    return {
        "weights": {name: value.clone() for name, value in trainer.parts.strategy.weights().items()},
        "changed": [any(not torch.equal(*both) for both in zip(*pair, strict=True)) for pair in pairs],
        "scales": [entry["loss_scale"] for entry in logged],
        "norms": [entry["grad_norm"] for entry in logged],
        "losses": [entry["loss"] for entry in logged],
    }


def without_the_large_one() -> dict[str, Any]:
    """By torch in one process, in double precision: the rows of one update train nothing."""
    model, every, losses = Overflowing(), rows(), []
    begun = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for update in range(UPDATES):
        window = every[update * WINDOW : (update + 1) * WINDOW]
        loss = loss_of(model, {key: torch.stack([row[key] for row in window]) for key in every[0]})
        losses.append(loss.item())
        if update == LARGE - 1:
            continue
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
    return {"weights": model.state_dict(), "losses": losses, "begun": begun}
