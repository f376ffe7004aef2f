"""What the chosen optimizer needs of the machine and the model, for preflight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainspec.training.findings.found import found
from trainspec.training.optimizers.argument_misfits import find_misfits, said
from trainspec.training.optimizers.building import request_of
from trainspec.training.optimizers.groups import parameter_groups
from trainspec.training.optimizers.muon import hidden_matrices
from trainspec.training.optimizers.registry import OPTIMIZERS
from trainspec.training.optimizers.target_modules import finder, linear_layers, target_layers
from trainspec.training.optimizers.torch_built_in import FUSES_ON, fused_works

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_DEMANDS_FUSED = ("adamw_torch_fused", "adamw_apex_fused")
_NAMES_SHOWN = 12


def find_optimizer_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Everything that keeps `optim` from being built or from working here; only settings and model are looked at."""
    if job.has_an_optimizer:
        return
    absent = find_unavailable(args, machine.device)
    yield from absent
    faults = [item for check in _CHECKS for item in check(args, machine, job)]
    yield from faults
    if not absent and not any(item.severity == "error" for item in faults):
        yield from _construction(args, job.model)


def find_unavailable(args: TrainingArguments, device: torch.device) -> list[Diagnostic]:
    """What `optim` needs that no model could bring: its package, and a device that it runs on."""
    return [*_package(args), *_device(args, device)]


def _package(args: TrainingArguments) -> Iterator[Diagnostic]:
    package = OPTIMIZERS[args.optim].package
    if package is not None and not package.is_installed():
        yield found(
            args,
            "RUN130",
            f"optim {args.optim} needs the package {package.requirement}, which is not installed",
            "optim",
            remedy=f"pip install {package.quoted}, or choose another optim",
        )


def _device(args: TrainingArguments, device: torch.device) -> Iterator[Diagnostic]:
    entry = OPTIMIZERS[args.optim]
    if not entry.runs_on(device.type):
        yield found(
            args,
            "RUN131",
            f"optim {args.optim} runs on {', '.join(entry.devices)} only, and this run is on {device.type}",
            "optim",
            remedy="choose an optim for this device, such as adamw_torch",
        )


def _fused(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    demanded = args.optim in _DEMANDS_FUSED or said(args, "fused") is True
    trained = [value for value in job.model.parameters() if value.requires_grad]
    if demanded and args.optim in FUSES_ON and not fused_works(trained, FUSES_ON[args.optim]):
        yield found(
            args,
            "RUN108",
            f"the fused form of {args.optim} does not run on {machine.device.type} with these parameters",
            "optim",
            "optim_args",
            remedy="leave fused out of optim_args" if args.optim not in _DEMANDS_FUSED else _FASTEST,
        )


def _targets(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    wanted = args.optim_target_modules
    if not OPTIMIZERS[args.optim].low_rank or not wanted:
        return
    try:
        chosen = target_layers(job.model, wanted)
    except re.error as error:
        yield found(
            args,
            "RUN132",
            f"optim_target_modules is no regular expression: {error}",
            "optim_target_modules",
            remedy="write a regular expression, a list of names, or all-linear",
        )
        return
    if not chosen:
        yield found(
            args,
            "RUN132",
            "optim_target_modules matches no Linear module of the model",
            "optim_target_modules",
            remedy=f"choose among {_listed(linear_layers(job.model))}, or write all-linear",
        )
        return
    idle = [] if isinstance(wanted, str) else [entry for entry in wanted if not any(map(finder(entry), chosen))]
    if idle:
        yield found(
            args,
            "RUN133",
            f"{', '.join(idle)} in optim_target_modules matches no Linear module",
            "optim_target_modules",
            remedy=f"leave it out, or choose among {_listed(linear_layers(job.model))}",
            severity="warning",
        )


def _updates_in_backward(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not OPTIMIZERS[args.optim].updates_in_backward:
        return
    if args.fp16:
        yield found(
            args,
            "RUN134",
            f"optim {args.optim} cannot work with the loss scaling of fp16",
            "optim",
            "fp16",
            remedy="use bf16: true, or an optim that steps after the backward pass",
        )


def _muon(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.optim == "muon" and not any(value.requires_grad for value in hidden_matrices(job.model)):
        yield found(
            args,
            "RUN137",
            "muon finds no matrix of a hidden layer, so that AdamW does all of the work",
            "optim",
            remedy="use optim: adamw_torch, or muon for a model with Linear layers",
            severity="warning",
        )


def _construction(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    """What the optimizer's own code says to these arguments and parameters."""
    groups = parameter_groups(model, args.weight_decay)
    # Those that update in the backward pass would take hold of the model.
    if not groups or OPTIMIZERS[args.optim].updates_in_backward:
        return
    try:
        cls, kwargs = OPTIMIZERS[args.optim].recipe(request_of(args, model))
        cls(kwargs.pop("params", groups), **kwargs)
    # Whatever a library raises, it is about what the settings ask it for.
    except Exception as error:
        yield found(
            args,
            "RUN139",
            f"optim {args.optim} cannot be built: {error}",
            "optim",
            "optim_args",
            remedy="change what it complains about, or choose another optim",
        )


def _listed(layers: Iterable[str]) -> str:
    names = list(layers)
    shown = ", ".join(names[:_NAMES_SHOWN]) or "none: it has no Linear module to train"
    return f"{shown} and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else shown


_FASTEST = "use optim: adamw_torch, which takes the fastest form that works"
_CHECKS = (_fused, _targets, _updates_in_backward, find_misfits, _muon)
