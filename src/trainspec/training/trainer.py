"""The face people know; the work is done by the parts it wires together."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.settings.redaction import redact_url
from trainspec.storage import Store, open_store
from trainspec.training import data, outputs, seeding
from trainspec.training.checkpoint.weights import model_files
from trainspec.training.devices import to_device
from trainspec.training.evaluation import EvaluationLoop
from trainspec.training.loop import TrainingLoop
from trainspec.training.optimizers import build_optimizer
from trainspec.training.parallel import SingleProcess
from trainspec.training.precision import choose_precision, tf32
from trainspec.training.preflight import Job, PreflightError, check, examine, look_around
from trainspec.training.results import EvalLoopOutput, PredictionOutput, TrainOutput
from trainspec.training.resuming import look_for_checkpoint
from trainspec.training.saving import load_best
from trainspec.training.schedules import build_schedule
from trainspec.training.state import TrainerState
from trainspec.training.talking import apply_log_level
from trainspec.training.trackers import RunFacts, TrackerGroup
from trainspec.training.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.callbacks import Callback
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.parts import RunParts

logger = logging.getLogger(__name__)

__all__ = ["PreflightError", "Trainer"]


class Trainer:
    """Trains, evaluates and predicts with any module that returns a loss."""

    def __init__(
        self,
        model: nn.Module,
        args: TrainingArguments | None = None,
        *,
        data_collator: Callable[[Any], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        compute_metrics: Callable[..., dict[str, Any]] | None = None,
        callbacks: Sequence[Callback] = (),
        optimizers: tuple[Optimizer | None, LRScheduler | None] = (None, None),
        preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self.args = args if args is not None else _default_arguments()
        apply_log_level(self.args)
        seeding.prepare(self.args.seed, self.args.full_determinism)
        self.strategy = SingleProcess()
        self.device = self.args.device
        self.model = model
        self.model_wrapped = self.strategy.prepare(model, self.device)
        self.precision = choose_precision(self.args, self.device)
        self.data_collator = data_collator if data_collator is not None else data.collate
        self.train_dataset = train_dataset
        self.eval_dataset = eval_dataset
        self.compute_metrics = compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.label_names = outputs.label_names(model, self.args.label_names)
        self.optimizer, self.lr_scheduler = self._given = optimizers
        self.state = TrainerState()
        self.callbacks = list(callbacks)
        self._callbacks: list[Callback] = []
        self._trackers = TrackerGroup([])
        self._is_training = False

    # Running

    def train(self, resume_from_checkpoint: str | bool | None = None) -> TrainOutput:
        """Train as the settings say. Raises PreflightError before anything is written where they cannot be met."""
        wanted = self.args.resume_from_checkpoint if resume_from_checkpoint is None else resume_from_checkpoint
        checkpoint = self._checked(wanted)
        seeding.prepare(self.args.seed, self.args.full_determinism)
        self.optimizer, self.lr_scheduler = self._given
        self.precision = choose_precision(self.args, self.device)
        with tf32(self.args.tf32):
            began = time.perf_counter()
            parts = wire(self, checkpoint)
            first_step = self.state.global_step
            self._begin(parts)
            try:
                TrainingLoop(self, parts).run()
                load_best(self.args, self.state, self.model)
                metrics = self._closing_metrics(parts, time.perf_counter() - began, first_step)
                self.log(metrics)
            finally:
                self._end(parts)
        return TrainOutput(self.state.global_step, metrics["train_loss"], metrics)

    def evaluate(self, eval_dataset: Any = None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Metrics on the evaluation data, logged and returned under the prefix."""
        loader = self.get_eval_dataloader(eval_dataset)
        loss_only = self.args.prediction_loss_only or self.compute_metrics is None
        output = self.evaluation_loop(loader, loss_only, metric_key_prefix)
        self._report(output.metrics)
        return output.metrics

    def predict(self, test_dataset: Any, metric_key_prefix: str = "test") -> PredictionOutput:
        """Predictions for every row, with metrics where the rows have labels."""
        loader = self.get_eval_dataloader(test_dataset)
        output = self.evaluation_loop(loader, self.args.prediction_loss_only, metric_key_prefix)
        self._report(output.metrics)
        return PredictionOutput(output.predictions, output.label_ids, output.metrics)

    def evaluation_loop(
        self, dataloader: DataLoader[Any], prediction_loss_only: bool, metric_key_prefix: str = "eval"
    ) -> EvalLoopOutput:
        was_training = self.model_wrapped.training
        self.model_wrapped.eval()
        try:
            loop = EvaluationLoop(self.args, self._predict_batch, self.compute_metrics)
            return loop.run(dataloader, metric_key_prefix, loss_only=prediction_loss_only)
        finally:
            self.model_wrapped.train(was_training)

    def save_model(self, output_dir: str | None = None) -> None:
        """The weights alone, into output_dir or another folder or URL."""
        store = self._output() if output_dir is None else open_store(output_dir)
        weights = self.strategy.model_state(self.model_wrapped)
        for name, content in model_files(weights, save_safetensors=self.args.save_safetensors).items():
            store.write_bytes(name, content)

    def log(self, logs: dict[str, float]) -> None:
        """Take an entry into the history and hand it to trackers and callbacks."""
        entry = {**logs, "epoch": self.state.epoch, "step": self.state.global_step}
        self.state.log_history.append(entry)
        self._trackers.log(entry)
        for callback in self._callbacks:
            callback.on_log(self.args, self.state, entry)

    # One batch

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: int | None = None) -> Tensor:
        """Forward and backward for one micro-batch; returns its share of the window's loss.

        `num_items_in_batch` counts the items of the whole accumulation window; None: this batch is all of it. The
        model's loss is a mean over its own batch, so weighing it by its items makes their sum the window's mean.
        """
        share = None if num_items_in_batch is None else outputs.weigh(inputs, self.label_names) / num_items_in_batch
        with self.precision.autocast():
            loss: Tensor = self.compute_loss(model, self._on_device(inputs))
        if share is not None:
            loss = loss * share
        self.precision.backward(loss)
        return loss.detach()

    def compute_loss(self, model: nn.Module, inputs: Any, return_outputs: bool = False) -> Any:
        """The mean loss over the items of one batch; with `return_outputs`, what the model returned as well."""
        returned = outputs.call(model, inputs)
        loss = outputs.loss_of(returned)
        return (loss, returned) if return_outputs else loss

    def prediction_step(
        self, model: nn.Module, inputs: Any, prediction_loss_only: bool
    ) -> tuple[Tensor | None, Any, Any]:
        """Loss, predictions and labels of one batch; each None where there is none."""
        inputs = self._on_device(inputs)
        labels = outputs.labels_of(inputs, self.label_names)
        loss: Tensor | None
        with torch.no_grad(), self.precision.autocast():
            if labels is not None:
                loss, returned = self.compute_loss(model, inputs, return_outputs=True)
            else:
                returned = outputs.call(model, inputs)
                loss = outputs.find_loss(returned)
        if prediction_loss_only:
            return loss, None, None
        predictions = outputs.predictions_of(returned, without_loss=loss is not None)
        if self.preprocess_logits_for_metrics is not None:
            predictions = self.preprocess_logits_for_metrics(predictions, labels)
        return loss, predictions, labels

    def _predict_batch(self, batch: Any, loss_only: bool) -> tuple[Tensor | None, Any, Any]:
        return self.prediction_step(self.model_wrapped, batch, loss_only)

    def _on_device(self, inputs: Any) -> Any:
        return to_device(inputs, self.device, non_blocking=self.args.dataloader_pin_memory)

    # Parts

    def create_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            self.optimizer = build_optimizer(self.model, self.args)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> LRScheduler:
        if self.lr_scheduler is None:
            chosen = optimizer if optimizer is not None else self.create_optimizer()
            self.lr_scheduler = build_schedule(chosen, self.args, num_training_steps)
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader[Any]:
        return data.train_loader(self.train_dataset, self.args, self._collator(), self.device)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        chosen = eval_dataset if eval_dataset is not None else self.eval_dataset
        if chosen is None:
            raise ValueError("evaluation needs data: pass eval_dataset to the Trainer or to evaluate()")
        return data.eval_loader(chosen, self.args, self._collator(), self.device)

    def _collator(self) -> data.Collator:
        accepted = data.accepted_names(self.model) if self.args.remove_unused_columns else None
        if accepted is None:
            return self.data_collator
        return data.ColumnFilter(self.data_collator, accepted, self.label_names)

    def _output(self) -> Store:
        return open_store(self.args.output_dir)

    # Around a run

    def preflight(self, *, trains: bool = True) -> list[Diagnostic]:
        """Everything about settings, machine, model and data that would stop a run, and what is worth knowing."""
        job = Job(self.model, self.train_dataset, self.eval_dataset, self.compute_metrics)
        return examine(self.args, look_around(self.device), job, trains=trains)

    def _checked(self, wanted: str | bool | None) -> Checkpoint | None:
        """The checkpoint to go on from. Raises PreflightError with all that is wrong."""
        checkpoint, faults = look_for_checkpoint(self._output, wanted)
        check([*faults, *self.preflight()])
        return checkpoint

    def _begin(self, parts: RunParts) -> None:
        self._callbacks, self._trackers, self._is_training = parts.callbacks, parts.trackers, True
        parts.trackers.start(RunFacts(redact_url(self.args.run_name or ""), self._output()), self.state.log_history)
        parts.model.train()
        for callback in parts.callbacks:
            callback.on_run_begin(self.args, self.state)

    def _end(self, parts: RunParts) -> None:
        for callback in parts.callbacks:
            callback.on_run_end(self.args, self.state)
        parts.trackers.flush()
        self._callbacks = []
        self._is_training = False

    def _report(self, metrics: dict[str, float]) -> None:
        self.log(metrics)
        if self._is_training:
            self._trackers.refresh()
        else:
            self._trackers.flush()

    def _closing_metrics(self, parts: RunParts, seconds: float, first_step: int) -> dict[str, float]:
        return {
            "train_runtime": round(seconds, 4),
            "train_samples_per_second": round(parts.rows_seen / seconds, 3),
            "train_steps_per_second": round((self.state.global_step - first_step) / seconds, 3),
            "train_loss": parts.losses.overall(),
        }


def _default_arguments() -> TrainingArguments:
    from trainspec.settings.arguments import TrainingArguments

    return TrainingArguments()
