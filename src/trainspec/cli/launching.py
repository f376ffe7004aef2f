"""`trainspec train TASK --nproc N`: from words to the processes that train."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Given, Option
from trainspec.cli.terminal import exit_code, say
from trainspec.training.command.server import start_server

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

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
    from trainspec.settings.arguments.launchers import Misfit, nodes_of
    from trainspec.settings.diagnostics import errors_of
    from trainspec.settings.targets.machines import judge_world

    nodes = nodes_of(os.environ)
    if isinstance(nodes, Misfit):
        raise CannotRun(mistake("CLI120", nodes.message, nodes.remedy))
    restarts = given.number(MAX_RESTARTS.key, 0) or 0
    count = _count(given.values[NPROC.key], agent)
    # Of optim, preflight knows more: a task may bring an optimizer of its own.
    found = errors_of(judge_world(settings, count * (nodes.count if nodes else 1), count, own_optimizer=True))
    if found:
        say(found)
        return exit_code(found)
    start_server(count)
    starter = agent()
    plan = starter.Plan(
        entry=entry,
        words=tuple(words),
        processes=count,
        restarts=restarts,
        grace=_grace(settings),
        log_dir=given.get(LOG_DIR.key),
        nodes=nodes,
    )
    code: int = starter.launch(plan)
    return code


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


def _grace(settings: TrainingArguments) -> float:
    """Seconds for saving after a signal: as torchrun is told, else as long as processes wait for each other at all."""
    told = os.environ.get("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "")
    return float(told) if told.isascii() and told.isdigit() else float(settings.ddp_timeout)
