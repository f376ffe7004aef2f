"""What workers draw: a function of the seed, the epoch and the rows of the batch.

It depends neither on which worker loads the batch, nor on how many there are, nor on what was loaded before. So a
resumed run sees the same augmentations, and so does one with workers that outlive an epoch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, resource_tracker
from typing import TYPE_CHECKING, Any

from torch._C import _remove_worker_pids
from torch.utils.data import BatchSampler, DataLoader, Sampler, get_worker_info

from trainspec.storage.pieces.sockets import keep_addresses_short
from trainspec.training.data.draws import seed_generators
from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


class SeededIndexes(list[Any]):
    """The indexes of one batch, which set the generators of the worker that receives them.

    Only the way into another process pickles them; what arrives there is a plain list.
    """

    def __init__(self, indexes: Iterable[Any], epoch: int, seeds: tuple[int, ...]) -> None:
        super().__init__(indexes)
        self._epoch = epoch
        self._seeds = seeds

    def rest(self, used: int) -> SeededIndexes:
        """Without the first ones, and with draws of its own."""
        return SeededIndexes(self[used:], self._epoch, (*self._seeds, used))

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (list(self), self._epoch, self._seeds)


class SeededBatches(BatchSampler):
    """Batches for workers; `key` tells this loader's draws from those of others.

    Batches are numbered in the order of all processes: which of them loads a batch makes no difference to its draws.
    """

    def __init__(self, sampler: Sampler[Any], batch_size: int, drop_last: bool, key: tuple[int, ...]) -> None:
        super().__init__(sampler, batch_size, drop_last)
        shared_by: tuple[int, int] = getattr(sampler, "shared_by", (0, 1))
        self._rank, self._shares = shared_by
        # The number of a batch tells processes apart: its draws are those that one process alone would have.
        self._key = (*key[:2], 0) if self._shares > 1 else key
        self._epoch = 0
        self._start = 0

    def move_to(self, epoch: int, start: int = 0) -> None:
        """The next walk is through this epoch; `start` is the number of the first row that the sampler gives."""
        self._epoch = epoch
        self._start = start

    def __iter__(self) -> Iterator[list[Any]]:
        # A batch is known by its number where the epoch is cut into equal ones from its first row on.
        first, shift = divmod(self._start, self.batch_size)
        shifted = (shift,) if shift else ()
        for step, indexes in enumerate(super().__iter__()):
            number = first + step * self._shares + self._rank
            yield SeededIndexes(indexes, self._epoch, (*self._key, self._epoch, number, *shifted))

    def __len__(self) -> int:
        """Of a whole epoch, of this process."""
        if self._shares == 1:
            return super().__len__()
        sampler: Any = self.sampler
        return int(sampler.batches(self.batch_size, drop_last=self.drop_last))


def find_no_start_method(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    ways, wanted = multiprocessing.get_all_start_methods(), args.dataloader_multiprocessing_context
    if wanted is not None and args.dataloader_num_workers and wanted not in ways:
        yield found(
            args,
            "RUN173",
            f"dataloader_multiprocessing_context: this system starts processes by {', '.join(ways)}, not by {wanted}",
            "dataloader_multiprocessing_context",
            remedy=f"choose one of {', '.join(ways)}, or leave it out",
        )


# What asks a process to end, or a scheduler sends ahead of a time limit.
_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2")


def begun(loader: Any) -> Iterator[Any]:
    """What iter(loader) gives; a signal that this process handles does not end the workers of it.

    Launchers and schedulers send signals to all processes of a job, and a run saves before it ends: until then it may
    need more rows, and it would take the death of a worker for a fault. The workers end with this process's loader.
    """
    if not isinstance(loader, DataLoader) or not loader.num_workers:
        return iter(loader)
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    handled = [number for number in numbers if callable(signal.getsignal(number))]
    own = loader.worker_init_fn
    loader.worker_init_fn = _Sheltered(own.own if isinstance(own, _Sheltered) else own, handled)
    # Workers hand their tensors over through sockets.
    keep_addresses_short()
    with _kept_back(handled):
        iterator = iter(loader)
    for worker in getattr(iterator, "_workers", ()):
        process = getattr(worker, "_popen", None)
        if handled and process is not None and hasattr(process, "kill"):
            # By SIGTERM torch, and multiprocessing at the end of this process, end workers that are stuck.
            process.terminate = _Ending(iterator, process.kill)
    return iterator


class _Ending:
    """Kills one worker of an iterator, which torch would take for a fault unless it minds its workers no more."""

    def __init__(self, iterator: Any, kill: Callable[[], object]) -> None:
        self._iterator, self._kill = weakref.ref(iterator), kill

    def __call__(self) -> None:
        iterator = self._iterator()
        if getattr(iterator, "_worker_pids_set", False):
            _remove_worker_pids(id(iterator))
            vars(iterator)["_worker_pids_set"] = False
        self._kill()


class _Sheltered:
    """Somebody's own worker_init_fn, after this worker has been made deaf to these signals."""

    def __init__(self, own: Callable[[int], None] | None, numbers: list[signal.Signals]) -> None:
        self.own, self._numbers = own, numbers

    def __call__(self, worker: int) -> None:
        for number in self._numbers:
            # No SIG_IGN: programs that a worker starts would be deaf, too.
            signal.signal(number, _pass)
        _let_through(self._numbers)
        main = multiprocessing.parent_process()
        if main is not None and main.pid != os.getppid():
            threading.Thread(target=_end_after, args=(main,), name="trainspec-main-process", daemon=True).start()
        if self.own is not None:
            self.own(worker)


def _end_after(main: Any) -> None:
    """A worker that a server of processes has forked: torch looks at its parent, and the server lives as long as it."""
    connection.wait([main.sentinel])
    os._exit(1)


def _pass(number: int, frame: object) -> None:
    """The main process's affair."""


@contextmanager
def _kept_back(numbers: list[signal.Signals]) -> Iterator[None]:
    """Workers are started with these signals blocked: one that comes before a worker is deaf would end it."""
    if not numbers or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Workers that are not forked need it; it lets SIGTERM in when it starts, whoever had blocked it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _let_through(numbers: list[signal.Signals]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


_told: int | None = None
"""In a worker: the epoch of the last batch."""


def _arrive(indexes: list[Any], epoch: int, seeds: tuple[int, ...]) -> list[Any]:
    worker = get_worker_info()
    # In the main process somebody merely made a copy.
    if worker is not None:
        _tell_epoch(worker.dataset, epoch)
        seed_generators(*seeds)
    return indexes


def _tell_epoch(dataset: Any, epoch: int) -> None:
    """A worker that outlives an epoch has a data set of its own, which nobody else tells."""
    global _told
    before, _told = _told, epoch
    set_epoch = getattr(dataset, "set_epoch", None)
    if before not in (None, epoch) and callable(set_epoch):
        set_epoch(epoch)
