"""What a run needs of its data, its metrics and its processes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from trainspec.plan.batches import PlanError, check_rows, cut_epoch
from trainspec.plan.steps import total_updates
from trainspec.settings.views.layout import layout_of
from trainspec.training import data
from trainspec.training.checkpoint.model_files import unsavable
from trainspec.training.findings.found import found
from trainspec.training.interruption import can_be_noted
from trainspec.training.schedules.plateau import follows_metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def find_no_signals(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.enable_jit_checkpoint and not can_be_noted():
        yield found(
            args,
            "RUN174",
            "enable_jit_checkpoint: train() is called in a thread, which hears of no signal",
            "enable_jit_checkpoint",
            severity="warning",
        )


def find_own_writers(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.save_in_background and job.saves_itself:
        yield found(
            args,
            "RUN175",
            f"save_in_background: training waits for saves all the same, since {', '.join(job.saves_itself)} is "
            "overridden",
            "save_in_background",
            severity="warning",
        )


def find_unsavable_model(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    own = {"_save_checkpoint", "save_model", "_save"}.intersection(job.saves_itself)
    if args.save_strategy == "no" or not args.save_safetensors or own:
        return
    problems = unsavable(job.model)
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        yield found(
            args,
            "RUN216",
            f"the model cannot be saved: {problems[0]}{more}",
            "save_safetensors",
            remedy="set save_safetensors: false, or leave it out of the model's state_dict()",
        )


def find_nothing_to_train(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not any(value.requires_grad for value in job.model.parameters()):
        yield found(
            args,
            "RUN107",
            "the model has no parameter that requires a gradient",
            remedy="set requires_grad on what is to be trained",
        )


def find_training_data(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if job.makes_its_own_loader:
        return
    if job.train_dataset is None:
        yield found(
            args,
            "RUN112",
            "there is no training data",
            remedy="pass train_dataset to the Trainer",
        )
        return
    rows = data.row_count(job.train_dataset)
    shares = layout_of(args, machine.world_size).data_ranks
    cut = cut_epoch(
        rows,
        per_device_batch_size=data.own_batch_size(args, args.per_device_train_batch_size, shares),
        accumulation_steps=args.gradient_accumulation_steps,
        world_size=shares,
        drop_last=args.dataloader_drop_last,
    )
    try:
        check_rows(rows, cut, args.dataloader_drop_last)
        total_updates(args.max_steps, args.num_train_epochs, cut.updates)
    except PlanError as error:
        yield found(args, "RUN113", str(error), *_PLANNED)


def find_evaluation_data(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    evaluates = args.eval_strategy != "no" or args.eval_on_start
    if not evaluates or job.evaluates_by_itself:
        return
    sets = list(job.eval_dataset.values()) if isinstance(job.eval_dataset, dict) else [job.eval_dataset]
    if not sets or any(dataset is None or data.row_count(dataset) == 0 for dataset in sets):
        yield found(
            args,
            "RUN114",
            "evaluations are due, but there is no row to evaluate on",
            "eval_strategy",
            "eval_on_start",
            remedy="pass eval_dataset to the Trainer, or set eval_strategy: no",
        )


def find_metrics_by_batch(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.batch_eval_metrics and job.compute_metrics is not None and not _takes_compute_result(job.compute_metrics):
        yield found(
            args,
            "RUN115",
            "compute_metrics takes no argument compute_result",
            "batch_eval_metrics",
            remedy="write it as compute_metrics(prediction, compute_result), or leave batch_eval_metrics out",
        )


def find_unknown_metric(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """A best model is chosen by a metric; one batch tells whether evaluation returns it."""
    name = args.metric_for_best_model
    chooses = args.load_best_model_at_end or args.save_strategy == "best"
    depends = chooses or args.lr_scheduler_type == "reduce_lr_on_plateau" or follows_metric(job.schedule)
    # The loss is there wherever labels are.
    if name is None or name in ("loss", "eval_loss") or not depends:
        return
    if args.eval_strategy == "no" or job.evaluates_by_itself or job.metric_names is None:
        return
    known = job.metric_names()
    key = name if name.startswith("eval_") else f"eval_{name}"
    if known is not None and key not in known:
        offered = ", ".join(sorted(metric.removeprefix("eval_") for metric in known))
        yield found(
            args,
            "RUN121",
            f"evaluation does not return {name!r}; a batch of the evaluation data gave {offered}",
            "metric_for_best_model",
            remedy="set metric_for_best_model to one of these, or return it from compute_metrics",
        )


def _takes_compute_result(function: Callable[..., Any]) -> bool:
    taken = inspect.signature(function).parameters
    return "compute_result" in taken or any(e.kind is inspect.Parameter.VAR_KEYWORD for e in taken.values())


_PLANNED = (
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "dataloader_drop_last",
)
