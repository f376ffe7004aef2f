"""What of a checkpoint of transformers cannot be taken over, told before a run begins."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from trainspec.settings.arguments.launch import Launch
from trainspec.settings.diagnostics import Diagnostic, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.values.choices import OnChangedSettings
from trainspec.text.redaction import printable, shortened, show_value
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.model_files import TRAINED_BASE, computed_adapters
from trainspec.training.checkpoint.ranks.rng import rng_file
from trainspec.training.checkpoint.weights import load_torch_bytes
from trainspec.training.findings.found import found
from trainspec.training.foreign.checkpoint import OWN_ARGUMENTS, OWN_RANDOM, ForeignCheckpoint, is_of_others
from trainspec.training.foreign.optimizer_state import ForeignOptimizerError, refuse_misfit

if TYPE_CHECKING:
    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Severity
    from trainspec.storage import Store
    from trainspec.training.checkpoint import Checkpoint

# Settings of which a run that goes on has other numbers where they are others.
_COMPARED = (
    *("per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate", "lr_scheduler_type"),
    *("lr_scheduler_kwargs", "warmup_steps", "warmup_ratio", "weight_decay", "adam_beta1", "adam_beta2"),
    *("adam_epsilon", "max_grad_norm", "num_train_epochs", "max_steps", "bf16", "fp16", "label_smoothing_factor"),
    *("dataloader_drop_last", "group_by_length", "neftune_noise_alpha", "optim_args"),
)
_LONGEST = 60
# Names of optim that mean the same arithmetic and the same state.
_ALIKE = frozenset({"adamw_torch", "adamw_torch_fused", "adamw_apex_fused", "adamw_hf"})


def told(
    checkpoint: Checkpoint | None, args: TrainingArguments, model: nn.Module, *, own_optimizer: bool, shuffles: bool
) -> list[Diagnostic]:
    """Findings about a checkpoint that a run is to go on from; none for one that a run of ours wrote.

    `own_optimizer`: the script made its optimizer, of whose parameters only the run itself knows the order. `shuffles`:
    the order of the rows is ours.
    """
    if checkpoint is None or not is_of_others(checkpoint):
        return []
    return [
        *_other_settings(checkpoint, args),
        *(_other_order(checkpoint, args) if shuffles else ()),
        *without_random_states(checkpoint),
        *_unusable_optimizer(checkpoint, args, None if own_optimizer else model),
        *unreadable_parts(checkpoint),
        *_lost_adapters(checkpoint, model),
    ]


def _lost_adapters(checkpoint: Checkpoint, model: nn.Module) -> Iterator[Diagnostic]:
    if any(checkpoint.has(name) for name in TRAINED_BASE.values()):
        return
    for adapter in computed_adapters(model):
        yield about(
            checkpoint,
            "RUN221",
            f"the adapter {adapter!r} cannot be taken over",
            reason="PEFT saves the prompts that its projection or encoder makes, not the weights that are trained",
            severity="error",
        )


def _other_settings(checkpoint: Checkpoint, args: TrainingArguments) -> Iterator[Diagnostic]:
    yield from unread_settings(checkpoint)
    known = arguments_of(checkpoint)
    if not known:
        return
    differing = [name for name in _COMPARED if _was(known, name) != _plain(getattr(args, name))]
    was, now = _was(known, "optim"), _plain(args.optim)
    if was != now and not {was, now} <= _ALIKE:
        differing.append("optim")
    policy = args.on_changed_settings
    if differing and policy != OnChangedSettings.ACCEPT:
        values = [f"{name} was {_shown(name, _was(known, name))}" for name in differing]
        yield found(
            args,
            "RUN224",
            "settings are others than those of the run that wrote the checkpoint",
            *differing,
            reason="; ".join(values),
            severity="error" if policy == OnChangedSettings.ERROR else "warning",
        )


def unread_settings(checkpoint: Checkpoint) -> Iterator[Diagnostic]:
    reason = checkpoint.unread_arguments if isinstance(checkpoint, ForeignCheckpoint) else None
    if reason is not None:
        yield about(checkpoint, "RUN223", "training_args.bin is not read", reason=reason)


def arguments_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """The settings of the run that wrote it, those at their defaults left out; {} where they are not known."""
    if isinstance(checkpoint, ForeignCheckpoint):
        return checkpoint.arguments
    document = json.loads(checkpoint.read(OWN_ARGUMENTS))
    return document if isinstance(document, dict) else {}


def _was(known: Mapping[str, Any], name: str) -> Any:
    from trainspec.settings.arguments import TrainingArguments

    fallback = TrainingArguments.model_fields[name].get_default(call_default_factory=True)
    return _plain(known.get(name, fallback))


def _shown(name: str, value: Any) -> str:
    return shortened(printable(show_value(name, value)), _LONGEST)


def _plain(value: Any) -> Any:
    # Nothing, and no entries, mean the same.
    return getattr(value, "value", value) or None


def _other_order(checkpoint: Checkpoint, args: TrainingArguments) -> Iterator[Diagnostic]:
    position = checkpoint.manifest.data or {}
    rows = position.get("rows")
    if rows and not args.ignore_data_skip:
        yield about(
            checkpoint,
            "RUN222",
            f"{rows:,} rows of epoch {position['epoch']} are passed over, in an order that is ours",
        )


def without_random_states(checkpoint: Checkpoint) -> Iterator[Diagnostic]:
    number, here = checkpoint.manifest.world_size, Launch.of_this_process()
    name, others = rng_file(here.rank, here.world_size), number - here.world_size
    if checkpoint.has(name) and not others:
        return
    why = f"there are {number} of them, one of each process" if number > 1 else "there is no rng_state.pth"
    yield about(checkpoint, "RUN223", "random states are not taken over", reason=why)


def _unusable_optimizer(
    checkpoint: Checkpoint, args: TrainingArguments, model: nn.Module | None
) -> Iterator[Diagnostic]:
    from trainspec.training.optimizers import safe_types

    if not checkpoint.has("optimizer.pt"):
        return
    try:
        with torch.serialization.safe_globals(safe_types(args.optim) if model is not None else []):
            state = load_torch_bytes(checkpoint.read("optimizer.pt"), "optimizer.pt", checkpoint.url)
        if model is not None:
            refuse_misfit(state, model)
    except (CheckpointError, ForeignOptimizerError) as error:
        yield about(
            checkpoint,
            "RUN221",
            "optimizer.pt cannot be taken over",
            reason=error.problem if isinstance(error, CheckpointError) else str(error),
            severity="error",
        )


def unreadable_parts(checkpoint: Checkpoint) -> Iterator[Diagnostic]:
    for name in ("scheduler.pt", "scaler.pt", OWN_RANDOM):
        if not checkpoint.has(name):
            continue
        try:
            read_part(checkpoint, name)
        except CheckpointError as error:
            part = "rng_state.pth" if name == OWN_RANDOM else name
            yield about(checkpoint, "RUN221", f"{part} cannot be taken over", reason=error.problem, severity="error")


def read_part(checkpoint: Checkpoint, name: str) -> Any:
    """A part of one of the small files, understood. Raises CheckpointError."""
    from trainspec.training.foreign.random_states import safe_globals

    data = checkpoint.read(name)
    if not name.endswith(".pt"):
        return data
    with torch.serialization.safe_globals(safe_globals()):
        state = load_torch_bytes(data, name, checkpoint.url)
    if not isinstance(state, dict):
        raise CheckpointError(checkpoint.url, f"{name} holds no state")
    return state


def about(
    checkpoint: Checkpoint | Store,
    code: str,
    message: str,
    *,
    reason: str = "",
    remedy: str = "",
    severity: Severity = "warning",
) -> Diagnostic:
    """A finding about a checkpoint, with what the code says where there is no better reason or remedy."""
    explained = PREFLIGHT_CODES[code]
    return finding(
        code,
        explained.name,
        message,
        values={"checkpoint": checkpoint.url},
        reason=reason or explained.reason,
        remedy=remedy or explained.fix,
        severity=severity,
    )
