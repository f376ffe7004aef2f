"""A model of tokens in float64, rows of unequal length, and updates by plain torch and through a strategy."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from trainspec import TrainingArguments
from trainspec.settings.arguments.launch import Launch
from trainspec.training.model.activation_checkpointing import recomputing
from trainspec.training.model.compilation import compile_model
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import clear_gradients, training_mode
from trainspec.training.parallel import Policy
from trainspec.training.parallel.contact.group import Group
from trainspec.training.parallel.fsdp.fully_sharded import FullySharded
from trainspec.training.precision.precision import choose_precision

CPU = torch.device("cpu")
WORDS, WIDTH = 13, 6
IGNORED = -100
Rows = list[list[int]]


class Block(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        # 3 rows and 5: less than the ranks, and not divisible by them.
        self.up = nn.Linear(WIDTH, 5, dtype=dtype)
        self.narrow = nn.Linear(5, 3, dtype=dtype)
        self.down = nn.Linear(3, WIDTH, dtype=dtype)
        self.norm = nn.LayerNorm(WIDTH, dtype=dtype)

    def forward(self, hidden: Tensor) -> Tensor:
        changed: Tensor = hidden + self.down(self.narrow(self.up(self.norm(hidden)).tanh()))
        return changed


class Tokens(nn.Module):
    """Tells the word at every place from the words before."""

    shifts_labels = False

    def __init__(self, dtype: torch.dtype = torch.float64, seed: int = 3, *, tied: bool = False) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.words = nn.Embedding(WORDS, WIDTH, dtype=dtype)
        self.blocks = nn.ModuleList(Block(dtype) for _ in range(3))
        self.register_buffer("shift", torch.randn(WIDTH, dtype=dtype))
        self.head = nn.Linear(WIDTH, WORDS, bias=False, dtype=dtype)
        if tied:
            self.head.weight = self.words.weight

    def forward(self, words: Tensor) -> Tensor:
        hidden = self.words(words).cumsum(1) + self.shift
        for block in self.blocks:
            hidden = block(hidden)
        logits: Tensor = self.head(hidden)
        return logits


def make_rows(number: int, seed: int = 0) -> Rows:
    """Of one to seven tokens."""
    drawn = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 8, (number,), generator=drawn).tolist()
    return [torch.randint(0, WORDS, (length,), generator=drawn).tolist() for length in lengths]


def labels_of(row: list[int]) -> list[int]:
    """The next word; every third row is masked."""
    shifted = [*row[1:], row[0]]
    return [IGNORED] * len(row) if sum(row) % 3 == 0 else shifted


def batch_of(rows: Rows) -> tuple[Tensor, Tensor]:
    """Words and labels, rows filled up; one masked row where there is none."""
    rows = rows or [[0, 3]]
    longest = max(map(len, rows))
    words = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    labels = torch.tensor([labels_of(row) + [IGNORED] * (longest - len(row)) for row in rows])
    return words, labels


def items_in(rows: Rows) -> int:
    return sum(label != IGNORED for row in rows for label in labels_of(row))


def mean_loss(model: Callable[[Tensor], Tensor], rows: Rows) -> Tensor:
    """nan where no row has an item."""
    words, labels = batch_of(rows)
    logits = model(words)
    return nn.functional.cross_entropy(logits.flatten(0, 1).double(), labels.flatten(), ignore_index=IGNORED)


def settings(**changes: Any) -> TrainingArguments:
    usual: dict[str, Any] = {"use_cpu": True, "learning_rate": 0.05, "report_to": "none", "weight_decay": 0.1}
    return TrainingArguments(**{**usual, **changes})


def joined() -> Group:
    return Group(Launch.of_this_process(), timeout=timedelta(seconds=60))


class Run:
    """A model that a strategy trains in this process, with a loop of its own."""

    def __init__(self, group: Group, args: TrainingArguments, model: nn.Module) -> None:
        self.args, self.model, self._on = args, model, ExitStack()
        self.strategy = FullySharded(group, args)
        policy = Policy(
            CPU,
            choose_precision(args, CPU),
            recompute=lambda module: self._on.enter_context(recomputing(module, args)),
            compile=lambda module: compile_model(module, args),
            trains=True,
        )
        self.policy = policy
        self.module = self.strategy.prepare(model, policy)
        self.optimizer: Any = None

    def with_optimizer(self, optimizer: Any = None) -> "Run":
        made = build_optimizer(self.model, self.args) if optimizer is None else optimizer
        self.optimizer, _ = self.strategy.attach(made, None)
        training_mode(self.optimizer)
        return self

    def gradients(self, micro_batches: list[Rows], items: int) -> float:
        """Of this process's micro-batches, parts of a mean over `items`; returns this process's part of the loss."""
        total = 0.0
        for number, rows in enumerate(micro_batches):
            with self.strategy.accumulating(self.module, last=number == len(micro_batches) - 1):
                with self.policy.precision.autocast():
                    loss = mean_loss(self.module, rows)
                own = items_in(rows)
                self.strategy.backward(loss * own / items if own else loss, counts=own > 0)
                total += loss.item() * own / items if own else 0.0
        return total

    def update(self, micro_batches: list[Rows], items: int) -> tuple[float, bool]:
        """The norm, and whether the update was made."""
        self.gradients(micro_batches, items)
        norm = self.strategy.clip(self.module.parameters(), self.args.max_grad_norm)
        stepped = self.strategy.step()
        clear_gradients(self.optimizer)
        return norm.item(), stepped


def dealt(window: Rows, ranks: int, size: int, accumulation: int) -> list[list[Rows]]:
    """By rank, the micro-batches of a window: `size` rows each, so that the last are short or empty."""
    cut = [window[start : start + size] for start in range(0, len(window), size)]
    rounds = max(1, -(-len(cut) // ranks))
    assert rounds <= accumulation, "a window is what fits into it"
    cut += [[]] * (rounds * ranks - len(cut))
    return [[cut[number * ranks + rank] for number in range(rounds)] for rank in range(ranks)]


def windows_of(rows: Rows, size: int) -> list[Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def plain_updates(
    args: TrainingArguments, model: nn.Module, windows: list[Rows]
) -> tuple[dict[str, Tensor], list[float]]:
    """What one process and plain torch make of the same windows: the weights, and the norms before clipping."""
    optimizer, norms = build_optimizer(model, args), list[float]()
    for window in windows:
        mean_loss(model, window).backward()
        values = [value for value in model.parameters() if value.grad is not None]
        norms.append(torch.nn.utils.get_total_norm([value.grad for value in values]).item())
        if args.max_grad_norm:
            nn.utils.clip_grad_norm_(values, args.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    return {name: value.detach().clone() for name, value in model.state_dict().items()}, norms


def far(left: Any, right: Any) -> float:
    """The largest difference of two sets of weights, which have the same names."""
    assert list(left) == list(right)
    return max(float((left[name].double() - right[name].double()).abs().max()) for name in left)
