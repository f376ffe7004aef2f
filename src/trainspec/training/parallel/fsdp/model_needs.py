"""What FSDP needs of a model: layers to wrap, and weights that somebody has."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from torch.distributed.fsdp import FSDPModule

from trainspec.settings.arguments.launch import Launch
from trainspec.training.findings.found import found
from trainspec.training.parallel.fsdp.loading import on_meta, unfillable
from trainspec.training.parallel.fsdp.sharding import kept_whole, recomputed
from trainspec.training.parallel.fsdp.units import classes_of, units_of, wrapping_of
from trainspec.training.parallel.fsdp.ways import details_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic

_SHOWN = 6


def find_model_needs(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    # One that trained before is shared out already.
    if any(isinstance(module, FSDPModule) for module in model.modules()):
        return
    yield from _find_nothing_to_wrap(args, model)
    yield from _find_empty_weights(args, model)
    yield from _find_whole(args, model)


def _find_nothing_to_wrap(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    wrapping, there = wrapping_of(args, model), classes_of(model)
    groups = units_of(model, wrapping)
    problem, remedy = "", "name the classes of its layers in transformer_layer_cls_to_wrap, or set min_num_params"
    if wrapping is not None and wrapping.min_numel and not groups:
        problem = f"no module has {wrapping.min_numel:,} parameters of its own"
        remedy = "set a smaller min_num_params"
    elif wrapping is not None and not wrapping.min_numel:
        strangers = [name for name in wrapping.classes if name not in there]
        containers = [name for name in wrapping.classes if name in ("ModuleList", "ModuleDict")]
        if containers:
            problem, remedy = f"{containers[0]} only holds layers, and is never called", "name the class of the layers"
        elif strangers and (wrapping.said or len(strangers) == len(wrapping.classes)):
            problem = f"the model has no layer of class {_listed(strangers)}"
            near = get_close_matches(strangers[0], there, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"it has layers of {_listed(sorted(there))}"
        elif not wrapping.classes:
            problem = "the model names no layers (_no_split_modules), and has none that repeat"
    if problem:
        yield found(args, "RUN261", f"fsdp auto_wrap: {problem}", "fsdp", "fsdp_config", remedy=remedy)
    if details_of(args).activation_checkpointing and not recomputed(model, groups):
        yield found(
            args,
            "RUN261",
            "activation_checkpointing: nothing is wrapped, and the model has no layers that repeat",
            "fsdp_config",
            remedy="add auto_wrap to fsdp and name the layers, or leave activation_checkpointing out",
        )


def _find_empty_weights(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    if not on_meta(model):
        return
    if not details_of(args).cpu_ram_efficient_loading:
        yield found(
            args,
            "RUN264",
            "the model is on the meta device: this process has its shapes and no weights",
            "fsdp_config",
            remedy="set fsdp_config: {cpu_ram_efficient_loading: true}, which gives it those of the main process",
        )
    elif Launch.of_this_process().rank == 0 and unfillable(model):
        yield found(
            args,
            "RUN264",
            "the main process's model is on the meta device, and nothing draws the weights of "
            f"{_listed(unfillable(model))}",
            "fsdp_config",
            remedy="give these a method reset_parameters, or make the model in the main process on the CPU",
        )


def _find_whole(args: TrainingArguments, model: nn.Module) -> Iterator[Diagnostic]:
    names = {value: name for name, value in model.named_parameters()}
    whole = [names[value] for value in kept_whole(model, units_of(model, wrapping_of(args, model)))]
    if whole:
        yield found(
            args,
            "RUN266",
            f"fsdp: every process keeps {_listed(whole)} whole",
            "fsdp",
            remedy="nothing has to be done; one dimension, and one dtype for what trains, would let them be shared",
            severity="warning",
        )


def _listed(names: Any) -> str:
    names = list(names)
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
