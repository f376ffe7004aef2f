"""What a run says of itself when it begins, at log level info."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from trainspec.settings.views.layout import layout_of
from trainspec.text.numbers import readable
from trainspec.training import data
from trainspec.training.model.names import whole_size

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.run.parts import RunParts, Training

logger = logging.getLogger(__name__)


def announce(args: TrainingArguments, parts: RunParts, training: Training) -> None:
    """One entry, a line for each number, where anybody listens at that level."""
    if not logger.isEnabledFor(logging.INFO) or not parts.strategy.processes.is_main:
        return
    entries = dict(_entries(args, parts, training))
    width = max(map(len, entries))
    lines = (f"  {name:<{width}}  {text}" for name, text in entries.items())
    logger.info("\n".join(("training begins", *lines)))


def _entries(args: TrainingArguments, parts: RunParts, training: Training) -> list[tuple[str, str]]:
    state, processes = parts.state, parts.strategy.processes.world_size
    rows, _ = data.epoch_lengths(training.loader)
    per_device, accumulated = state.train_batch_size or 0, args.gradient_accumulation_steps
    devices = f"{_counted(per_device, 'row')} a device, {_counted(processes, 'process', 'processes')}"
    epochs = f"as many as {args.max_steps:,} updates take" if args.max_steps > 0 else readable(args.num_train_epochs)
    weights = [whole_size(weight) for weight in parts.model.parameters()]
    trained = [whole_size(weight) for weight in parts.model.parameters() if weight.requires_grad]
    found = [
        ("rows", "not known" if rows is None else readable(rows)),
        ("epochs", epochs),
        ("batch", f"{devices}; {_counted(per_device * processes * accumulated, 'row')} an update"),
        ("accumulation", f"{_counted(accumulated, 'batch', 'batches')} an update"),
        ("updates", readable(state.max_steps)),
        ("parameters", f"{readable(sum(trained))} trained of {readable(sum(weights))}"),
        ("device", str(parts.device)),
    ]
    if processes > 1:
        found.insert(0, ("strategy", layout_of(args, processes).name))
    if training.resumed_from is not None:
        found.append(("resumed", f"at update {readable(state.global_step)}, epoch {state.epoch:.2f}"))
    return found


def _counted(number: int, noun: str, several: str | None = None) -> str:
    return f"{readable(number)} {noun if number == 1 else several or noun + 's'}"
