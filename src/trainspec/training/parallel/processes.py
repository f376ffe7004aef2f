"""What one process knows of all that train one model, and what they say to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from torch import Tensor

from trainspec.training.errors import TrainingError
from trainspec.training.model.nests import map_tensors
from trainspec.training.parallel.contact.forms import tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from trainspec.settings.arguments.launch import Launch

Value = TypeVar("Value")
Number = TypeVar("Number", int, float, Tensor)


class ProcessesError(TrainingError):
    """The processes of a run are not what they should be, or one of them gives no answer; the message names it."""


class NestError(ProcessesError):
    """What a process has cannot be told to the others; the message says what it is."""


class Processes(Protocol):
    """All processes of a run, seen by one of them. Those that speak must all speak, in the same order.

    As a context manager it owns the connections: they are there inside, also where contexts stand in each other.
    """

    @property
    def rank(self) -> int:
        """The number of this process among all, from 0."""

    @property
    def local_rank(self) -> int:
        """Its number among those of its node."""

    @property
    def node(self) -> int:
        """The number of its node."""

    @property
    def world_size(self) -> int:
        """How many there are."""

    @property
    def is_main(self) -> bool:
        """Whether this is the first of all, which writes what is written once."""

    @property
    def is_local_main(self) -> bool:
        """Whether this is the first of its node."""

    def at_update(self, number: int, *, done: bool) -> None:
        """Note how far the run is, for what is said where another process does not come."""

    def barrier(self) -> None:
        """Go on when all are here."""

    def broadcast(self, value: Value) -> Value:
        """What the main process holds: a tensor, or a small value as JSON keeps it. What others hold counts nothing."""

    def any(self, flag: bool) -> bool:
        """Whether it is true in at least one process."""

    def sum(self, value: Number) -> Number:
        """Of a number or a tensor in every process; the same to the bit in each."""

    def max(self, values: Tensor) -> Tensor:
        """The largest in any process, element by element."""

    def sums(self, values: Sequence[float]) -> list[float]:
        """Of each of some numbers, as 64-bit floating point adds them up; the same to the bit in every process."""

    def sums_later(self, values: Sequence[float]) -> Callable[[], list[float]]:
        """The same, told now and waited for when the answer is called, once: the others need not have come yet."""

    def maxima(self, values: Sequence[float]) -> list[float]:
        """The largest of each of some numbers."""

    def each(self, value: Any) -> list[Any]:
        """Every process's small value, as JSON keeps it, in the order of ranks."""

    def gather(self, nest: Any, rows: int) -> Any:
        """One nest with the rows of every process in the order of ranks.

        `rows` of this process's nest are real and come first; what fills up the batch behind them is left out. Rows of
        different lengths are filled up with the ignored label; a tensor without dimensions is one row of its process.
        A process with nothing to give says None and 0.
        """

    def nests(self, nest: Any, *, objects: bool = False) -> list[Any]:
        """Every process's nest of tensors as it is, in the order of ranks: shapes and structure may differ.

        Raises NestError, in every process, for what is no tensor; with `objects` it is pickled instead.
        """

    def deal(self, nests: Sequence[Any] | None, note: Any = None) -> tuple[Any, Any]:
        """To each process its entry of what the main process holds, with the small `note` for all; others say None.

        Tensors arrive on the CPU, texts and numbers as they are. Where `nests` is empty, each has None. Raises
        NestError, in every process, for anything else.
        """

    def beside(self) -> Processes:
        """A second line to the same processes, for a thread of each: what is said there comes in an order of its own.

        Of all processes, and entered by all, inside of this one.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Alone:
    """One process: there is nobody to ask or to wait for, so nothing is copied and nothing is made."""

    rank = 0
    world_size = 1
    is_main = True
    is_local_main = True

    def __init__(self, launch: Launch | None = None) -> None:
        self.local_rank = 0 if launch is None or launch.local_rank is None else launch.local_rank
        self.node = 0 if launch is None else launch.node

    def at_update(self, number: int, *, done: bool) -> None:
        pass

    def barrier(self) -> None:
        pass

    def broadcast(self, value: Value) -> Value:
        return value

    def any(self, flag: bool) -> bool:
        return flag

    def sum(self, value: Number) -> Number:
        return value

    def max(self, values: Tensor) -> Tensor:
        return values

    def sums(self, values: Sequence[float]) -> list[float]:
        return list(values)

    def sums_later(self, values: Sequence[float]) -> Callable[[], list[float]]:
        return lambda: list(values)

    def maxima(self, values: Sequence[float]) -> list[float]:
        return list(values)

    def each(self, value: Any) -> list[Any]:
        return [value]

    def gather(self, nest: Any, rows: int) -> Any:
        has_more = any(tensor.dim() and tensor.shape[0] > rows for tensor in tensors(nest))
        return first_rows(nest, rows) if has_more else nest

    def nests(self, nest: Any, *, objects: bool = False) -> list[Any]:
        return [nest]

    def deal(self, nests: Sequence[Any] | None, note: Any = None) -> tuple[Any, Any]:
        return (nests[0] if nests else None), note

    def beside(self) -> Alone:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def first_rows(nest: Any, rows: int) -> Any:
    """The nest with `rows` rows at most; a tensor without dimensions becomes one row."""
    return map_tensors(nest, lambda tensor: (tensor.reshape(1) if tensor.dim() == 0 else tensor)[:rows])
