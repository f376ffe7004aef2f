"""`trainspec train TASK --nproc N`: from words to the processes that train."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake, shown_word
from trainspec.cli.options import Given, Option
from trainspec.cli.terminal import exit_code, say
from trainspec.training.command.phases import trains
from trainspec.training.command.server import start_server

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.arguments.launchers import Misfit
    from trainspec.settings.diagnostics import Diagnostic

NPROC = Option(
    "nproc",
    "so many processes on this node, started, watched and ended together: a number, cpu (one a core), gpu (one a "
    "device), or auto (gpu where there are devices, else cpu)",
    "N",
)
MAX_RESTARTS = Option(
    "max-restarts", "with --nproc: start all again so often after one breaks, from the newest checkpoint on", "R"
)
LOG_DIR = Option("log-dir", "with --nproc: the folder for what all but the first process print", "DIR")
OPTIONS = (NPROC, MAX_RESTARTS, LOG_DIR)
MOST = 1024
_GRACE = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"
Entry = Callable[[Sequence[str]], int]


def wants_processes(given: Given) -> bool:
    """Whether --nproc is there. Raises CannotRun for what belongs to it without it."""
    alone = [option.name for option in (MAX_RESTARTS, LOG_DIR) if given.has(option.key)]
    if alone and not given.has(NPROC.key):
        raise CannotRun(mistake("CLI103", f"--{alone[0]} says how --nproc works, which is not there", "add --nproc N"))
    return given.has(NPROC.key)


def be_early(given: Given) -> None:
    """Let the server for the processes import what it needs, while this process does the same."""
    text = given.values[NPROC.key]
    if _is_number(text):
        start_server(int(text))


def start_processes(
    given: Given,
    words: Sequence[str],
    settings: TrainingArguments,
    entry: Entry,
    agent: Callable[[], Any],
) -> int:
    """Run `entry(words)` in each process; returns the exit code. `agent` imports the module that starts them."""
    from trainspec.settings.arguments.launchers import Misfit, nodes_of, unreadable
    from trainspec.settings.diagnostics import errors_of
    from trainspec.settings.targets.machines import judge_world
    from trainspec.text.languages import words_asked_for

    wrong = [_misfit("CLI126", misfit) for misfit in (*unreadable(os.environ), *_no_grace())]
    if wrong:
        raise CannotRun(*wrong)
    nodes = nodes_of(os.environ)
    if isinstance(nodes, Misfit):
        raise CannotRun(_misfit("CLI120", nodes))
    restarts, count = given.number(MAX_RESTARTS.key, 0) or 0, _count(given.values[NPROC.key], agent)
    log_dir = given.get(LOG_DIR.key)
    starter, trained = agent(), trains(settings)
    world = count * (nodes.count if nodes else 1)
    # Found by each rank it would be told later, and after all of them have met.
    found = errors_of(judge_world(settings, world, count, own_optimizer=not trained))
    found += starter.find_no_optimizer(settings) if trained else []
    if found:
        say(found, words_asked_for(os.environ))
        return exit_code(found)
    if log_dir is not None:
        _make_log_dir(log_dir)
    start_server(count)
    plan = starter.Plan(
        entry=entry,
        words=tuple(words),
        processes=count,
        restarts=restarts,
        grace=_grace(settings),
        settings=settings,
        log_dir=log_dir,
        nodes=nodes,
    )
    code: int = starter.launch(plan)
    return code


def _make_log_dir(path: str) -> None:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path).close()
    except OSError as error:
        why = f"--log-dir {shown_word(path)} cannot be written to: {error.strerror}"
        raise CannotRun(mistake("CLI103", why, "name another folder")) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MOST


def _count(text: str, agent: Callable[[], Any]) -> int:
    if _is_number(text):
        return int(text)
    if text not in ("auto", "gpu", "cpu"):
        raise CannotRun(mistake("CLI103", f"--nproc takes a number from 1 to {MOST:,}, auto, gpu or cpu"))
    devices: int = 0 if text == "cpu" else agent().device_count()
    if text == "gpu" and not devices:
        raise CannotRun(
            mistake("CLI121", "--nproc gpu: torch sees no CUDA device here", "write --nproc cpu, or a number")
        )
    return devices or os.cpu_count() or 1


def _misfit(code: str, misfit: Misfit) -> Diagnostic:
    from trainspec.settings.diagnostics import Evidence
    from trainspec.settings.diagnostics.source import Source, SourceKind
    from trainspec.text.redaction import show_value

    evidence = (
        Evidence(name, show_value(name, os.environ.get(name)), Source(SourceKind.ENVIRONMENT, name))
        for name in misfit.variables
    )
    return replace(mistake(code, misfit.message, misfit.remedy), evidence=tuple(evidence))


def _no_grace() -> Iterator[Misfit]:
    from trainspec.settings.arguments.launchers import Misfit

    told = os.environ.get(_GRACE, "")
    if told and not (told.isascii() and told.isdigit()):
        message = f"{_GRACE} is {told[:20]!r}, which is no number of seconds"
        yield Misfit((_GRACE,), message, f"write whole seconds, such as {_GRACE}=120, or unset it for ddp_timeout")


def _grace(settings: TrainingArguments) -> float:
    """Seconds for saving after a signal: as torchrun is told, else as long as processes wait for each other at all."""
    told = os.environ.get(_GRACE, "")
    return float(told) if told else float(settings.ddp_timeout)
