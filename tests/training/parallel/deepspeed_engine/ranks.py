"""What the processes of these tests do: the same rows, split in any way, through an engine, three updates long."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.settings.arguments.launch import Launch
from trainspec.training.optimizers import build_optimizer
from trainspec.training.parallel import Policy, Processes
from trainspec.training.parallel.contact.group import processes_of
from trainspec.training.parallel.deepspeed_engine.engine import DeepSpeedEngine
from trainspec.training.schedules import build_schedule

CPU = torch.device("cpu")
ROWS, WIDTH, CLASSES, LENGTH = 24, 8, 5, 6
UPDATES = 3


class Words(nn.Module):
    """A mean over a row's tokens that count, of each of them: rows have different numbers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.words = nn.Embedding(CLASSES, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.inner = nn.Linear(WIDTH, 3 * WIDTH)
        self.head = nn.Linear(3 * WIDTH, CLASSES)
        self.frozen = nn.Parameter(torch.linspace(0.5, 1.5, WIDTH), requires_grad=False)
        self.register_buffer("scale", torch.tensor(1.5))

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.norm(self.words(words)) * self.frozen * self.scale
        logits: Tensor = self.head(self.inner(hidden).tanh())
        return logits


def rows(update: int) -> tuple[Tensor, Tensor]:
    """Inputs and labels of one update. Some labels are ignored; rows 8 to 11 have none that counts."""
    generator = torch.Generator().manual_seed(update)
    words = torch.randint(0, CLASSES, (ROWS, LENGTH), generator=generator)
    labels = (words + 1) % CLASSES
    labels[torch.rand(ROWS, LENGTH, generator=generator) < 0.3] = -100
    labels[8:12] = -100
    return words, labels


def settings(**changes: Any) -> TrainingArguments:
    usual: dict[str, Any] = {
        "use_cpu": True,
        "report_to": "none",
        "learning_rate": 0.01,
        "weight_decay": 0.1,
        "max_grad_norm": 0.5,
        "lr_scheduler_type": "linear",
        "output_dir": "/nowhere",
    }
    return TrainingArguments(**{**usual, **changes})


def micro_batches(update: int, ranks: int, rank: int, size: int, only: int = ROWS) -> list[tuple[Tensor, Tensor]]:
    """Those of one rank, of the first `only` rows: a part of each step's rows, as the data layer deals them."""
    words, labels = rows(update)
    found = []
    for begin in range(0, only, ranks * size):
        here = slice(begin + rank * size, min(begin + (rank + 1) * size, only))
        if here.start < only:
            found.append((words[here], labels[here]))
        else:
            # Nothing is left for it: a row to keep step with, which does not count.
            found.append((words[:1], torch.full((1, LENGTH), -100)))
    return found


def loss_of(model: Any, words: Tensor, labels: Tensor, items: int) -> Tensor:
    """A part of the mean over `items` tokens."""
    return nn.functional.cross_entropy(model(words).flatten(0, 1).float(), labels.flatten(), reduction="sum") / items


def items_of(update: int, only: int) -> int:
    return int((rows(update)[1][:only] != -100).sum())


def rows_of_update(update: int, whole: int = ROWS, last: int = ROWS) -> int:
    return last if update == UPDATES - 1 else whole


def plainly(last: int = ROWS, **changes: Any) -> tuple[dict[str, Tensor], list[float]]:
    """The reference: one process, one batch an update, torch alone."""
    args, model = settings(**changes), Words()
    optimizer = build_optimizer(model, args)
    schedule = build_schedule(optimizer, args, UPDATES)
    norms = []
    for update in range(UPDATES):
        only = rows_of_update(update, last=last)
        words, labels = (value[:only] for value in rows(update))
        loss_of(model, words, labels, items_of(update, only)).backward()
        parameters = [value for value in model.parameters() if value.requires_grad]
        norms.append(float(nn.utils.clip_grad_norm_(parameters, args.max_grad_norm or float("inf"))))
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return {name: value.detach() for name, value in model.state_dict().items()}, norms


def with_float16() -> None:
    """DeepSpeed takes float16 on processors alone that have instructions for it; torch computes the same on any."""
    from deepspeed.accelerator import get_accelerator

    get_accelerator().is_fp16_supported = lambda: True


@contextmanager
def joined() -> Iterator[Processes]:
    with_float16()
    with processes_of(Launch.of_this_process(), timeout=timedelta(seconds=60)) as processes:
        yield processes


def pretend_float16() -> None:
    """DeepSpeed asks the processor whether it computes in float16; torch does it on any, slowly."""
    from deepspeed.accelerator.cpu_accelerator import CPU_Accelerator

    CPU_Accelerator.is_fp16_supported = lambda self: True


class Run:
    """A model under an engine."""

    def __init__(self, processes: Processes, model: nn.Module | None = None, **changes: Any) -> None:
        self.args = settings(**changes)
        if self.args.fp16:
            pretend_float16()
        self.model = Words() if model is None else model
        self.strategy = DeepSpeedEngine(processes, self.args)
        self.precision = self.strategy.choose_precision(self.args, CPU)
        policy = Policy(CPU, self.precision, lambda _: None, lambda module: module)
        self.wrapped = self.strategy.prepare(self.model, policy)
        optimizer = build_optimizer(self.model, self.args)
        schedule = build_schedule(optimizer, self.args, UPDATES)
        self.strategy.announce_length(UPDATES)
        self.optimizer, self.schedule = self.strategy.attach(optimizer, schedule)
        self.norms: list[float] = []
        self.stepped: list[bool] = []
        self.rates: list[float] = []

    def update(self, number: int, size: int, accumulation: int, last: int = ROWS, poison: bool = False) -> None:
        """All windows of one update of the plain run are one window here: of `accumulation` micro-batches, or fewer."""
        strategy, ranks = self.strategy, self.strategy.data_size
        only = rows_of_update(number, last=last)
        window = micro_batches(number, ranks, strategy.data_rank, size, only)
        assert len(window) <= accumulation
        items = items_of(number, only)
        self.rates.append(self.optimizer.param_groups[0]["lr"])
        for place, (words, labels) in enumerate(window):
            counts = bool((labels != -100).any())
            with strategy.accumulating(self.wrapped, last=place == len(window) - 1):
                loss = loss_of(self.wrapped, words, labels, items)
                if not counts or (poison and strategy.data_rank == 0):
                    loss = loss * float("nan" if not counts else "inf")
                strategy.backward(loss, counts=counts)
        self.norms.append(float(strategy.clip(self.model.parameters(), self.args.max_grad_norm)))
        self.stepped.append(strategy.step())
        if self.stepped[-1]:
            self.schedule.step()
        self.optimizer.zero_grad()
