"""What DeepSpeed needs of this machine, these processes and this job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from trainspec.settings.rules.deepspeed import engine
from trainspec.training.findings.found import found
from trainspec.training.parallel.deepspeed_engine import compiled, config, library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

# Larger modules are never gathered in one piece.
_LARGEST_PIECE = 10**9
_UNTESTED = "is not tested by this release"


def find_deepspeed_needs(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if not args.deepspeed:
        return
    yield from _of_machine(args, machine)
    yield from _of_processes(args, machine)
    yield from _of_job(args, job)
    yield from _of_fine_modules(args, machine, job)


def _of_machine(args: TrainingArguments, machine: Machine) -> Iterator[Diagnostic]:
    missing = library.why_not()
    if missing is not None:
        remedy = "pip install 'deepspeed>=0.19', or leave deepspeed out"
        yield found(args, "RUN270", missing, "deepspeed", remedy=remedy)
    if machine.device.type != "cpu":
        said = f"DeepSpeed on {machine.device.type} is not tested by this release"
        yield found(args, "RUN279", said, "deepspeed", severity="warning")
    if _trains_in_float16(args) and machine.device.type == "cpu" and not _cpu_has_float16():
        yield found(args, "RUN277", "this processor does not compute in float16", "deepspeed", "fp16")
    if _nvme(args):
        lacks = compiled.lacking(compiled.FILES) if missing is None else None
        told = f"needs what is compiled when training begins, and {lacks}" if lacks else _UNTESTED
        said = f"{' and '.join(_nvme(args))} of deepspeed to nvme {told}"
        yield found(args, "RUN273", said, "deepspeed", severity="error" if lacks else "warning")
    yield from _refused(args)
    if config.makes_optimizer(args) and config.is_offloaded(args):
        lacks = compiled.lacking(compiled.ADAM) if missing is None else None
        yield found(
            args,
            "RUN274",
            f"the offloaded optimizer of deepspeed is compiled when training begins, and {lacks or _UNTESTED}",
            "deepspeed",
            severity="error" if lacks else "warning",
        )


def _refused(args: TrainingArguments) -> Iterator[Diagnostic]:
    """What is a warning in a file, which may be for another program, and cannot be done here."""
    values, said = {**args.__dict__, "deepspeed": args.deepspeed}, args.model_fields_set
    for rule in engine.RULES:
        if rule.when is None or not rule.when.holds(values, said):
            continue
        words = rule.check or rule.tell
        told = words(args) if words is not None else True
        message = rule.message if told is True else told
        if message:
            heads = dict.fromkeys(name.partition(".")[0] for name in rule.fields)
            yield found(args, "RUN278", message, *heads, reason=rule.reason, remedy=rule.fix)


def _of_processes(args: TrainingArguments, machine: Machine) -> Iterator[Diagnostic]:
    said = getattr(args.deepspeed, "train_batch_size", None)
    rows = args.per_device_train_batch_size * args.gradient_accumulation_steps
    # That of several processes is judged with their number (TGT114).
    if machine.world_size == 1 and said not in (None, config.AUTO, rows) and not args.auto_find_batch_size:
        yield found(
            args,
            "RUN271",
            f"train_batch_size of deepspeed is {said}, but one process makes {rows} rows an update",
            "deepspeed",
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
        )
    if args.auto_find_batch_size and machine.world_size > 1:
        told = f"auto_find_batch_size cannot work in {machine.world_size} processes under deepspeed"
        yield found(args, "RUN276", told, "auto_find_batch_size", "deepspeed")


def _of_job(args: TrainingArguments, job: Job) -> Iterator[Diagnostic]:
    wide = [name for name, value in job.model.named_parameters() if value.dtype is torch.float64]
    if wide:
        more = f" and {len(wide) - 1} more" if wide[1:] else ""
        yield found(args, "RUN272", f"weights of the model are float64 ({wide[0]}{more})", "deepspeed")
    twice = [
        what
        for what, given, configured in (
            ("an optimizer", job.has_an_optimizer, config.makes_optimizer(args)),
            ("a schedule", job.schedule is not None, config.makes_schedule(args)),
        )
        if given and configured
    ]
    if twice:
        told = f"{' and '.join(twice)} was given, and deepspeed has one in its configuration"
        yield found(args, "RUN275", told, "deepspeed")


def _of_fine_modules(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    zero = getattr(args.deepspeed, "zero_optimization", None)
    threshold = getattr(zero, "stage3_module_granularity_threshold", 0)
    if machine.device.type != "cpu" or config.stage_of(args) != 3 or not isinstance(threshold, int) or threshold <= 0:
        return
    fine = [name for name, grain in grains(job.model) if grain <= threshold]
    if fine:
        more = f" and {len(fine) - 1} more" if fine[1:] else ""
        yield found(
            args,
            "RUN280",
            f"stage3_module_granularity_threshold {threshold:,} of deepspeed gathers {fine[0] or 'the model'}{more} in "
            "one piece, which it cannot do on the CPU",
            "deepspeed",
        )


def grains(model: nn.Module) -> list[tuple[str, int]]:
    """Of each module that may be gathered in one piece: its parameters by the modules in it, as DeepSpeed counts them.

    One without others inside is gathered so in any case, and what only holds others is never called.
    """
    entries: list[tuple[str, int]] = []

    def visit(name: str, module: nn.Module) -> tuple[int, int]:
        if next(module.parameters(), None) is None:
            return 0, 0
        # A parameter that is shared out already is empty, and knows its size.
        numbers = sum(int(getattr(value, "ds_numel", value.numel())) for value in module.parameters(recurse=False))
        if next(module.children(), None) is None:
            return 1, numbers
        inside = [visit(f"{name}.{child}".lstrip("."), inner) for child, inner in module.named_children()]
        modules, numbers = sum(count for count, _ in inside), numbers + sum(more for _, more in inside)
        if type(module).__name__ in torch.nn.modules.container.__all__:
            return modules, numbers
        if numbers <= _LARGEST_PIECE:
            entries.append((name, numbers // (modules + 1)))
        return modules + 1, numbers

    visit("", model)
    return entries


def _nvme(args: TrainingArguments) -> list[str]:
    zero = getattr(args.deepspeed, "zero_optimization", None)
    parts = ("offload_param", "offload_optimizer")
    return [part for part in parts if getattr(getattr(zero, part, None), "device", None) == "nvme"]


def _trains_in_float16(args: TrainingArguments) -> bool:
    section = getattr(args.deepspeed, "fp16", None)
    said = config.AUTO if section is None else section.enabled
    return bool(args.fp16 if said == config.AUTO else said)


def _cpu_has_float16() -> bool:
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())
    except (AttributeError, RuntimeError):
        return False
