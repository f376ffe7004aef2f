"""The face people know; the work is done by the parts it wires together."""

from __future__ import annotations

import logging
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.training import data
from trainspec.training.callbacks import (
    DEFAULT_CALLBACKS,
    CallbackHandler,
    NotebookProgressCallback,
    PrinterCallback,
    ProgressCallback,
    StopOnNonFinite,
    progress_wanted,
)
from trainspec.training.callbacks.kernel import in_kernel
from trainspec.training.checkpoint.resume import branch_to_write, look_for_checkpoint
from trainspec.training.evaluation.metric_names import metrics_of_one_batch
from trainspec.training.evaluation.results import TrainOutput
from trainspec.training.findings.facts import Job
from trainspec.training.foreign.judging import told
from trainspec.training.optimizers import build_optimizer
from trainspec.training.parallel import choose_strategy
from trainspec.training.parallel.agreement import together
from trainspec.training.parallel.contact.joining import backend_for, joined
from trainspec.training.parallel.contact.launch_needs import find_launch_needs
from trainspec.training.preflight.locking import locked
from trainspec.training.preflight.output_folder import find_taken_places, is_unreachable
from trainspec.training.preflight.preflight import PreflightError, check, examine, look_around
from trainspec.training.run.measuring.memory import MemoryTracker
from trainspec.training.run.parts import RunParts
from trainspec.training.run.resuming.contract import refused_changes
from trainspec.training.run.seeding import seed_for_model
from trainspec.training.run.session import train_as_often
from trainspec.training.schedules import build_schedule
from trainspec.training.trainer.evaluating import Evaluating
from trainspec.training.trainer.inside.findings import find_overrides
from trainspec.training.trainer.inside.overrides import remember
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

logger = logging.getLogger(__name__)

__all__ = ["PreflightError", "Trainer"]


class Trainer(Evaluating, Questions, Publishing, Searching):
    """Trains, evaluates and predicts with any module that returns a loss, or any with a function that computes one.

    Override the methods below: training, evaluation and prediction go through them. `model_init` (without argument,
    or with the trial of a search) makes the model anew for each train(). Raises ValueError for neither or both.
    """

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
        self.args = _settings(args)
        apply_log_level(self.args)
        memory = MemoryTracker(self.args.skip_memory_metrics, self.args.device)
        memory.start("init")
        seed_for_model(self.args)
        if model is not None and model_init is not None:
            raise ValueError("pass model or model_init, not both: model_init makes the model")
        device = self.args.device
        check(find_launch_needs(self.args, device, backend_for(self.args, device)))
        self.parts = RunParts(device, choose_strategy(joined(self.args, device), self.args), memory)
        self.model_init = model_init
        self.processing_class = processing_class if processing_class is not None else tokenizer
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.compute_loss_func, self.compute_metrics = compute_loss_func, compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.optimizer_cls_and_kwargs = optimizer_cls_and_kwargs
        self.optimizer, self.lr_scheduler = self.given = optimizers
        self._kept_loaders = data.KeptLoaders()
        if self.overrides("create_accelerator_and_postprocess"):
            self.create_accelerator_and_postprocess()
        self.model = model if model is not None else self._made_model(None)
        self.parts.place = self._own_placement()
        self._ready_model()
        self.data_collator = data_collator if data_collator is not None else data.collator_for(self.processing_class)
        self.callback_handler = CallbackHandler(
            [*DEFAULT_CALLBACKS, *self._guards(), *(callbacks or ()), self._display()],
            self.model,
            self.processing_class,
        )
        if self.overrides("_validate_args"):
            self.call_hook("_validate_args")
        self.fire("on_init_end")
        self._told = list(find_overrides(self))
        check(self._told, self.parts.strategy.processes)
        memory.stop("init")

    def _made_model(self, trial: Any) -> nn.Module:
        if self.model_init is None:
            raise ValueError("the Trainer needs a model, or model_init to make one")
        seed_for_model(self.args)
        with self.parts.strategy.making_model():
            made: nn.Module = self.call_hook("call_model_init", trial)
        return made

    def _own_placement(self) -> Callable[[nn.Module], nn.Module] | None:
        """What of the way of a model to its device a subclass has taken over."""
        if not self.place_model_on_device:
            return lambda model: model
        if not self.overrides("_move_model_to_device"):
            return None

        def place(model: nn.Module) -> nn.Module:
            moved = self.call_hook("_move_model_to_device", model, self.parts.device)
            return model if moved is None else moved

        return place

    def _guards(self) -> list[Any]:
        return [StopOnNonFinite] if self.args.stop_on_nonfinite else []

    def _display(self) -> Any:
        if not progress_wanted(self.args):
            return PrinterCallback
        return NotebookProgressCallback if in_kernel() else ProgressCallback

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
        self.parts.trial = trial
        self._resuming = checkpoint = self._checked(wanted)
        if self.args.push_to_hub:
            # A token that is refused is told now, not at the first save.
            with together(self.parts.strategy.processes, "finding the repository on the hub"):
                self.init_hf_repo()
        parts, args = self.parts, self.args
        with ExitStack() if parts.holding is None else nullcontext(parts.holding) as holding:
            writes = args.save_strategy != "no" or parts.holding is not None
            output, processes = parts.output(args), parts.strategy.processes
            parts.locked = holding.enter_context(locked(args, output, processes, writes=writes))
            return train_as_often(self, checkpoint, ignore_keys_for_eval)

    # Parts

    def create_optimizer_and_scheduler(self, num_training_steps: int) -> None:
        """For a run of that many updates. What overrides of the two methods make holds, kept or merely returned."""
        optimizer = self.create_optimizer()
        self.optimizer = self.optimizer if optimizer is None else optimizer
        schedule = self.create_scheduler(num_training_steps, self.optimizer)
        self.lr_scheduler = self.lr_scheduler if schedule is None else schedule

    def create_optimizer(self, model: nn.Module | None = None) -> Optimizer:
        """The optimizer of this run; `model` is the Trainer's own, whoever calls."""
        if self.optimizer is None:
            own = self.optimizer_cls_and_kwargs
            if own is None and self.overrides("get_optimizer_cls_and_kwargs"):
                own = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            decaying = self.get_decay_parameter_names(self.model) if self._own("get_decay_parameter_names") else None
            self.optimizer = build_optimizer(self.model, self.args, own, decaying)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> LRScheduler:
        if self.lr_scheduler is None:
            chosen = optimizer if optimizer is not None else self.create_optimizer()
            self.lr_scheduler = build_schedule(chosen, self.args, num_training_steps)
        return self.lr_scheduler

    # Around a run

    def preflight(self, *, trains: bool = True) -> list[Diagnostic]:
        """Everything about settings, machine, model and data that would stop a run, and what is worth knowing."""
        own_loader, own_evaluation = self._own("get_train_dataloader"), self._own("evaluate", "get_eval_dataloader")
        columns = ("_set_signature_columns_if_needed", "_remove_unused_columns", "_get_collator_with_removed_columns")
        job = Job(
            self.model,
            None if own_loader else self.train_dataset,
            None if own_evaluation else self.eval_dataset,
            self.compute_metrics,
            makes_its_own_loader=own_loader,
            evaluates_by_itself=own_evaluation,
            computes_loss=self._computes_loss(),
            loss_of_one_batch=self._loss_of_one_batch,
            stacks_rows=self.data_collator is data.collate,
            has_an_optimizer=self.given[0] is not None or self.optimizer_cls_and_kwargs is not None,
            optimizer=self.given[0],
            schedule=self.given[1],
            chooses_its_columns=self._own("_get_dataloader", *columns) or self._signature_columns is not None,
            orders_rows_itself=self._own("_get_dataloader", "_get_train_sampler"),
            metric_names=lambda: metrics_of_one_batch(self.eval_dataset, self._metrics_of_one_batch),
            saves_itself=self.own_writers(),
        )
        return [*find_overrides(self), *examine(self.args, look_around(self.parts.device), job, trains=trains)]

    def _computes_loss(self) -> bool:
        own = self.compute_loss_func is not None or bool(self.args.label_smoothing_factor)
        return own or self._own("compute_loss", "training_step")

    def makes_its_own_steps(self) -> bool:
        """Whether an override, or a class that was given, makes the optimizer or its schedule."""
        names = ("create_optimizer", "create_scheduler", "create_optimizer_and_scheduler")
        return self.optimizer_cls_and_kwargs is not None or self._own(*names)

    def _looked_for(self, wanted: str | bool | None) -> tuple[Checkpoint | None, list[Diagnostic]]:
        return look_for_checkpoint(
            lambda: self.parts.output(self.args),
            wanted,
            loads_itself=self.overrides("_load_optimizer_and_scheduler"),
            strategy=self.parts.strategy,
            on_each_node=self.args.save_on_each_node,
        )

    def _checked(self, wanted: str | bool | None) -> Checkpoint | None:
        """The checkpoint to go on from. Raises PreflightError with all that is wrong."""
        own_findings, processes = self.preflight(), self.parts.strategy.processes
        # A store that does not answer is waited for once.
        if processes.any(is_unreachable(own_findings)):
            check(own_findings, processes)
        checkpoint, faults = self._looked_for(wanted)
        self.parts.branch, left = branch_to_write(lambda: self.parts.output(self.args), wanted, checkpoint, processes)
        faults += left
        orders = ("get_train_dataloader", "_get_dataloader", "_get_train_sampler")
        foreign = told(
            checkpoint,
            self.args,
            self.model,
            own_optimizer=self.given[0] is not None or self.makes_its_own_steps(),
            shuffles=not (self._own(*orders) or data.is_iterable(self.train_dataset)),
        )
        own = self.makes_its_own_steps()
        changed = refused_changes(
            checkpoint,
            self.args,
            gave_optimizer=own or self.given[0] is not None,
            gave_schedule=own or self.given[1] is not None,
        )
        taken = find_taken_places(
            self.args,
            lambda: self.parts.output(self.args),
            None if self._own("get_train_dataloader") else self.train_dataset,
            0 if checkpoint is None else checkpoint.step,
        )
        # What was told when this was made is not told again.
        found = [*faults, *foreign, *changed, *taken, *(item for item in own_findings if item not in self._told)]
        check(found, processes)
        return checkpoint

    def _own(self, *names: str) -> bool:
        return any(map(self.overrides, names))


remember(Trainer)


def _settings(args: Any) -> TrainingArguments:
    """Settings of ours, converted where they are transformers' own. Raises TypeError for anything else."""
    from trainspec.settings.arguments import TrainingArguments

    if args is None or isinstance(args, TrainingArguments):
        return args if args is not None else TrainingArguments()
    from trainspec.settings.arguments.of_transformers import converted

    return converted(args)
