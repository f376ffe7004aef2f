"""Several processes, each with a rank, joined by torch.distributed."""

from __future__ import annotations

import itertools
import json
import os
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, Store
from torch.nn import functional

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.arguments.launchers import misfits
from trainspec.training.model.nests import join_tensors, map_tensors
from trainspec.training.parallel.contact.children import kept_from_children
from trainspec.training.parallel.contact.ending import MissingError, tell_uncaught_errors
from trainspec.training.parallel.contact.forms import (
    Form,
    Leaf,
    Pickles,
    filled,
    form_of,
    leaves,
    plain_form,
    tensors,
)
from trainspec.training.parallel.contact.meeting import meet
from trainspec.training.parallel.contact.messages import (
    as_bytes,
    bytes_of,
    cut,
    described,
    encoded,
    in_order,
    refuse_different_forms,
    understood,
)
from trainspec.training.parallel.contact.neighbours import BARRIER, EACH, LONGEST, MAX, SUM, Neighbours, neighbours_of
from trainspec.training.parallel.contact.roll_call import RollCall, is_of_others, missing
from trainspec.training.parallel.processes import Alone, NestError, Number, Processes, ProcessesError, Value, first_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

Answer = TypeVar("Answer")

# Each use of a store begins where no use before it has written: old addresses would be taken for new ones.
_uses = itertools.count()
# NCCL ends the process where it waited too long: before that, the group beside it finds out who is missing.
_LATER = timedelta(seconds=30)


def processes_of(launch: Launch, *, timeout: timedelta, backend: str = "gloo") -> Processes:
    """Those that a launcher started; from then on an error that ends one of several is told with its rank.

    Raises ProcessesError where torch.distributed knows of others, and where the launcher's variables contradict each
    other: joining would wait for processes that there are not.
    """
    if not dist.is_initialized() and launch == Launch.of_this_process():
        wrong = "; ".join(f"{misfit.message}: {misfit.remedy}" for misfit in misfits(os.environ))
        if wrong:
            raise ProcessesError(wrong)
    known = dist.get_world_size() if dist.is_initialized() else launch.world_size
    if known != launch.world_size:
        raise ProcessesError(
            f"torch.distributed joins {known} processes, but WORLD_SIZE says {launch.world_size}: start them with "
            "torchrun, or set RANK, LOCAL_RANK and WORLD_SIZE in each"
        )
    if launch.world_size == 1:
        return Alone(launch)
    # torch, and what stands on it, reads these variables alone.
    for name, value in launch.variables().items():
        os.environ.setdefault(name, value)
    group = Group(launch, timeout=timeout, backend=backend)
    tell_uncaught_errors(group.explained)
    return group


class Group:
    """What is said about the run itself goes through a gloo group of its own, beside the default group of tensors.

    Between processes of one machine short messages take a shorter way, with the same answers.
    Nothing is pickled but objects that settings ask to gather. A process that gives no answer within `timeout` is named
    in every other's ProcessesError. A default group that is there already is used and left alone.
    """

    def __init__(
        self, launch: Launch, *, timeout: timedelta, backend: str = "gloo", init_method: str = "env://"
    ) -> None:
        if launch.rank >= launch.world_size:
            raise ProcessesError(f"RANK is {launch.rank}, but WORLD_SIZE {launch.world_size}: ranks count from 0")
        self._launch = launch
        self.rank, self.world_size, self.node = launch.rank, launch.world_size, launch.node
        self.local_rank = launch.local_rank or 0
        self.is_main, self.is_local_main = self.rank == 0, self.local_rank == 0
        self._timeout = timeout
        self._backend = backend
        self._init_method = init_method
        self._depth = self._calls = 0
        self._owns_default = False
        self._meeting: Store | None = None
        self._store: Store | None = None
        self._control: Any = None
        self._neighbours: Neighbours | None = None
        self._update = 0
        self._in_update = False

    @property
    def was_joined_before(self) -> bool:
        """Whether the default group of torch.distributed is somebody else's."""
        return not self._owns_default

    # Life

    def __enter__(self) -> Self:
        if self._depth == 0:
            try:
                with kept_from_children(), self._naming_the_missing("joining the others"):
                    self._open()
            except BaseException:
                self._close()
                raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._close()

    def beside(self) -> Group:
        # It finds the default group there, and makes what is said its own.
        return Group(self._launch, timeout=self._timeout, backend=self._backend)

    def explained(self, error: BaseException) -> BaseException:
        """The error that ends this process: a MissingError in its place where it ends because another has.

        The others are told of it, for as long as this process is in contact with them.
        """
        if isinstance(error, MissingError):
            return error
        if is_of_others(error):
            return self._missing(f"update {self._update + 1}", error)
        if self._store is not None:
            how = f"{type(error).__name__}: {error}".rstrip(": ")
            RollCall(self._store, self.rank, self.world_size, 0).leave(how[:500])
        return error

    def _open(self) -> None:
        if dist.is_initialized():
            self._store = dist.distributed_c10d._get_default_store()
        else:
            if self._meeting is None:
                self._meeting = meet(self._init_method, self.rank, self.world_size, self._timeout)
            # A store that outlives its processes, as an agent's does, holds what those before a restart have written.
            life = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
            self._store = PrefixStore(f"trainspec/{life}/{next(_uses)}", self._meeting)
            self._owns_default = True
            dist.init_process_group(
                self._backend,
                store=self._store,
                rank=self.rank,
                world_size=self.world_size,
                timeout=self._timeout if self._backend == "gloo" else self._timeout + _LATER,
            )
        if (dist.get_rank(), dist.get_world_size()) != (self.rank, self.world_size):
            raise ProcessesError(
                f"torch.distributed calls this process {dist.get_rank()} of {dist.get_world_size()}, the launcher "
                f"{self.rank} of {self.world_size}"
            )
        self._control = dist.new_group(backend="gloo", timeout=self._timeout)
        counted = self._calls
        self._neighbours = neighbours_of(self.rank, self.world_size, self._timeout, self.each)
        # What is counted is what somebody asks for.
        self._calls = counted

    def _close(self) -> None:
        if self._neighbours is not None:
            self._neighbours.close()
        if self._owns_default and dist.is_initialized():
            dist.destroy_process_group()
        elif self._control is not None:
            # Whose default group it is may have ended it, and every other with it.
            with suppress(ValueError):
                dist.destroy_process_group(self._control)
        self._owns_default, self._control, self._store, self._neighbours = False, None, None, None

    # What they say to each other

    def at_update(self, number: int, *, done: bool) -> None:
        self._update, self._in_update = (number, False) if done else (number - 1, True)

    def barrier(self) -> None:
        with self._together("barrier") as group:
            if self._neighbours is not None:
                self._neighbours.exchange(BARRIER, b"")
                return
            dist.all_reduce(torch.zeros(1, dtype=torch.uint8), group=group)

    def broadcast(self, value: Value) -> Value:
        with self._together("broadcast") as group:
            message = encoded(described(value)) if self.is_main else torch.empty(0, dtype=torch.uint8)
            size = torch.tensor([message.numel()])
            dist.broadcast(size, src=0, group=group)
            if not self.is_main:
                message = torch.empty(int(size), dtype=torch.uint8)
            dist.broadcast(message, src=0, group=group)
            (content,) = understood([message])
            if "tensor" in content:
                return cast("Value", self._sent(value, content))
            return value if self.is_main else cast("Value", content["value"])

    def _sent(self, value: Any, form: Form) -> Any:
        (leaf,) = leaves(form)
        data = bytes_of(value) if self.is_main else torch.empty(leaf.size, dtype=torch.uint8, device=leaf.device)
        if leaf.size:
            dist.broadcast(data, src=0, group=self._carrier(data))
        return value if self.is_main else leaf.read(data)

    def any(self, flag: bool) -> bool:
        return self.maxima([flag]) == [True]

    def sums(self, values: Sequence[float]) -> list[float]:
        return self.sums_later(values)()

    def maxima(self, values: Sequence[float]) -> list[float]:
        return self._numbers(values, "max", dist.ReduceOp.MAX, MAX)()

    def sums_later(self, values: Sequence[float]) -> Callable[[], list[float]]:
        return self._numbers(values, "sum", dist.ReduceOp.SUM, SUM)

    def _numbers(self, values: Sequence[float], what: str, operation: Any, kind: int) -> Callable[[], list[float]]:
        """There are some in every update: without tensors, which take longer than the message."""
        near = self._neighbours
        if near is None or len(values) * 8 > LONGEST:
            reduced = self._reduced(torch.tensor(values, dtype=torch.float64), what, operation)
            return reduced.tolist
        self._calls += 1
        try:
            answers = near.numbers(kind, values)
        except RuntimeError as error:
            raise self._failed(what, error) from error
        return lambda: self._named(what, answers)

    def sum(self, value: Number) -> Number:
        if isinstance(value, Tensor):
            return self._reduced(value, "sum", dist.ReduceOp.SUM)
        # Whole numbers stay exact, and all add up in the same order.
        return cast("Number", sum(self.each(value)))

    def max(self, values: Tensor) -> Tensor:
        return self._reduced(values, "max", dist.ReduceOp.MAX)

    def _reduced(self, values: Tensor, what: str, operation: Any) -> Tensor:
        with self._together(what):
            found = values.detach().clone()
            dist.all_reduce(found, operation, group=self._carrier(values))
            return found

    def each(self, value: Any) -> list[Any]:
        return [content["value"] for content in self._each({"value": value}, "each")]

    def _each(self, content: dict[str, Any], what: str, kind: type[ProcessesError] = ProcessesError) -> list[Any]:
        with self._together(what) as group:
            message = encoded(content)
            if self._neighbours is not None:
                said = self._neighbours.exchange(EACH, message.numpy().tobytes())
                if said is not None:
                    return understood([torch.frombuffer(bytearray(one), dtype=torch.uint8) for one in said], kind)
            sizes = [torch.empty(1, dtype=torch.int64) for _ in range(self.world_size)]
            dist.all_gather(sizes, torch.tensor([message.numel()]), group=group)
            return understood(self._all_bytes(message, [int(size) for size in sizes]), kind)

    def gather(self, nest: Any, rows: int) -> Any:
        real = first_rows(nest, rows)
        try:
            content: dict[str, Any] = {"form": form_of(real), "gives": rows > 0 or nest is not None}
        except TypeError as error:
            content = {"problem": str(error)}
        told = self._each(content, "gather")
        forms: dict[int, Form] = {rank: entry["form"] for rank, entry in enumerate(told) if entry["gives"]}
        if not forms:
            return None
        refuse_different_forms(forms)
        with self._together("gather"):
            joined = self._joined(list(tensors(real)), forms)
            if nest is None:
                return filled(next(iter(forms.values())), joined)
            return map_tensors(nest, lambda _: next(joined))

    def _joined(self, own: list[Tensor], forms: dict[int, Form]) -> Iterator[Tensor]:
        """The tensors of the common nest, one after the other; each is sent as bytes, whatever its number format."""
        by_rank = {rank: list(leaves(form)) for rank, form in forms.items()}
        for number, example in enumerate(next(iter(by_rank.values()))):
            found: dict[int, Leaf] = {rank: every[number] for rank, every in by_rank.items()}
            sizes = [found[rank].size if rank in found else 0 for rank in range(self.world_size)]
            mine = bytes_of(own[number]) if own else torch.empty(0, dtype=torch.uint8, device=example.device)
            parts = self._all_bytes(mine, sizes)
            read = [leaf.read(parts[rank]) for rank, leaf in found.items()]
            yield join_tensors([part for part in read if part.shape[0]] or read[:1])

    def nests(self, nest: Any, *, objects: bool = False) -> list[Any]:
        own, pickles = nest, Pickles()
        try:
            content: dict[str, Any] = {"form": form_of(own, pickles.form if objects else None)}
        except TypeError as error:
            content = {"problem": str(error)}
        forms: list[Form] = [entry["form"] for entry in self._each(content, "nests", NestError)]
        needed = [list(leaves(form)) for form in forms]
        mine = in_order(content["form"], tensors(own), pickles.found)
        with self._together("nests"):
            parts = dict[str, list[Tensor]]()
            for device in dict.fromkeys(leaf.device for every in needed for leaf in every):
                sizes = [sum(leaf.size for leaf in every if leaf.device == device) for every in needed]
                here = [bytes_of(tensor) for tensor in mine if tensor.device.type == device]
                parts[device] = self._all_bytes(
                    torch.cat([torch.empty(0, dtype=torch.uint8, device=device), *here]), sizes
                )
        return [
            filled(form, cut(every, {device: data[rank] for device, data in parts.items()}))
            for rank, (form, every) in enumerate(zip(forms, needed, strict=True))
        ]

    def deal(self, nests: Sequence[Any] | None, note: Any = None) -> tuple[Any, Any]:
        header: dict[str, Any] = {}
        if self.is_main:
            try:
                header = {"forms": [form_of(nest, plain_form) for nest in nests or ()], "note": note}
                json.dumps(header)
            except (TypeError, ValueError) as error:
                header = {"problem": str(error)}
        header = self.broadcast(header)
        if "problem" in header:
            raise NestError(f"rank 0: {header['problem']}")
        forms, note = header["forms"], header["note"]
        if not forms:
            return None, note
        needed = [list(leaves(form)) for form in forms]
        longest = max(sum(leaf.size for leaf in every) for every in needed)
        mine = torch.empty(longest, dtype=torch.uint8)
        if longest:
            with self._together("deal") as group:
                sent = [as_bytes(nest, longest) for nest in nests or ()] if self.is_main else None
                dist.scatter(mine, sent, src=0, group=group)
        if self.is_main and nests:
            return nests[0], note
        return filled(forms[self.rank], cut(needed[self.rank], {"cpu": mine}, everywhere="cpu")), note

    def _all_bytes(self, mine: Tensor, sizes: list[int]) -> list[Tensor]:
        longest = max(sizes)
        if longest == 0:
            return [mine] * self.world_size
        filled_up = functional.pad(mine, (0, longest - mine.numel()))
        parts = [torch.empty_like(filled_up) for _ in sizes]
        dist.all_gather(parts, filled_up, group=self._carrier(mine))
        return [part[:size] for part, size in zip(parts, sizes, strict=True)]

    def _carrier(self, data: Tensor) -> Any:
        """gloo carries what is on the CPU, the default group what is on the devices it was made for."""
        return self._control if data.device.type == "cpu" else None

    @contextmanager
    def _together(self, what: str) -> Iterator[Any]:
        """Around what every process comes to; inside is the group in which they speak."""
        if self._control is None:
            raise ProcessesError(f"{what}: the processes are joined only inside of `with`")
        with self._naming_the_missing(what):
            yield self._control

    @contextmanager
    def _naming_the_missing(self, what: str) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        except RuntimeError as error:
            raise self._failed(what, error) from error

    def _named(self, what: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except RuntimeError as error:
            raise self._failed(what, error) from error

    def _failed(self, what: str, error: RuntimeError) -> MissingError:
        where = f", update {self._update + 1}" if self._in_update else ""
        where = f", after update {self._update}" if self._update and not where else where
        return self._missing(f"{what} (operation {self._calls}){where}", error)

    def _missing(self, operation: str, error: BaseException) -> MissingError:
        return missing(operation, error, self._store, (self.rank, self.world_size), self._timeout.total_seconds())
