"""The face people know; the work is done by the parts it wires together."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training import data
from trainspec.training.callbacks import (
    DEFAULT_CALLBACKS,
    CallbackHandler,
    PrinterCallback,
    ProgressCallback,
    StopOnNonFinite,
    progress_wanted,
)
from trainspec.training.checkpoint.resume import look_for_checkpoint
from trainspec.training.evaluation.loop import EvaluationLoop
from trainspec.training.evaluation.metric_names import metrics_of_one_batch
from trainspec.training.evaluation.model import ready_for_evaluation
from trainspec.training.findings.facts import Job
from trainspec.training.model import outputs
from trainspec.training.model.inside import main_input_name
from trainspec.training.model.nests import to_device
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import backward
from trainspec.training.parallel import SingleProcess
from trainspec.training.preflight.preflight import PreflightError, check, examine, look_around
from trainspec.training.results import EvalLoopOutput, PredictionOutput, TrainOutput, speed_metrics
from trainspec.training.run.memory import MemoryTracker
from trainspec.training.run.parts import RunParts
from trainspec.training.run.seeding import seed_for_model
from trainspec.training.run.session import train_once
from trainspec.training.schedules import build_schedule
from trainspec.training.signatures import supported, takes
from trainspec.training.trainer.loaders import Loaders
from trainspec.training.trainer.log_level import apply_log_level
from trainspec.training.trainer.publishing import Publishing
from trainspec.training.trainer.questions import Questions
from trainspec.training.trainer.searching import Searching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.loss.items import MicroBatchItems

logger = logging.getLogger(__name__)

__all__ = ["PreflightError", "Trainer"]


class Trainer(Loaders, Questions, Publishing, Searching):
    """Trains, evaluates and predicts with any module that returns a loss, or any with a function that computes one.

    Override the methods below: training, evaluation and prediction go through them. `model_init` (without argument,
    or with the trial of a search) makes the model anew for each train(). Raises ValueError for neither or both.
    """

    # Said by whoever divides the loss by the items of the whole window in compute_loss: it is told them, and its loss
    # counts as it is.
    model_accepts_loss_kwargs: bool = False

    def __init__(
        self,
        model: nn.Module | None = None,
        args: TrainingArguments | None = None,
        data_collator: Callable[[Any], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[..., nn.Module] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[..., dict[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        optimizers: tuple[Optimizer | None, LRScheduler | None] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None = None,
        preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None = None,
        *,
        tokenizer: Any = None,
    ) -> None:
        self.args = args if args is not None else _default_arguments()
        apply_log_level(self.args)
        memory = MemoryTracker(self.args.skip_memory_metrics, self.args.device)
        memory.start("init")
        seed_for_model(self.args)
        if model is not None and model_init is not None:
            raise ValueError("pass model or model_init, not both: model_init makes the model")
        self.parts = RunParts(self.args.device, SingleProcess(), memory)
        self.model_init = model_init
        self.processing_class = processing_class if processing_class is not None else tokenizer
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.compute_loss_func, self.compute_metrics = compute_loss_func, compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.optimizer_cls_and_kwargs = optimizer_cls_and_kwargs
        self.optimizer, self.lr_scheduler = self.given = optimizers
        self._kept_loaders = data.KeptLoaders()
        self.model = model if model is not None else self._made_model(None)
        self._ready_model()
        self.data_collator = data_collator if data_collator is not None else data.collator_for(self.processing_class)
        self.callback_handler = CallbackHandler(
            [*DEFAULT_CALLBACKS, *self._guards(), *(callbacks or ()), self._display()],
            self.model,
            self.processing_class,
        )
        self.fire("on_init_end")
        memory.stop("init")

    def _made_model(self, trial: Any) -> nn.Module:
        if self.model_init is None:
            raise ValueError("the Trainer needs a model, or model_init to make one")
        from trainspec.training.search import takes_trial

        seed_for_model(self.args)
        return self.model_init(trial) if takes_trial(self.model_init) else self.model_init()

    def _guards(self) -> list[Any]:
        return [StopOnNonFinite] if self.args.stop_on_nonfinite else []

    def _display(self) -> Any:
        return ProgressCallback if progress_wanted(self.args) else PrinterCallback

    # Running

    def train(
        self,
        resume_from_checkpoint: str | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: list[str] | None = None,
    ) -> TrainOutput:
        """Train as the settings say. Raises PreflightError before anything is written where they cannot be met."""
        wanted = self.args.resume_from_checkpoint if resume_from_checkpoint is None else resume_from_checkpoint
        if self.model_init is not None:
            self.model = self._made_model(trial)
        self._ready_model()
        checkpoint = self._checked(wanted)
        if self.args.push_to_hub:
            # A token that is refused is told now, not at the first save.
            self.init_hf_repo()
        return train_once(self, checkpoint, ignore_keys_for_eval)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Metrics on the evaluation data, logged and returned under the prefix; of several data sets, under
        `prefix_name`. `eval_dataset` may also be the name of one of those that the Trainer was given.
        """
        chosen = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(chosen, Mapping):
            metrics: dict[str, float] = {}
            for name, dataset in chosen.items():
                metrics |= self.evaluate(dataset, ignore_keys, f"{metric_key_prefix}_{name}")
            return metrics
        self.memory.start("eval")
        loader = self.get_eval_dataloader(eval_dataset)
        loss_only = True if self.compute_metrics is None else None
        output = self._evaluated(loader, "Evaluation", loss_only, ignore_keys, metric_key_prefix)
        self.memory.stop("eval", output.metrics)
        self._report(output.metrics)
        self.fire("on_evaluate", metrics=output.metrics)
        return output.metrics

    def predict(
        self, test_dataset: Any, ignore_keys: list[str] | None = None, metric_key_prefix: str = "test"
    ) -> PredictionOutput:
        """Predictions for every row, with metrics where the rows have labels."""
        self.memory.start("test")
        loader = self.get_test_dataloader(test_dataset)
        output = self._evaluated(loader, "Prediction", None, ignore_keys, metric_key_prefix)
        self.memory.stop("test", output.metrics)
        self._report(output.metrics)
        self.fire("on_predict", metrics=output.metrics)
        return PredictionOutput(output.predictions, output.label_ids, output.metrics)

    def _evaluated(self, loader: Any, description: str, loss_only: bool | None, *rest: Any) -> EvalLoopOutput:
        ignore_keys, prefix = rest
        known = {"prediction_loss_only": loss_only, "ignore_keys": ignore_keys, "metric_key_prefix": prefix}
        return self.evaluation_loop(loader, description, **supported(self.evaluation_loop, **known))

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str = "Evaluation",
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """One pass over a loader; `description` is for whoever overrides this."""
        self._ready_model()
        handler, step, event = self.callback_handler, self.prediction_step, "on_prediction_step"
        handler.eval_dataloader = dataloader
        ignored = supported(step, ignore_keys=ignore_keys)
        self.losses.forget()
        with data.undisturbed(), ready_for_evaluation(self.parts, self.args) as model:
            loop = EvaluationLoop(
                self.args,
                lambda batch, loss_only: step(model, batch, loss_only, **ignored),
                self.compute_metrics,
                after_batch=partial(self.fire, event) if handler.has_listeners(event) else None,
                input_name=main_input_name(self.model),
                label_names=self.label_names,
            )
            loss_only = self.args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only
            return loop.run(dataloader, metric_key_prefix, loss_only=loss_only)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the epoch to an entry, take it into the history and hand it to trackers and callbacks.

        `start_time` (of time.time()) adds how fast training went since then.
        """
        logs["epoch"] = self.state.epoch
        entry = dict(logs)
        if self.args.include_num_input_tokens_seen not in (None, False, "no"):
            entry["num_input_tokens_seen"] = self.state.num_input_tokens_seen
        if start_time is not None:
            passed = time.time() - start_time
            entry |= {
                f"train_{name}": value for name, value in speed_metrics(passed, steps=self.state.global_step).items()
            }
        self.state.log_history.append({**entry, "step": self.state.global_step})
        self.trackers.log(self.state.log_history[-1])
        self.fire("on_log", logs=entry)

    # One batch

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Tensor | None = None) -> Tensor:
        """Forward and backward for one micro-batch; returns its part of the window's mean loss.

        `num_items_in_batch` counts the items of the whole accumulation window, None where nobody counts them. However
        the loss of a micro-batch comes to be a mean over its own items, it is weighed by them here, so that the parts
        add up to the mean over the window.
        """
        items = self.parts.items
        counted = None if items is None else self._told_count(items)
        known: dict[str, Any] = (
            {"num_items_in_batch": counted} if takes(self.compute_loss, "num_items_in_batch") else {}
        )
        prepared = self._prepare_inputs(inputs)
        with self.compute_loss_context_manager():
            loss: Tensor = self.compute_loss(model, prepared, **known)
        if items is not None and not self.model_accepts_loss_kwargs:
            loss = items.part_of_window(loss)
        self.backward(loss)
        return loss.detach()

    def _told_count(self, items: MicroBatchItems) -> Tensor:
        """Of the micro-batch alone: then a loss that divides by it, and one that never looks at it, are both a mean."""
        return items.total.to(self.device) if self.model_accepts_loss_kwargs else items.divisor(self.device)

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss, scaled under fp16; for whoever overrides training_step."""
        if self.parts.items is None or not self.parts.items.is_empty:
            backward(self.optimizer, loss, self.precision.backward)

    def compute_loss_context_manager(self) -> Any:
        """Autocast, as bf16 and fp16 ask for it."""
        return self.precision.autocast()

    def compute_loss(
        self, model: nn.Module, inputs: Any, return_outputs: bool = False, num_items_in_batch: Tensor | None = None
    ) -> Any:
        """The mean loss over the items of one batch, of which there are `num_items_in_batch` where that is told; with
        `return_outputs`, what the model returned as well.
        """
        loss, returned = self.losses.compute(model, inputs, num_items_in_batch)
        return (loss, returned) if return_outputs else loss

    def counts_items(self) -> bool:
        """Whether compute_loss wants to know the items of a window, though it be a single batch."""
        own = _overrides(self, "compute_loss") and takes(self.compute_loss, "num_items_in_batch")
        return self.losses.counts_items or own

    def prediction_step(
        self, model: nn.Module, inputs: Any, prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Tensor | None, Any, Any]:
        """Loss, predictions and labels of one batch; each None where there is none."""
        inputs = self._prepare_inputs(inputs)
        labels = outputs.labels_of(inputs, self.label_names)
        loss: Tensor | None
        with torch.no_grad(), self.compute_loss_context_manager():
            if labels is not None:
                loss, returned = self.compute_loss(model, inputs, return_outputs=True)
            else:
                returned = outputs.call(model, inputs)
                loss = outputs.find_loss(returned)
        if prediction_loss_only:
            return loss, None, None
        ignored = ignore_keys if ignore_keys is not None else self.parts.ignored_keys
        given = loss is not None and outputs.find_loss(returned) is not None
        predictions = outputs.predictions_of(returned, without_loss=given, ignored=ignored)
        if self.preprocess_logits_for_metrics is not None:
            predictions = self.preprocess_logits_for_metrics(predictions, labels)
        return loss, predictions, labels

    def _prepare_inputs(self, inputs: Any) -> Any:
        """The batch on the device, with the model's last memory under past_index."""
        placed = to_device(inputs, self.device, non_blocking=self.args.dataloader_pin_memory)
        return self.losses.remembering(placed)

    # Parts

    def create_optimizer_and_scheduler(self, num_training_steps: int) -> None:
        """For a run of that many updates."""
        self.create_optimizer()
        self.create_scheduler(num_training_steps, self.optimizer)

    def create_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            self.optimizer = build_optimizer(self.model, self.args, self.optimizer_cls_and_kwargs)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> LRScheduler:
        if self.lr_scheduler is None:
            chosen = optimizer if optimizer is not None else self.create_optimizer()
            self.lr_scheduler = build_schedule(chosen, self.args, num_training_steps)
        return self.lr_scheduler

    # Around a run

    def preflight(self, *, trains: bool = True) -> list[Diagnostic]:
        """Everything about settings, machine, model and data that would stop a run, and what is worth knowing."""
        own_loader = _overrides(self, "get_train_dataloader")
        own_evaluation = _overrides(self, "evaluate", "get_eval_dataloader")
        job = Job(
            self.model,
            None if own_loader else self.train_dataset,
            None if own_evaluation else self.eval_dataset,
            self.compute_metrics,
            makes_its_own_loader=own_loader,
            evaluates_by_itself=own_evaluation,
            has_an_optimizer=self.given[0] is not None or self.optimizer_cls_and_kwargs is not None,
            metric_names=lambda: metrics_of_one_batch(self.eval_dataset, self._metrics_of_one_batch),
        )
        return examine(self.args, look_around(self.device), job, trains=trains)

    def _metrics_of_one_batch(self, dataset: Any, prefix: str) -> dict[str, float]:
        batch = list(islice(self.get_test_dataloader(dataset), 1))
        return self.evaluation_loop(batch, "Preflight", self.compute_metrics is None, None, prefix).metrics

    def _checked(self, wanted: str | bool | None) -> Checkpoint | None:
        """The checkpoint to go on from. Raises PreflightError with all that is wrong."""
        checkpoint, faults = look_for_checkpoint(lambda: self.output, wanted)
        check([*faults, *self.preflight()])
        return checkpoint

    def _report(self, metrics: dict[str, float]) -> None:
        self.log(metrics)
        if self.is_in_train:
            self.trackers.refresh()
        else:
            self.trackers.flush()


def _overrides(trainer: Trainer, *names: str) -> bool:
    return any(getattr(type(trainer), name) is not getattr(Trainer, name) for name in names)


def _default_arguments() -> TrainingArguments:
    from trainspec.settings.arguments import TrainingArguments

    return TrainingArguments()
