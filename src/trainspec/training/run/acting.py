"""What follows an update: log, evaluate, save, each where a callback asked for it; and what is left by an error."""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training import interruption
from trainspec.training.callbacks.states import export_states
from trainspec.training.checkpoint.resume import how_to_go_on
from trainspec.training.errors import NonFiniteError
from trainspec.training.evaluation import best
from trainspec.training.model.signatures import supported
from trainspec.training.optimizers.behaviour import note_losses, saving
from trainspec.training.parallel import BeforeSave, Onward
from trainspec.training.run.others.steps import OwnSteps
from trainspec.training.run.resuming.taken_back import DrawsOfUpdate
from trainspec.training.run.saving.grace import compare_with_grace
from trainspec.training.schedules import after_evaluation, follows_metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.data import Place
    from trainspec.training.data.sharing.walks import Walk
    from trainspec.training.face import TrainerFace
    from trainspec.training.parallel.windows import Windows
    from trainspec.training.run.parts import Training

logger = logging.getLogger(__name__)

Window = list[Any]

# Where the weights stand: at `global_step`, somewhere on the way to the next, or there without being counted yet.
WHOLE, CHANGING, CHANGED = range(3)

# To log, to evaluate, to save.
NOTHING = (False, False, False)
_WISHES = ("should_training_stop", "should_epoch_stop", "should_save", "should_evaluate", "should_log")


class Acting(ABC):
    """Goes through the public methods of the Trainer, so that overriding one has its effect."""

    _walk: Walk
    _shared_windows: Windows

    def __init__(self, trainer: TrainerFace, training: Training, ignore_keys_for_eval: list[str] | None) -> None:
        self._trainer = trainer
        self._args = trainer.args
        self._parts = trainer.parts
        self._training = training
        self._state = trainer.parts.state
        self._ignored = ignore_keys_for_eval
        # Those of the last update, which an entry at the end of its epoch tells too.
        last = self._state.last_update
        norm, rate = last.get("grad_norm"), last.get("learning_rate")
        self._norm = torch.tensor(math.nan if norm is None else float(norm))
        self._rate = math.nan if rate is None else float(rate)
        self._train_loss: float | None = last.get("logged_loss")
        self._logged_at = self._evaluated_at = self._saved_at = -1
        self._acts = self._acted = 0
        self._onward, self._before_save = Onward(), BeforeSave()
        # What is agreed: a callback, or a thread, may change what the switches say of it before all is done.
        self._wanted = NOTHING
        self._stops_epoch = self._stops = False
        # Whether a save in flight is over, in a process at least: then it soon is in all.
        self._is_saved = False
        # What this process alone asked for, while the others did not listen.
        self._kept: list[str] = []
        self._weights, self._saving = WHOLE, False
        self._draws = DrawsOfUpdate()
        self._done: tuple[Window, bool, bool, Tensor] | None = None
        # Entries of the log before the evaluation that is under way.
        self._evaluating_from: int | None = None
        self._ends_here = False
        # Whether the undisturbed run would not save where this one does.
        self._is_unasked = False
        # What this process ends by, once the others know.
        self._stopping: NonFiniteError | None = None
        # Whether what breaks the run off is raised in every process, and at the same place.
        self.ends_together = False
        # Looked up once: these are asked several times an update.
        self._fire, self._agree = trainer.fire, training.agreement.agree
        self._own = OwnSteps.of(trainer)
        self._unannounced: Checkpoint | None = None

    @abstractmethod
    def _after_step(self, stepped: bool) -> None: ...

    @abstractmethod
    def _count(self, window: Window, ends_epoch: bool) -> None: ...

    def _act(self) -> None:
        """Do what callbacks asked for, each at most once after an update, and agree whether to go on."""
        control = self._parts.control
        # Whoever is asked for nothing can change his mind about nothing: what there was is agreed on.
        acts = self._wanted != NOTHING or self._own.acts is not None or self._is_saved
        if self._is_saved:
            self.finish_saving()
        if self._own.acts is None:
            self._log_evaluate_save(*self._wanted)
        else:
            self._act_by_others()
        if self._ends_here:
            self.finish_saving()
            step, newest = self._state.global_step, self._training.keeper.newest
            if self._args.enable_jit_checkpoint and newest is not None and newest.step == step:
                logger.warning("terminated: checkpoint-%d is saved; %s", step, how_to_go_on(self._args))
            interruption.end()
        if acts:
            self._agree_to_go_on()
        elif control.asks:
            self._keep_wishes()
        interruption.let_go()

    def _agree_to_go_on(self) -> None:
        control = self._parts.control
        onward = self._onward
        onward.stop_epoch, onward.stop = control.should_epoch_stop, control.should_training_stop
        self._agree(onward, self._acts)
        self._acts += 1
        control.should_epoch_stop, control.should_training_stop = onward.stop_epoch, onward.stop
        self._stops_epoch, self._stops = onward.stop_epoch, onward.stop

    def _keep_wishes(self) -> None:
        """What the others have not heard of is for the next time that they listen."""
        control = self._parts.control
        for wish in _WISHES if control.asks else ():
            if getattr(control, wish):
                self._kept.append(wish)
                setattr(control, wish, False)

    def _act_by_others(self) -> None:
        trainer, parts, state = self._trainer, self._parts, self._state
        running, control = self._training.running_loss, parts.control
        with running.open_to_others(lambda: trainer._globalstep_last_logged) as loss:
            run = parts.trial, state.epoch_index, self._ignored, self._training.began, self._rate
            trainer.call_hook("_maybe_log_save_evaluate", loss, self._norm, parts.model_wrapped, *run)
        self._announce()
        # What they did is done: at the end of an epoch they are asked once more.
        control.should_log = control.should_evaluate = control.should_save = False

    def log_evaluate_save(self) -> None:
        """The Trainer's `_maybe_log_save_evaluate`."""
        control = self._parts.control
        self._log_evaluate_save(control.should_log, control.should_evaluate, control.should_save)

    def _log_evaluate_save(self, log: bool, evaluate: bool, save: bool) -> None:
        control, step = self._parts.control, self._state.global_step
        logs, evaluates = log and self._logged_at != step, evaluate and self._evaluated_at != step
        if logs:
            self._logged_at = step
            self._log()
        if evaluates and self._evaluate_in_order() and self._args.save_strategy == "best":
            control.should_save = True
        if logs or evaluates:
            # Callbacks that heard of it may have changed their mind.
            self._acted, before = self._acted + 1, self._before_save
            before.save = control.should_save
            self._agree(before, self._acted)
            save = control.should_save = before.save
        if save and self._saved_at != step:
            self._saved_at = step
            self._save()

    def _log(self) -> None:
        loss, norm = self._training.running_loss.take(), self._norm.item()
        entry = {"loss": loss, "grad_norm": norm, "learning_rate": self._rate}
        scale = self._parts.precision.loss_scale()
        if scale is not None:
            entry["loss_scale"] = scale
        self._train_loss = loss
        self._trainer._globalstep_last_logged = self._state.global_step
        self._trainer._total_loss_scalar = self._training.running_loss.logged()
        self._trainer.call_hook("store_flos")
        self._trainer.log(entry)

    def _evaluate_in_order(self) -> bool:
        """The evaluation of this update; where it breaks off, all that it changes can be taken back."""
        state, trainer, trial = self._state, self._trainer, self._parts.trial
        if self._args.save_strategy != "no":
            self._export_states()
        self._evaluated_at, self._evaluating_from = state.global_step, len(state.log_history)
        # It may take long, and whoever goes on can make it anew.
        interruption.let_go()
        metrics = trainer.call_hook("_evaluate", trial, self._ignored)
        is_best = bool(trainer.call_hook("_determine_best_metric", metrics, trial))
        self._evaluating_from, state.evaluation_due = None, False
        interruption.wait()
        return is_best

    def evaluate(self, ignored: list[str] | None, *, skip_scheduler: bool) -> dict[str, float]:
        """The Trainer's `_evaluate`: the schedule, a search and the optimizer are told what they want to know of it."""
        trainer = self._trainer
        # An override may return nothing; a metric that something needs is then missing, and told by its name.
        metrics = trainer.evaluate(**supported(trainer.evaluate, ignore_keys=ignored)) or {}
        self._evaluated_at = self._state.global_step
        self._training.agreement.same(sorted(metrics), "what evaluation returned")
        trainer.call_hook("_report_to_hp_search", self._parts.trial, self._state.global_step, metrics)
        optimizer, schedule = self._parts.stepping()
        note_losses(optimizer, train_loss=self._train_loss, eval_loss=metrics.get("eval_loss"))
        if self._state.global_step == 0:
            # That a metric is not there is told before anything is trained.
            best.chosen_metric(self._args, metrics)
        elif not skip_scheduler and follows_metric(schedule):
            after_evaluation(schedule, best.scheduled_metric(self._args, metrics))
        return metrics

    def is_best(self, metrics: dict[str, float]) -> bool:
        """The Trainer's `_determine_best_metric`: whether this evaluation was the best so far."""
        value = best.chosen_metric(self._args, metrics)
        # What the run started from has no checkpoint, so it cannot be the best.
        if value is None or self._state.global_step == 0 or not best.note(self._args, self._state, value):
            return False
        flight = self._training.keeper.in_flight
        if flight is not None and flight.step == self._state.best_global_step:
            self.finish_saving()
        named = self._training.keeper.name_best(self._state)
        if named is not None:
            self._parts.trackers.best_checkpoint(named)
        return True

    def _save(self) -> None:
        self.finish_saving()
        keeper, began, step = self._training.keeper, time.monotonic(), self._state.global_step
        # What is broken off would have to be saved all over again.
        interruption.hold()
        saved = keeper.tried(self._write, step, ends=self._ends_here)
        self._saving = False
        if saved and keeper.in_flight is None:
            compare_with_grace(self._args, self._parts, time.monotonic() - began)
            self._tell_of(step)
        interruption.wait()

    def finish_saving(self) -> None:
        """Where a save is in flight: wait for it, and do what follows a save. Every process calls.

        Raises what `CheckpointKeeper.tried` does.
        """
        keeper, flight = self._training.keeper, self._training.keeper.in_flight
        if flight is None:
            return
        interruption.hold()
        flight.wait()
        self._saving = True
        saved = keeper.tried(lambda: keeper.finish(self._state), flight.step, ends=self._ends_here)
        self._saving = False
        if saved:
            compare_with_grace(self._args, self._parts, flight.seconds)
            self.tell_of_saved(flight.step)
        interruption.wait()

    def tell_of_saved(self, step: int) -> None:
        """The newest checkpoint was in flight and is whole: it is of this update, and training is further."""
        self._unannounced = self._training.keeper.newest
        self._tell_of(step)

    def _tell_of(self, step: int) -> None:
        self._trainer.fire("on_save", saved_step=step)
        self._announce()

    def _write(self) -> None:
        self._saving = True
        self._trainer.call_hook("_save_checkpoint", self._parts.model_wrapped, self._parts.trial)
        self._saving = False

    def uneven_rows(self) -> dict[str, int]:
        """Rows of all processes that were repeated, or left out, since some had fewer than others."""
        return self._shared_windows.uneven_rows()

    def save(self) -> None:
        """The Trainer's `_save_checkpoint`. Within `saving_by_others` the checkpoint is whole at the end of that."""
        parts, trainer = self._parts, self._trainer
        self.finish_saving()
        self._training.keeper.all_here()
        parts.state.running_loss = self._training.running_loss.state_dict()
        parts.state.uneven_rows = self.uneven_rows()
        rates = {"grad_norm": self._norm.item(), "learning_rate": self._rate}
        parts.state.last_update = {**rates, "logged_loss": self._train_loss}
        if self._evaluating_from is None:
            self._export_states()
        with saving(parts.optimizer, unasked=self._is_unasked), self._before_evaluation(due=self._is_evaluation_left()):
            keeper, own = self._training.keeper, trainer.own_files()
            parts.data_place = self._place()
            saved = keeper.save(parts, trainer.saved_processing(), self._position(), own)
        self._unannounced = self._unannounced if saved is None else saved

    @contextmanager
    def saving_by_others(self) -> Iterator[None]:
        """Around an override of `_save_checkpoint`: all that it leaves in the folder belongs to the checkpoint."""
        self.finish_saving()
        keeper, parts = self._training.keeper, self._parts
        keeper.begin(parts.state)
        try:
            with keeper.together("_save_checkpoint"):
                yield
        except BaseException:
            keeper.abandon()
            raise
        with self._before_evaluation(due=self._is_evaluation_left()):
            parts.data_place = self._place()
            saved = keeper.end(parts, self._position())
        self._unannounced = self._unannounced if saved is None else saved

    def _is_evaluation_left(self) -> bool:
        """Whether an evaluation that is agreed on is still to come: who acts in an order of his own may save first."""
        return self._wanted[1] and self._evaluated_at != self._state.global_step

    @contextmanager
    def _before_evaluation(self, *, due: bool) -> Iterator[None]:
        """The state inside is that before an evaluation of this update which is `due`, or under way."""
        state, cut = self._state, self._evaluating_from
        whole, was_due = state.log_history, state.evaluation_due
        state.log_history = whole if cut is None else whole[:cut]
        state.evaluation_due = was_due or due or cut is not None
        try:
            yield
        finally:
            state.log_history, state.evaluation_due = whole, was_due

    def _announce(self) -> None:
        checkpoint, self._unannounced = self._unannounced, None
        if checkpoint is not None:
            self._trainer.after_save(checkpoint)
            self._parts.trackers.refresh()

    def _export_states(self) -> None:
        export_states((self._parts.control, *self._trainer.callback_handler.callbacks), self._state)

    def _position(self) -> dict[str, Any]:
        """Of the next window, for whoever goes on from here."""
        rows, walk = self._state.rows_in_epoch, vars(self).get("_walk")
        order = walk.mark() if rows and walk is not None else None
        batches = walk.own_batches if rows and walk is not None else None
        return replace(self._training.position, rows=rows, batches=batches, order=order).to_dict()

    def _place(self) -> Place | None:
        """Of the readers of a stream, behind the last window that is used."""
        walk = vars(self).get("_walk")
        return walk.place() if self._state.rows_in_epoch and walk is not None else None

    def rest(self) -> None:
        """The run is over: workers that load for it may go."""
        vars(self).pop("_walk", None)
        # That of a run which went on from its own end was never begun.
        self._training.walk = None

    @property
    def folder_for_own_files(self) -> str | None:
        return self._training.keeper.folder_for_own_files

    # After an error

    def settle(self) -> bool:
        """Count an update that is done but for that; whether the weights are then whole, and finite."""
        if self._weights == CHANGED and self._done is not None:
            window, ends_epoch, stepped, loss = self._done
            self._after_step(stepped)
            self._count(window, ends_epoch)
            try:
                self._fire("on_step_end", loss=loss, grad_norm=self._norm)
            except NonFiniteError:
                return False
            except Exception as error:
                # What breaks the run off came before it. The defaults are asked first of all, and so were heard.
                logger.debug("on_step_end after an error: %s", error)
            self._weights = WHOLE
        self._draws.take_back()
        return self._weights == WHOLE and not self._saving

    def save_last(self) -> None:
        """The last update as a checkpoint of what was done and of what was due. Raises what a save raises."""
        state, control = self._state, self._parts.control
        if self._evaluating_from is None and control.should_log and self._logged_at != state.global_step:
            self._logged_at = state.global_step
            self._log()
        due = control.should_evaluate and self._evaluated_at != state.global_step
        try:
            self._is_unasked = not control.should_save
            with self._before_evaluation(due=due):
                self._write()
                self._training.keeper.finish(state)
        finally:
            self._unannounced = None
