"""The optimizer's state as the processes here hold it, from a checkpoint of any layout."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainspec.settings.diagnostics.stepping_codes import NEW_RUN
from trainspec.training.checkpoint.contents import load_model_state
from trainspec.training.checkpoint.manifest import CheckpointError
from trainspec.training.checkpoint.ranks.layout import has_other_pieces
from trainspec.training.checkpoint.ranks.whole import FACTORS, UncutError, whole_optimizer
from trainspec.training.findings.found import found
from trainspec.training.model.names import as_named_here
from trainspec.training.optimizers.behaviour import name_of
from trainspec.training.parallel.agreement import OtherProcessError, together
from trainspec.training.parallel.contact.arriving import Later, arrived, described_to_all, mapped
from trainspec.training.parallel.strategy import MASTER
from trainspec.training.preflight.preflight import PreflightError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn
    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.checkpoint import Checkpoint
    from trainspec.training.face import TrainerFace
    from trainspec.training.parallel import Strategy


@contextmanager
def optimizer_to_load(
    trainer: TrainerFace, checkpoint: Checkpoint, own: Mapping[str, Any] | None
) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """The state that the strategy loads, inside; and whether its tensors are those of whole parameters.

    `own` is what this process, or all, had of it there; where it is None, or cut otherwise than here, the main process
    reads the parts of all, tensor by tensor as they are loaded. Every process asks. Raises PreflightError for what
    cannot be put together, or cut.
    """
    args, strategy, model = trainer.args, trainer.parts.strategy, trainer.parts.model
    if own is not None and not (strategy.is_sharded and _is_cut_otherwise(checkpoint, strategy)):
        yield own, not strategy.is_sharded
        return
    optimizer = trainer.parts.stepping()[0]
    with ExitStack() as stack:
        try:
            with together(strategy.processes, "reading the optimizer's state"):
                read = _read(checkpoint, model, strategy, stack) if strategy.processes.is_main else None
            state = described_to_all(read, strategy.processes)
            with together(strategy.processes, "cutting the optimizer's state"):
                _refuse_uncuttable(state, strategy)
            if not strategy.is_sharded:
                state = arrived(state, strategy.processes, lambda _, value: value)
        except (UncutError, OtherProcessError, CheckpointError) as error:
            raise PreflightError([_not_cut(args, optimizer, error)], agreed=True) from error
        yield state, True


def without_values(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same for whoever looks at shapes alone: what comes later as a tensor without values."""
    plain: Mapping[str, Any] = mapped(state, lambda _, value: value.on_meta() if isinstance(value, Later) else value)
    return plain


def _is_cut_otherwise(checkpoint: Checkpoint, strategy: Strategy) -> bool:
    with together(strategy.processes, "reading what the optimizer's parts are") as talk:
        talk.said = has_other_pieces(checkpoint, strategy)
    return any(talk.heard)


def _read(checkpoint: Checkpoint, model: nn.Module, strategy: Strategy, stack: ExitStack) -> dict[str, Any]:
    whole = stack.enter_context(whole_optimizer(checkpoint))
    entries = {
        key: {name: value for name, value in entry.items() if name != MASTER or strategy.has_masters}
        for key, entry in whole["state"].items()
    }
    lacking = [
        key
        for group in whole["param_groups"]
        for key in group["params"]
        if isinstance(key, str) and strategy.has_masters and MASTER not in entries.get(key, {})
    ]
    if lacking:
        # The weights that were trained, of which the model here has rounded ones.
        weights = as_named_here(model, load_model_state(checkpoint))
        for key in lacking:
            if key in weights:
                entries[key] = {**entries.get(key, {}), MASTER: _there_already(weights[key])}
    return {**whole, "state": entries}


def _there_already(value: Tensor) -> Later:
    return Later(tuple(value.shape), value.dtype, lambda: value)


def _refuse_uncuttable(state: Mapping[str, Any], strategy: Strategy) -> None:
    """Raises UncutError for tensors of which nobody knows which part is that of a part of the parameter."""
    pieces = strategy.pieces() if strategy.is_sharded else {}
    for key, entry in state["state"].items():
        piece = pieces.get(key)
        if piece is None or (not piece.get("flat") and piece["local_shape"] == piece["shape"]):
            continue
        for name, value in entry.items():
            if not isinstance(value, Tensor | Later) or not _has_many(value):
                continue
            if name in FACTORS or list(value.shape) != piece["shape"]:
                shapes = f"{tuple(value.shape)}, the parameter {tuple(piece['shape'])}"
                raise UncutError(f"{name} of {key} is {shapes}: what of it is that of a part of it, nobody can tell")


def _has_many(value: Tensor | Later) -> bool:
    return torch.Size(value.shape).numel() > 1


def _not_cut(args: TrainingArguments, optimizer: Optimizer, error: Exception) -> Diagnostic:
    return found(
        args,
        "RUN247",
        f"the checkpoint's state of {name_of(optimizer)} cannot be dealt out anew",
        "resume_from_checkpoint",
        reason=str(error),
        remedy="resume with as many processes, and with the strategy and its sizes, as wrote it; or " + NEW_RUN,
    )
