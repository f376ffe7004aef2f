"""The train command's work: a task through its phases, from preflight to the closing summary."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from contextlib import contextmanager, redirect_stderr
from copy import copy
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from torch import nn
from tqdm import tqdm

from trainspec.plan.batches import PlanError
from trainspec.settings.arguments.launch import Launch
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.diagnostics.telling import told_in
from trainspec.storage import StorageError, open_store
from trainspec.tasks import TaskError, TaskParts, takes_settings
from trainspec.text.answers import Losing
from trainspec.text.languages import words_asked_for
from trainspec.training.checkpoint import CheckpointError
from trainspec.training.checkpoint.contents import RESOLVED_ARGS, TRAINER_STATE, TRAINING_ARGS
from trainspec.training.checkpoint.load import checkpoint_folders
from trainspec.training.checkpoint.manifest import json_bytes
from trainspec.training.checkpoint.ranks.loading import load_trained_weights
from trainspec.training.checkpoint.resume import AUTO, no_checkpoint
from trainspec.training.checkpoint.states.documents import resolved_document, settings_document
from trainspec.training.checkpoint.states.final_model import write_manifest
from trainspec.training.command.farewell import farewell
from trainspec.training.command.phases import trains
from trainspec.training.command.predictions import write_predictions
from trainspec.training.command.preemption import watching
from trainspec.training.command.summary import Outcome, render_summary
from trainspec.training.errors import TrainingError
from trainspec.training.findings.found import found
from trainspec.training.interruption import (
    INTERRUPTED,
    PATIENCE,
    TERMINATED,
    Terminated,
    is_met,
    leave_with,
    terminable,
)
from trainspec.training.parallel.agreement import on_main, together
from trainspec.training.parallel.contact.ending import (
    Kind,
    MissingError,
    explained,
    leave_word,
    say_end,
    say_fault,
    say_missing,
)
from trainspec.training.preflight.output_folder import find_old_run, is_unreachable
from trainspec.training.preflight.preflight import PreflightError, check
from trainspec.training.run.seeding import seed_for_model
from trainspec.training.state import shared_part, state_bytes
from trainspec.training.trainer import Trainer
from trainspec.training.trainer.log_level import level_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint

logger = logging.getLogger(__name__)

FINE, FINDINGS, COULD_NOT_RUN = 0, 1, 2
# As a shell counts SIGPIPE.
BROKEN_PIPE = 141

# What torch says of it.
_KILLED_LOADER = re.compile(r"DataLoader worker \(pid.{1,200}\) (exited unexpectedly|is killed by signal)")
_FORESEEN = (TaskError, TrainingError, PlanError, StorageError, CheckpointError)


def run_task(
    args: TrainingArguments, task: Callable[..., TaskParts], task_settings: Any = None, *, resume_if_any: bool = False
) -> int:
    """Train, evaluate and predict as the settings say; returns the exit code of the command.

    With `resume_if_any` it goes on from the newest checkpoint in output_dir, where there is one. Of several processes
    the first tells what holds for all, and each its own error, with its rank.
    """
    launch = Launch.of_this_process()
    several, is_main = launch.world_size > 1, launch.rank == 0
    grace = args.preemption_grace_seconds
    signals = terminable(together=several, patience=PATIENCE if grace is None else min(PATIENCE, grace / 4))
    # No run ends because what it says has no room, on a disk that is full say.
    talk: Any = Losing(sys.stderr)
    with redirect_stderr(talk), _terminal_logging(args), signals, watching(args, lambda: farewell(args, "terminated")):
        try:
            summary = _run_phases(args, task, task_settings, goes_on=resume_if_any or is_restarted())
            code = _tell_summary(summary) if is_main else FINE
            leave_with(code)
            return code
        except PreflightError as error:
            return _refused(error, is_main=is_main)
        except KeyboardInterrupt:
            return _asked_to_end(args, "interrupted", INTERRUPTED, is_main=is_main)
        except Terminated:
            return _asked_to_end(args, "terminated", args.preemption_exit_code or TERMINATED, is_main=is_main)
        except Exception as error:
            if not several and not isinstance(error, _FORESEEN) and not _is_of_killed_loader(error):
                raise
            return _ended_by(explained(error), args)


def _tell_summary(summary: str) -> int:
    """The answer of the command. All is done by now: a reader that has gone (`| head`) is no reason to start again, nor
    is a full disk.
    """
    try:
        sys.stdout.write(summary + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer goes nowhere, when Python ends as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            leave_word("", BROKEN_PIPE, Kind.ASKED)
            return BROKEN_PIPE
        _say(f"error: the run is done, but its summary cannot be written to stdout: {error.strerror}")
        leave_word("", COULD_NOT_RUN, Kind.ASKED)
        return COULD_NOT_RUN
    return FINE


def _is_of_killed_loader(error: Exception) -> bool:
    if isinstance(error, RuntimeError):
        return _KILLED_LOADER.match(str(error)) is not None
    # One that dies while its batch is handed over: torch finds a connection at its end, and the process still there.
    # What a data set raises in such a process comes out elsewhere.
    return isinstance(error, (EOFError, ConnectionError, FileNotFoundError)) and any(
        frame.f_code.co_name == "_try_get_data" and frame.f_globals.get("__name__") == "torch.utils.data.dataloader"
        for frame, _ in traceback.walk_tb(error.__traceback__)
    )


def _ended_by(error: Exception, args: TrainingArguments) -> int:
    if _is_of_killed_loader(error):
        # Nothing is wrong with the run: to try again, as launchers do after a fault, may well help.
        why = "when memory is short, the system does that; dataloader_num_workers says how many there are"
        how = str(error) or type(error).__name__
        return say_end(f"error: a process that loads data was killed ({why}): {how}", COULD_NOT_RUN, Kind.FAULT)
    if isinstance(error, MissingError):
        return say_missing(error, COULD_NOT_RUN)
    if isinstance(error, CheckpointError) and error.where == _named_checkpoint(args):
        # A damage that shows only when it is read as a whole.
        what = "the checkpoint to resume from is damaged"
        said = no_checkpoint(args.resume_from_checkpoint or "", str(error), what)
        return say_end(_in_words(said).render(), FINDINGS, Kind.REFUSED)
    if isinstance(error, _FORESEEN):
        return say_end(f"error: {error}", COULD_NOT_RUN, Kind.REFUSED)
    return say_fault(error, 1)


def _named_checkpoint(args: TrainingArguments) -> str | None:
    """Where it is, as a CheckpointError says it; None where none is named, or is looked for and verified."""
    named = args.resume_from_checkpoint
    if not isinstance(named, str) or named in ("latest", AUTO):
        return None
    try:
        return CheckpointError(open_store(named).url, "").where
    except StorageError:
        return None


def _refused(error: PreflightError, *, is_main: bool) -> int:
    if is_main or not error.agreed:
        told = map(_in_words, error.diagnostics)
        _say("\n\n".join(item.render(color=sys.stderr.isatty()) for item in told))
    leave_word("", FINDINGS, Kind.REFUSED)
    return FINDINGS


def _asked_to_end(args: TrainingArguments, what: str, code: int, *, is_main: bool) -> int:
    is_met()
    said = farewell(args, what) if is_main else ""
    leave_word(said, code, Kind.ASKED)
    if is_main:
        _say(said)
    leave_with(code)
    return code


def is_restarted() -> bool:
    """Whether a launcher has started these processes again."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") not in ("", "0")


def _run_phases(args: TrainingArguments, task: Callable[..., TaskParts], task_settings: Any, *, goes_on: bool) -> str:
    # The task makes the model, so its first weights depend on the seed.
    seed_for_model(args)
    parts = _with_model(task, task(args, task_settings) if takes_settings(task) else task(args))
    trainer = _trainer(args, parts, goes_on=goes_on)
    output, processes = trainer.parts.output(args), trainer.parts.strategy.processes
    outcome = Outcome()
    if trains(args):
        # Until its last file is written, output_dir is this run's.
        with trainer.parts.held():
            outcome.train = trainer.train().metrics
            outcome.holds_best = trainer.parts.holds_best
            with _naming_the_newest(args):
                trainer.save_model()
                with together(processes, "saving the settings"):
                    if trainer.writes_files():
                        _write_documents(trainer, args, output)
    else:
        check(trainer.preflight(trains=False), processes)
        load_trained_weights(trainer.model, args, output, trainer.parts.strategy)
    if args.do_eval:
        outcome.evaluation = trainer.evaluate()
    if args.do_predict:
        prediction = trainer.predict(parts.test_dataset)
        with together(processes, "writing predictions"):
            if processes.is_main:
                write_predictions(output, prediction)
        outcome.test = prediction.metrics
    return render_summary(args, trainer.state, outcome, output)


def _write_documents(trainer: Trainer, args: TrainingArguments, output: Store) -> None:
    output.write_bytes(TRAINER_STATE, state_bytes(shared_part(trainer.state.to_dict())))
    output.write_bytes(TRAINING_ARGS, json_bytes(settings_document(args)))
    output.write_bytes(RESOLVED_ARGS, json_bytes(resolved_document(args)))
    if trainer.saved_files:
        write_manifest(output, trainer.state.global_step, trainer.saved_files)


def _with_model(task: Callable[..., Any], parts: Any) -> TaskParts:
    """What a task returned. Raises TaskError where there is nothing in it to train."""
    name = f"{getattr(task, '__module__', '')}:{getattr(task, '__qualname__', type(task).__name__)}"
    if not all(hasattr(parts, part.name) for part in fields(TaskParts)):
        got = type(parts).__name__
        raise TaskError(f"the task {name} returned {got}; return TaskParts(model=..., train_dataset=...)")
    if not isinstance(parts.model, nn.Module):
        raise TaskError(f"the task {name} returned the model {type(parts.model).__name__}, which is no torch.nn.Module")
    whole: TaskParts = parts
    return whole


class _CommandTrainer(Trainer):
    """The command also minds what an earlier run left in output_dir, and what its phases need.

    `goes_on`: what has been trained there is gone on from, whatever settings say. They stay as the user wrote them.
    """

    def __init__(self, *, test_dataset: Any, goes_on: bool, **known: Any) -> None:
        super().__init__(**known)
        self._goes_on = goes_on
        self._phases = {"do_eval": self.eval_dataset, "do_predict": test_dataset}

    def preflight(self, *, trains: bool = True) -> list[Diagnostic]:
        found = super().preflight(trains=trains)
        looks = trains and not self._goes_on and not is_unreachable(found)
        old = find_old_run(self.args, self.parts.output(self.args)) if looks else []
        return [*old, *self._missing_data(), *found]

    def _looked_for(self, wanted: str | bool | None) -> tuple[Checkpoint | None, list[Diagnostic]]:
        if not self._goes_on:
            return super()._looked_for(wanted)
        found, faults = super()._looked_for(AUTO)
        if found is not None or any(item.severity == "error" for item in faults):
            return found, faults
        output, processes = self.parts.output(self.args), self.parts.strategy.processes
        if on_main(processes, "looking for checkpoints", lambda: not checkpoint_folders(output)):
            # Where others see another folder than the main process, theirs may hold a run.
            faults += find_old_run(self.args, output)
        if isinstance(wanted, str) and wanted not in (AUTO, "latest"):
            # Where the first start went on from.
            found, more = super()._looked_for(wanted)
            faults += more
        return found, faults

    def _missing_data(self) -> Iterator[Diagnostic]:
        for phase, dataset in self._phases.items():
            if getattr(self.args, phase) and dataset is None:
                yield found(
                    self.args,
                    "RUN119",
                    f"{phase} is on, but the task has no data for it",
                    phase,
                    remedy=f"set {phase}: false, or return that data set from the task",
                )


def _trainer(args: TrainingArguments, parts: TaskParts, *, goes_on: bool) -> Trainer:
    return _CommandTrainer(
        test_dataset=parts.test_dataset,
        goes_on=goes_on,
        model=parts.model,
        args=args,
        data_collator=parts.data_collator,
        train_dataset=parts.train_dataset,
        eval_dataset=parts.eval_dataset,
        compute_metrics=parts.compute_metrics,
        preprocess_logits_for_metrics=parts.preprocess_logits_for_metrics,
        callbacks=list(parts.callbacks),
    )


class _AroundTheBar(logging.Handler):
    """Writes to stderr without tearing the progress bar, findings in the language that is asked for."""

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and any(isinstance(one, Diagnostic) for one in record.args):
            record = copy(record)
            record.args = tuple(_in_words(one) if isinstance(one, Diagnostic) else one for one in record.args or ())
        tqdm.write(self.format(record), file=sys.stderr)


def _in_words(item: Diagnostic) -> Diagnostic:
    return told_in([item], words_asked_for(os.environ))[0]


@contextmanager
def _terminal_logging(args: TrainingArguments) -> Iterator[None]:
    """The package's log on stderr while the command runs: at log_level, or from info on where that is passive."""
    logger = logging.getLogger("trainspec")
    before = logger.level, logger.propagate
    handler = _AroundTheBar()
    logger.addHandler(handler)
    logger.propagate = False
    chosen = level_of(args)
    logger.setLevel("INFO" if chosen == "passive" else chosen.upper())
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


@contextmanager
def _naming_the_newest(args: TrainingArguments) -> Iterator[None]:
    """What is trained is not lost where it cannot be written to output_dir itself."""
    try:
        yield
    except Exception as error:
        logger.error("%s", farewell(args, f"training is done, but its model is not saved ({type(error).__name__})"))
        raise
