"""Who reads the training data together, and how each of them comes to its part.

own rows    the order is ours: every process computes which rows of it are its own
dealt       somebody else's order of row numbers: each takes every n-th batch of it, and reads no other
own part    a stream that can be cut into as many parts as there are processes, or whose reader has done so
dispatched  rank 0 reads and sends: a stream or batches of which nobody knows more, or as dispatch_batches asks
read by all the same without sending: every process reads all batches, and keeps its own
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainspec.settings.values.choices import UnevenInputs
from trainspec.training.errors import TrainingError
from trainspec.training.parallel.processes import Alone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.parallel.strategy import Strategy


class SharingError(TrainingError):
    """Data that cannot be shared among the processes there are."""


@dataclass(frozen=True)
class Sharing:
    """This process reads share `rank` of `size`. `dispatches`: whether rank 0 reads for all; None where it must.

    `drops`: the last step is left out where it has no batch for somebody.
    """

    rank: int = 0
    size: int = 1
    processes: Processes = field(default_factory=Alone)
    dispatches: bool | None = None
    drops: bool = False

    @property
    def is_alone(self) -> bool:
        return self.size == 1

    def for_evaluation(self) -> Sharing:
        """Every row counts there: none is dropped."""
        return Sharing(self.rank, self.size, self.processes, self.dispatches)


def sharing_of(args: TrainingArguments, strategy: Strategy) -> Sharing:
    """As the settings ask for it."""
    config: Any = args.accelerator_config
    return Sharing(
        strategy.data_rank,
        strategy.data_size,
        strategy.processes,
        getattr(config, "dispatch_batches", None),
        args.uneven_inputs == UnevenInputs.DROP,
    )


def own_batch_size(args: TrainingArguments, size: int, shares: int) -> int:
    """Rows of a batch of one process: `size` is that of all of them together under split_batches."""
    config: Any = args.accelerator_config
    return max(1, size // shares) if getattr(config, "split_batches", False) else size


def reads_its_part(parts: Iterable[Any], sharing: Sharing) -> bool:
    """Whether a loader, its sampler or its data set gives this process its part alone, as DistributedSampler does.

    They say so by `num_replicas`, or as data sets of Hugging Face do that were split by node. Raises SharingError where
    they count on another number of processes.
    """
    for part in parts:
        split = getattr(part, "_distributed", None)
        told = getattr(part, "num_replicas", None) if split is None else getattr(split, "world_size", None)
        if not isinstance(told, int):
            continue
        if told != sharing.size:
            raise SharingError(
                f"the training data is shared out among {told} processes by a {type(part).__name__}, but "
                f"{sharing.size} read it: leave its number of processes out, and the rows are shared out here"
            )
        return True
    return False
