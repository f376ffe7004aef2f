"""What a run needs of the machine, the model and the data."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainspec.plan.batches import PlanError, check_rows, cut_epoch
from trainspec.plan.steps import total_updates
from trainspec.training import data
from trainspec.training.findings import found
from trainspec.training.optimizers.adamw import fused_works
from trainspec.training.trackers import TRACKERS, chosen_trackers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


@dataclass(frozen=True)
class Machine:
    """What preflight needs to know of the machine."""

    device: torch.device
    world_size: int
    bf16: bool
    tf32: bool


@dataclass(frozen=True)
class Job:
    """What a Trainer was given to work on."""

    model: nn.Module
    train_dataset: Any
    eval_dataset: Any
    compute_metrics: Callable[..., Any] | None


def _processes(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if machine.world_size > 1:
        yield found(
            args,
            "RUN103",
            f"WORLD_SIZE is {machine.world_size}, but this release trains in one process",
            remedy="start the command by itself, without torchrun",
        )


def _number_formats(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.bf16 and not machine.bf16:
        yield found(
            args,
            "RUN104",
            f"this {machine.device.type} device does not compute in bfloat16",
            "bf16",
            remedy="use fp16: true, or no half precision",
        )
    if args.tf32 and not machine.tf32:
        yield found(
            args,
            "RUN105",
            "this GPU has no TF32; that came with NVIDIA's Ampere generation",
            "tf32",
            remedy="leave tf32 out",
        )
    halves = [name for name, value in job.model.named_parameters() if value.dtype is torch.float16]
    if args.fp16 and halves:
        yield found(
            args,
            "RUN106",
            f"the model's weights are float16 already ({halves[0]} and {len(halves) - 1} more)",
            "fp16",
            remedy="load the model in float32 (model.float()), or use bf16: true",
        )


def _optimizer(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    trained = [value for value in job.model.parameters() if value.requires_grad]
    if not trained:
        yield found(
            args,
            "RUN107",
            "the model has no parameter that requires a gradient",
            remedy="set requires_grad on what is to be trained",
        )
    if args.optim == "adamw_torch_fused" and not fused_works(trained):
        yield found(
            args,
            "RUN108",
            f"the fused AdamW does not run on {machine.device.type} with these parameters",
            "optim",
            remedy="use optim: adamw_torch, which takes the fastest form that works",
        )


def _training_data(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if job.train_dataset is None:
        yield found(
            args,
            "RUN112",
            "there is no training data",
            remedy="pass train_dataset to the Trainer",
        )
        return
    rows = data.row_count(job.train_dataset)
    cut = cut_epoch(
        rows,
        per_device_batch_size=args.per_device_train_batch_size,
        accumulation_steps=args.gradient_accumulation_steps,
        drop_last=args.dataloader_drop_last,
    )
    try:
        check_rows(rows, cut, args.dataloader_drop_last)
        total_updates(args.max_steps, args.num_train_epochs, cut.updates)
    except PlanError as error:
        yield found(args, "RUN113", str(error), *_PLANNED)


def _evaluation(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    evaluates = args.eval_strategy != "no" or args.eval_on_start
    rows = None if job.eval_dataset is None else data.row_count(job.eval_dataset)
    if evaluates and (job.eval_dataset is None or rows == 0):
        yield found(
            args,
            "RUN114",
            "evaluations are due, but there is no row to evaluate on",
            "eval_strategy",
            "eval_on_start",
            remedy="pass eval_dataset to the Trainer, or set eval_strategy: no",
        )


def _metrics(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.batch_eval_metrics and job.compute_metrics is not None and not _takes_compute_result(job.compute_metrics):
        yield found(
            args,
            "RUN115",
            "compute_metrics takes no argument compute_result",
            "batch_eval_metrics",
            remedy="write it as compute_metrics(prediction, compute_result), or leave batch_eval_metrics out",
        )


def _takes_compute_result(function: Callable[..., Any]) -> bool:
    taken = inspect.signature(function).parameters
    return "compute_result" in taken or any(e.kind is inspect.Parameter.VAR_KEYWORD for e in taken.values())


def _trackers(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    for name in chosen_trackers(args):
        if name in TRACKERS and not TRACKERS[name].is_installed():
            package = TRACKERS[name].package
            yield found(
                args,
                "RUN116",
                f"tracker {name!r} needs the package {package}, which is not installed",
                "report_to",
                remedy=f"pip install {package}, or leave {name} out of report_to",
            )


_PLANNED = (
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "dataloader_drop_last",
)

GENERAL = (_processes, _number_formats, _metrics, _trackers)
TRAINING = (_optimizer, _training_data, _evaluation)
