"""`trainspec train --nproc N`: the processes of this node, started, watched and started again by torch's elastic agent.

The agent runs in the command's own process, so that the exit code of a rank is that of the command, a signal is passed
on once, and nobody is killed while it saves. Ranks are forked from a server that has imported torch: it is loaded once.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.elastic.agent.server.api import RunResult, WorkerGroup, WorkerSpec, WorkerState
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException, Std
from torch.distributed.elastic.rendezvous import RendezvousParameters
from torch.distributed.elastic.rendezvous.registry import get_rendezvous_handler

from trainspec.training.command.phases import trains
from trainspec.training.command.rank import run_rank
from trainspec.training.command.server import start_method
from trainspec.training.interruption import (
    INTERRUPTED,
    TERMINATED,
    after_training,
    asking_to_end,
    leave_dead_terminal,
    leave_with,
)
from trainspec.training.optimizers.optimizer_needs import find_unavailable
from trainspec.training.parallel.contact.ending import OUR_RUNS, Kind, Word, read_word

if TYPE_CHECKING:
    from types import FrameType

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.arguments.launchers import Nodes
    from trainspec.settings.diagnostics import Diagnostic

Entry = Callable[[Sequence[str]], int]

# Seconds that ranks have to end by themselves after one of them has broken.
_AFTER_A_FAULT = 10.0
# Whether to start again is nothing that trying again would change.
_FINAL = frozenset({Kind.ASKED, Kind.REFUSED})


@dataclass(frozen=True)
class Plan:
    """`entry(words)` is to run in so many processes of this node, and again after a fault, `restarts` times at most.

    `settings` are those that `words` make, as far as this process knows.

    `grace` is in seconds: how long ranks may take to save once a signal has come.
    """

    entry: Entry
    words: tuple[str, ...]
    processes: int
    restarts: int
    grace: float
    settings: TrainingArguments
    log_dir: str | None = None
    nodes: Nodes | None = None


def launch(plan: Plan) -> int:
    """Run it; returns the exit code: 0, what the rank returned that ended first, 128 + the signal that ended it."""
    _quiet()
    logs = _Logs(plan)
    if plan.processes > 1:
        until = "" if plan.log_dir else ", until all have ended well"
        _say(f"{plan.processes} processes; what all but the first print is in {logs.root_log_dir}{until}")
    spec = WorkerSpec(
        role="trainspec",
        local_world_size=plan.processes,
        rdzv_handler=get_rendezvous_handler(_meeting(plan)),
        entrypoint=run_rank,
        args=(plan.entry, plan.words),
        max_restarts=plan.restarts,
        monitor_interval=0.1,
        local_addr=None if plan.nodes else "127.0.0.1",
        **_address(plan),
    )
    agent = _Agent(spec, logs, plan)
    with agent.listening():
        code = _code_of(agent)
        spec.rdzv_handler.shutdown()
        if code == 0 and plan.log_dir is None:
            shutil.rmtree(logs.root_log_dir, ignore_errors=True)
        leave_with(code)
    return code


def _code_of(agent: _Agent) -> int:
    try:
        result = agent.run()
    except SignalException as error:
        return agent.code_after(signal.Signals(error.sigval))
    return agent.code_of_fault if result.is_failed() else 0


def _meeting(plan: Plan) -> RendezvousParameters:
    nodes, run = plan.nodes, OUR_RUNS + uuid.uuid4().hex[:12]
    if nodes is None:
        return RendezvousParameters("c10d", "localhost:0", run, 1, 1, local_addr="127.0.0.1", timeout=900)
    run = f"{OUR_RUNS}{nodes.address}:{nodes.port}"
    endpoint = f"{nodes.address}:{nodes.port}"
    return RendezvousParameters("static", endpoint, run, nodes.count, nodes.count, rank=nodes.this, timeout=900)


def _address(plan: Plan) -> dict[str, Any]:
    return {} if plan.nodes is None else {"master_addr": plan.nodes.address, "master_port": plan.nodes.port}


def device_count() -> int:
    """Accelerators that torch sees here."""
    return torch.cuda.device_count()


def find_no_optimizer(args: TrainingArguments) -> list[Diagnostic]:
    """What every rank would find out of `optim`, before there are any: a task of the command brings none of its own."""
    return find_unavailable(args, args.device)


def _quiet() -> None:
    if "TORCHELASTIC_LOG_LEVEL" not in os.environ:
        # What they say of processes that end, the agent says in words about ranks.
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(("torch.distributed.elastic", "torch.multiprocessing")):
                logging.getLogger(name).setLevel(logging.CRITICAL)
    # torch would replace our handlers with others, which raise wherever a signal finds them.
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = ""


class _Logs(DefaultLogsSpecs):
    """The first rank of a node keeps the terminal, also for its progress bar; each other has a folder."""

    def __init__(self, plan: Plan) -> None:
        folder = plan.log_dir or mkdtemp(prefix="trainspec-ranks-")
        super().__init__(folder, redirects=dict.fromkeys(range(1, plan.processes), Std.ALL))
        self.words: dict[int, Path] = {}

    def reify(self, envs: dict[int, dict[str, str]]) -> Any:
        destination = super().reify(envs)
        self.words = {rank: Path(file) for rank, file in destination.error_files.items()}
        return destination


class _Agent(LocalElasticAgent):
    """torch's agent, which notes a signal and passes it on once, waits for saves, and tells whose fault it was."""

    def __init__(self, spec: WorkerSpec, logs: _Logs, plan: Plan) -> None:
        super().__init__(spec, logs, start_method=start_method())
        self._logs = logs
        self._grace = plan.grace
        self._settings = plan.settings
        self._came: signal.Signals | None = None
        self._interrupts = 0
        self._end_of_patience: threading.Timer | None = None
        self._handlers: dict[int, Any] = dict.fromkeys((*asking_to_end(), signal.SIGINT), self._note)
        if hasattr(signal, "SIGHUP"):
            # Under nohup it is ignored, here as in the ranks.
            self._handlers.setdefault(signal.SIGHUP, signal.SIG_IGN)
        self.code_of_fault = 1

    # Signals

    @contextmanager
    def listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, handler) for number, handler in self._handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, after_training(handler))

    def _note(self, number: int, frame: FrameType | None) -> None:
        leave_dead_terminal()
        if self._came is None:
            self._came = signal.Signals(number)
        if number == signal.SIGINT:
            self._interrupts += 1
        if self._interrupts > 1:
            # Who presses it again does not want to wait. After another signal the first is one that comes again.
            self._came = signal.SIGINT
            self._kill()

    def _raise_signal(self) -> None:
        if self._came is not None:
            raise SignalException(f"{self._came.name} came", self._came)

    def _kill(self) -> None:
        for pid in self._pcontext.pids().values() if self._pcontext is not None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # What torch asks of an agent

    def _start_workers(self, worker_group: WorkerGroup) -> dict[int, Any]:
        self._raise_signal()
        self._forget_patience()
        try:
            return dict(super()._start_workers(worker_group))
        finally:
            # Releases of torch that do not know TORCHELASTIC_SIGNALS_TO_HANDLE have put their own there.
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _monitor_workers(self, worker_group: WorkerGroup) -> RunResult:
        self._raise_signal()
        if self._end_of_patience is None and any(word.kind is not Kind.DONE for word in self._words()):
            self._end_of_patience = threading.Timer(_AFTER_A_FAULT, self._kill)
            self._end_of_patience.daemon = True
            self._end_of_patience.start()
        self._count_those_that_left()
        result: RunResult = super()._monitor_workers(worker_group)
        if result.state is WorkerState.FAILED:
            self._forget_patience()
            self._judge(result)
            self._raise_signal()
        return result

    def _count_those_that_left(self) -> None:
        """torch waits for a result of each rank, also of one that has left with exit code 0 and nothing to tell."""
        context: Any = self._pcontext
        running = getattr(context, "_pc", None)
        for rank, process in enumerate(running.processes if running is not None else ()):
            if process.exitcode == 0:
                context._return_values.setdefault(rank, None)

    def _shutdown(self, death_sig: signal.Signals = signal.SIGTERM, *_: Any, **__: Any) -> None:
        if self._pcontext is not None:
            # A rank is told once: of a second Ctrl-C it would think that nobody wants to wait for it.
            passed = signal.SIGTERM if death_sig is not signal.SIGINT else death_sig
            self._pcontext.close(passed, int(self._grace))
        super()._shutdown(death_sig)

    def _forget_patience(self) -> None:
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
            self._end_of_patience = None

    # Faults

    def _words(self) -> list[Word]:
        return [word for path in self._logs.words.values() if (word := read_word(path)) is not None]

    def _judge(self, result: RunResult) -> None:
        """Tell by what the ranks ended, and whether they start again."""
        words = sorted((word for word in self._words() if word.kind is not Kind.DONE), key=_by_guilt)
        rank, failure = min(result.failures.items())
        # Who ends without a word is at fault, whatever those say that end because of it.
        if words and (words[0].kind is not Kind.OTHERS or any(word.rank == rank for word in words)):
            word = words[0]
            self.code_of_fault, said = word.code, word.text
            if word.kind in _FINAL:
                self._remaining_restarts = 0
            # The first of the node has said it at the terminal.
            if word.rank == self._worker_group.workers[0].global_rank and word.kind is not Kind.OTHERS:
                said = ""
            elif word.kind is Kind.ASKED and not said and any(other.kind is Kind.OTHERS for other in words):
                said = f"rank {word.rank} was told to end, and did not wait for the others"
        else:
            self.code_of_fault, said = _unspoken(rank, failure.exitcode)
            said += (
                f"; what it printed is in {self._logs.words[failure.local_rank].parent}" if failure.local_rank else ""
            )
        if said:
            _say(said)
        if self._remaining_restarts > 0:
            spec = self._worker_group.spec
            count = spec.max_restarts - self._remaining_restarts + 1
            _say(f"all processes start again, from the newest checkpoint on (restart {count} of {spec.max_restarts})")

    def code_after(self, came: signal.Signals) -> int:
        """What ranks said as they ended: that they were asked to, unless one of them could not."""
        for word in sorted(self._words(), key=_by_guilt):
            if word.kind in (Kind.FAULT, Kind.REFUSED):
                if word.rank != self._worker_group.workers[0].global_rank:
                    _say(word.text)
                return word.code
        if self._interrupts > 1:
            self._say_newest("interrupted twice: all processes were ended at once")
        if came is signal.SIGINT or self._interrupts > 1:
            return INTERRUPTED
        # As the settings of the ranks say.
        return next((word.code for word in self._words() if word.kind is Kind.ASKED), TERMINATED)

    def _say_newest(self, what: str) -> None:
        from trainspec.training.command.farewell import farewell_of_agent

        # The first of the node may have been quick enough to say it itself.
        told = any(word.kind is Kind.ASKED and word.text for word in self._words())
        _say(what if told or not trains(self._settings) else farewell_of_agent(self._settings, what))


# What Python's fork server stands for that was ended before the process that it started.
_UNKNOWN = 255


def _by_guilt(word: Word) -> tuple[bool, float]:
    return word.kind is Kind.OTHERS, word.time


def _unspoken(rank: int, code: int) -> tuple[int, str]:
    if code == _UNKNOWN:
        short = "when memory is short, the system does that"
        return 2, f"rank {rank} has ended, and how is not known: what starts the ranks was ended before it ({short})"
    if code >= 0:
        return code, f"rank {rank} ended with exit code {code}, without a word"
    number = signal.Signals(-code)
    why = " (when memory is short, the system does that)" if number == signal.SIGKILL else ""
    return 128 + number, f"rank {rank} was ended by {number.name}{why}"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
