"""How some processes train one model: each way is a strategy, and the loop asks for none of them.

model = strategy.prepare(model, policy)
optimizer, schedule = strategy.attach(optimizer, schedule)
for every window of micro-batches:
    for every micro-batch:
        with strategy.accumulating(model, last=...):
            strategy.backward(loss)
    strategy.finish_window()
    norm = strategy.clip(parameters, max_norm)
    strategy.step()
strategy.state("full"), strategy.load_state(state)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import torch

from trainspec.training.parallel.flat import as_in_main
from trainspec.training.parallel.processes import Alone
from trainspec.training.parallel.windows import SharedWindows, Windows
from trainspec.training.precision.full_eval import evaluating_in
from trainspec.training.precision.precision import choose_precision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from torch import Tensor, nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.dealing import DealtWeights
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.windows import Counting
    from trainspec.training.precision.precision import Precision

Kind = Literal["full", "sharded"]

# The float32 weights of a parameter in half precision, among what an optimizer keeps of it.
MASTER = "master_weight"


@dataclass(frozen=True)
class Policy:
    """What settings ask of a model that is to train, in terms that any strategy can put into its own.

    `recompute` changes a model so that it recomputes activations; `compile` returns what to call in its place.
    """

    device: torch.device
    precision: Precision
    recompute: Callable[[nn.Module], Any]
    compile: Callable[[nn.Module], nn.Module]
    # Somebody's own way to bring the model to its device.
    place: Callable[[nn.Module], nn.Module] | None = None
    # Whether the model is to train now; it is prepared before that, too, and may only evaluate.
    trains: bool = False


@dataclass(frozen=True)
class State:
    """Under the qualified names of the user's module: its weights, and the optimizer's state as named_state has it.

    A part that is None is not there, and not loaded.
    """

    model: Mapping[str, Tensor] | None = None
    optimizer: Mapping[str, Any] | None = None


class Strategy(ABC):
    """Made for the processes that take part, and used for one model at a time.

    Losses that come to `backward` are parts of the mean over a window of all processes: those of every process and
    micro-batch add up to that mean, so gradients are added up over processes, not averaged.
    """

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        self.processes: Processes = Alone() if processes is None else processes
        self._args = args

    @property
    def data_rank(self) -> int:
        """Which share of the rows this process reads, of `data_size`; those that hold parts of one layer read one."""
        return self.processes.rank

    @property
    def data_size(self) -> int:
        return self.processes.world_size

    @property
    def counts(self) -> bool:
        """Whether its rows count in sums and in what is gathered: one of those that read the same rows does."""
        return True

    @property
    def random_rank(self) -> int:
        """Those that draw the same random numbers while they train have the same."""
        return self.data_rank

    def part_of(self, batch: Any) -> Any:
        """What this process trains on of a batch, while it is `accumulating`; others may have read the same one."""
        return batch

    def total_loss(self, parts: Tensor) -> Tensor:
        """The sum of parts of losses that every process has come to, the same in every process."""
        return self.total(parts)

    def total(self, values: Tensor) -> Tensor:
        """The sum of what every share of the rows gives, the same in every process; `values` itself where it is one."""
        if self.processes.world_size == 1:
            return values
        return self.processes.sum(values if self.counts else torch.zeros_like(values))

    def totals(self, values: list[float]) -> list[float]:
        """The same for a few numbers, in 64-bit floating point."""
        return self.totals_later(values)()

    def totals_later(self, values: list[float]) -> Callable[[], list[float]]:
        """The same, told now and waited for when the answer is called, once."""
        return self.processes.sums_later(values if self.counts else [0.0] * len(values))

    def windows(self, counting: Counting, size: int) -> Windows:
        """Of `size` micro-batches at most, agreed with the other processes."""
        if self.processes.world_size == 1:
            return Windows(counting)
        uneven = {} if self._args is None else {"uneven": self._args.uneven_inputs}
        return SharedWindows(counting, self, size, **uneven)

    def choose_precision(self, args: TrainingArguments, device: torch.device) -> Precision:
        """The number formats of the settings, in the way that goes with this strategy."""
        return choose_precision(args, device)

    def making_model(self) -> AbstractContextManager[Any]:
        """Around code that makes the model, where its layers may be shared out as they come."""
        return nullcontext()

    def announce_length(self, updates: int) -> None:  # noqa: B027 - most have no use for it
        """Of the run that is to begin, before its optimizer is attached."""

    def evaluated(self, model: nn.Module) -> nn.Module:
        """What evaluation calls in the place of the module that trains."""
        return model

    def share_buffers(self, model: nn.Module) -> None:
        """Before an evaluation: have in every process the buffers of the main one, which are those that are saved.

        What a batch norm has seen is of its own process's rows, and one evaluation is of one model.
        """
        if self.processes.world_size > 1:
            as_in_main((value for value in model.buffers() if type(value) is torch.Tensor), self.processes)

    def evaluating_in(self, model: nn.Module, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
        """Inside, the model computes in `dtype`, with weights and buffers in it; None changes nothing."""
        return evaluating_in(model, dtype)

    @property
    def forward_is_shared(self) -> bool:
        """Whether no process can compute what the model returns alone: all must make as many forward passes."""
        return False

    def gathered(self) -> AbstractContextManager[Any]:
        """Inside, every process has the whole model, and makes as many forward passes as it likes."""
        return nullcontext()

    # Whether `load_state` needs whole weights in the main process alone; else in every one.
    loads_from_main = False

    @property
    def has_masters(self) -> bool:
        """Whether the optimizer's state has, as `MASTER`, weights that it steps in another format than the model's."""
        return False

    def are_as_many_as(self, processes: int) -> bool:
        """Whether so many train here."""
        return self.processes.world_size == processes

    def dealt_weights(self) -> DealtWeights | None:
        """The model alone for a checkpoint, of which each process saves some tensors, all of them whole.

        Every process asks, at the same time. None where the main one has all of it anyway.
        """
        return None

    @property
    def is_sharded(self) -> bool:
        """Whether the optimizer's state is dealt out: those with pieces are needed together for all of it."""
        return type(self).pieces is not Strategy.pieces

    def layout(self) -> dict[str, Any]:
        """As JSON: all that another run must have in common to load this one's "sharded" state."""
        return {"strategy": type(self).__name__, "world_size": self.processes.world_size}

    def goes_on(self, layout: Mapping[str, Any]) -> None:  # noqa: B027 - most learn nothing
        """Before a model is prepared to train: what `layout` said where the run was saved, nothing of a new run.

        What was learned by then, and decides in which order numbers are added up, is not learned once more.
        """

    def pieces(self) -> dict[str, Any]:
        """As JSON: by the name of a parameter the `shape` of the whole, `offset` and `local_shape` of what is here.

        Empty where every process holds all.
        """
        return {}

    @final
    def prepare(self, model: nn.Module, policy: Policy) -> nn.Module:
        """The module whose forward trains, made of the user's: every strategy does the same, in this order.

        The optimizer comes afterwards, since its parameters are those that are left in the end. A model may be prepared
        again when its training begins, with another policy.
        """
        model = self.parallelize(model)
        model = self.place(model, policy.device) if policy.place is None else policy.place(model)
        policy.precision.prepare(model)
        policy.recompute(model)
        return self.shard(policy.compile(model), policy)

    # What a strategy fills in

    def parallelize(self, model: nn.Module) -> nn.Module:
        """Split single layers over processes: before anything, as it takes layers by their names."""
        return model

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model on its device."""
        return model.to(device)

    @abstractmethod
    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        """Share the finished module with the other processes."""

    @abstractmethod
    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        """Take the optimizer of the prepared model; what it returns is used from then on."""

    @abstractmethod
    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        """Around one micro-batch; gradients are synchronised on the last of a window only."""

    @abstractmethod
    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        """Gradients of a loss, scaled where float16 needs it; some optimizers update in the same pass.

        Unless it `counts`, they are of a micro-batch that has no item, and add nothing whatever the loss is: other
        processes may wait for them all the same.
        """

    def backward_share(self, loss: Tensor, share: float) -> Tensor:
        """`backward` of a loss of which that much counts; returns this much of it, without its graph."""
        part = loss if share == 1 else loss * share
        self.backward(part)
        return part.detach()

    def finish_window(self) -> None:  # noqa: B027 - most have done it within the last backward pass
        """Once, after that pass: gradients that were not added up over processes within it are."""

    @abstractmethod
    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        """Once, after the last backward pass of a window: gradients get their true size.

        Returns their norm over all processes. Above zero, `max_norm` is what they are scaled down to. An optimizer that
        has used its gradients up by then tells the norm itself.
        """

    @abstractmethod
    def step(self) -> bool:
        """One update; False where it was skipped because a gradient overflowed, in whichever process."""

    @abstractmethod
    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        """The model alone; else as `state`."""

    @abstractmethod
    def state(self, kind: Kind = "full") -> State:
        """All of it on the main process, or this process's part of it: every process asks, at the same time."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """Go on from it, whichever strategy it is of. Raises NamedStateError where it is of other parameters."""
