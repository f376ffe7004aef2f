"""Arguments of `optim_args` that are valid by themselves and cannot work in this run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found
from trainspec.training.optimizers.building import request_of
from trainspec.training.optimizers.registry import OPTIMIZERS
from trainspec.training.optimizers.target_modules import target_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine


def said(args: TrainingArguments, name: str) -> Any:
    """The value of a key of optim_args, None where it is not said."""
    return args.optim_args.get(name) if isinstance(args.optim_args, dict) else None


def find_misfits(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if said(args, "differentiable"):
        yield _unfit(args, "differentiable: a training loop steps without recording gradients", "leave it out")
    if said(args, "capturable") and machine.device.type == "cpu":
        yield _unfit(args, "capturable: a step can be captured in a CUDA graph only on a GPU", "leave it out")
    kahan, other = said(args, "kahan_sum"), said(args, "use_kahan_summation")
    if None not in (kahan, other) and kahan != other:
        yield _unfit(args, f"kahan_sum is {kahan} and use_kahan_summation is {other}", "keep kahan_sum")
    if args.optim_target_modules and OPTIMIZERS[args.optim].low_rank:
        yield from _projection(args, job.model)
    yield from _relative_step(args)


def _projection(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    arguments = request_of(args, None).arguments
    try:
        chosen = target_layers(model, args.optim_target_modules or [])
    except re.error:
        return
    reason = _apollo_misfit if args.optim.startswith("apollo_") else _galore_misfit
    for name, layer in chosen.items():
        rows, columns = layer.weight.shape
        wrong = reason(arguments, rows, columns)
        if wrong:
            shown = f"proj_type {arguments.proj_type} does not fit {name} ({rows} x {columns}): {wrong}"
            yield _unfit(args, shown, "set proj_type: std")
            return


def _apollo_misfit(arguments: Any, rows: int, columns: int) -> str:
    side = arguments.proj_type
    if side == "full" and arguments.proj == "random":
        return "APOLLO has no random projection of both sides"
    # A scale for each channel is measured along the shorter side, so the projection has to keep the longer.
    kept = {"right": rows >= columns, "left": rows < columns, "std": True}
    return "" if arguments.scale_type == "tensor" or kept.get(side) else "only scale_type tensor can work with it"


def _galore_misfit(arguments: Any, rows: int, columns: int) -> str:
    # The library tells the sides apart by which is the longer, and then cannot.
    lost = arguments.proj_type == "reverse_std" and rows < columns and arguments.rank >= rows
    return f"a rank of {arguments.rank} leaves nothing to project" if lost else ""


def _relative_step(args: TrainingArguments) -> Iterator[Diagnostic]:
    if said(args, "relative_step") and "lr_scheduler_type" in args.model_fields_set:
        yield found(
            args,
            "RUN138",
            "lr_scheduler_type has no effect under relative_step of optim_args",
            "lr_scheduler_type",
            "optim_args",
            remedy="drop relative_step, or leave lr_scheduler_type out",
            severity="warning",
        )


def _unfit(args: TrainingArguments, message: str, remedy: str) -> Diagnostic:
    return found(args, "RUN136", message, "optim", "optim_args", remedy=remedy)
