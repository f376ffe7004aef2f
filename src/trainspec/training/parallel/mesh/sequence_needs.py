"""What parts of sequences in several processes (cp_size, sp_size) need of the machine and of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.findings.found import found
from trainspec.training.model.inside import base_of, shifts_labels
from trainspec.training.model.names import bare
from trainspec.training.model.signatures import takes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

_FIELD = "parallelism_config"
_HEADS = ("num_heads", "n_heads", "n_head", "heads", "num_attention_heads")


def find_context_needs(args: TrainingArguments, machine: Machine, job: Job, size: int) -> Iterator[Diagnostic]:
    """`size` processes have a part of each sequence."""
    device = machine.device.type
    if device != "cuda":
        yield found(
            args,
            "RUN285",
            f"cp_size {size}: torch has no attention over parts of sequences on {device}",
            _FIELD,
            remedy="leave cp_size out, and set sp_size in its place: it shares sequences out on any device",
        )
    else:
        yield found(
            args,
            "RUN298",
            f"cp_size {size}: parts of sequences on CUDA devices are not tested by this release",
            _FIELD,
            remedy="compare the losses of a few updates with those of a run without it",
            severity="warning",
        )
    for what, remedy in _unfit(args, job):
        yield found(args, "RUN299", f"cp_size {size}: {what}", _FIELD, remedy=remedy)


def find_sequence_needs(args: TrainingArguments, job: Job, size: int) -> Iterator[Diagnostic]:
    """`size` processes have a part of each sequence, and whole ones of some heads."""
    if args.deepspeed:
        yield found(
            args,
            "RUN286",
            f"sp_size {size}: DeepSpeed's own sequence parallelism is not driven",
            _FIELD,
            "deepspeed",
            remedy="leave deepspeed out: sp_size is done by torch, dp_shard_size shards parameters as ZeRO-3 does",
        )
        return
    for what, remedy in _unfit(args, job, "sp_size"):
        yield found(args, "RUN299", f"sp_size {size}: {what}", _FIELD, remedy=remedy)
    if args.torch_compile:
        yield found(
            args,
            "RUN299",
            f"sp_size {size}: attention is found where it is called, which torch_compile leaves nothing of",
            _FIELD,
            "torch_compile",
            remedy="leave torch_compile out",
        )
    yield from _of_heads(args, job, size)


def _of_heads(args: TrainingArguments, job: Job, size: int) -> Iterator[Diagnostic]:
    """Where layers are split, too, each process has heads of its part of them only, and those are shared out."""
    layers = getattr(args.parallelism_config, "tp_size", 1)
    opening = _splits(job.model) if layers > 1 else []
    uneven: dict[int, list[str]] = {}
    for path, name, count in _heads(job.model):
        among = layers * size if any(path in ("", other.rpartition(".")[0]) for other in opening) else size
        # What tp_size alone does not divide is told with the plan.
        if count % among and not (among > size and count % layers):
            uneven.setdefault(among, []).append(f"{path or 'the model'} has {name} {count}")
    for among, said in uneven.items():
        sizes = f"sp_size {size}" if among == size else f"sp_size {size} with tp_size {layers}, {among} together,"
        yield found(
            args,
            "RUN297",
            f"{sizes} does not divide heads: {said[0]}{_others(said)}",
            _FIELD,
            remedy="choose a sp_size that divides the number of heads"
            + ("" if among == size else " that tp_size leaves to each process"),
        )


def _splits(model: Any) -> list[str]:
    """The modules that open a part of the features, as the model's plan has it."""
    from trainspec.training.parallel.mesh.plan import plan_of
    from trainspec.training.parallel.mesh.splitting import stretches

    plan = plan_of(model)
    return [] if plan is None else stretches(plan)[0]


def _heads(model: Any) -> Iterator[tuple[str, str, int]]:
    """Of queries: there may be fewer of keys and values, which are copied then."""
    for path, module in bare(model).named_modules():
        attends = hasattr(module, "head_dim") or "attention" in type(module).__name__.lower()
        places = [module, getattr(module, "config", None)] if attends else []
        told = [(name, getattr(place, name, None)) for place in places for name in _HEADS]
        yield from ((path, name, count) for name, count in told if isinstance(count, int))


def _unfit(args: TrainingArguments, job: Job, setting: str = "cp_size") -> Iterator[tuple[str, str]]:
    """What of the model is wrong, and what to do about it."""
    model = base_of(bare(job.model))
    name, config = type(model).__name__, getattr(model, "config", None)
    if not takes(model.forward, "position_ids"):
        yield (
            f"{name}.forward takes no position_ids, and would take the first token of a part for that of the row",
            "let forward take position_ids, of shape (rows, length)",
        )
    attention = getattr(config, "_attn_implementation", None)
    if attention not in (None, "sdpa"):
        yield f"attention of {name} is {attention}", 'load the model with attn_implementation="sdpa"'
    # A module of one's own may attend both ways by sp_size: it makes no mask of a part.
    narrow = [
        path
        for path, module in model.named_modules()
        if _sees_other_than_what_came_before(module) and (setting == "cp_size" or hasattr(module, "config"))
    ]
    if narrow:
        yield (
            f"attention is not over all that came before a token in {narrow[0]}{_others(narrow)}",
            f"leave {setting} out: it is done for plain causal attention only",
        )
    if shifts_labels(model):
        yield from _of_shifted_losses(args, job, model, name)


def _of_shifted_losses(args: TrainingArguments, job: Job, model: nn.Module, name: str) -> Iterator[tuple[str, str]]:
    """Of a loss that is taken one label on: at the end of a part that label is in another process."""
    if job.computes_loss or args.label_smoothing_factor:
        yield (
            f"labels are shifted by {name}, and the loss is computed elsewhere, where the next label is missing",
            "leave the loss to the model: no compute_loss_func, no label_smoothing_factor",
        )
    elif not takes(model.forward, "shift_labels"):
        yield (
            f"labels are shifted by {name}, whose forward takes no shift_labels",
            "let forward take shift_labels, the label of the next token for each, in the place of labels",
        )


def _sees_other_than_what_came_before(module: Any) -> bool:
    """Attention of transformers says both of itself."""
    return getattr(module, "is_causal", True) is False or isinstance(getattr(module, "sliding_window", None), int)


def _others(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if names[1:] else ""
