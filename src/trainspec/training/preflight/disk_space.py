"""Whether the checkpoints that plan predicts fit onto the disk of output_dir."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from trainspec.plan.batches import PlanError
from trainspec.plan.run import plan_run
from trainspec.storage import StorageError, open_store
from trainspec.storage.local import LocalStore
from trainspec.training import data
from trainspec.training.checkpoint.load import list_checkpoints
from trainspec.training.findings.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine

# Two moments of Adam, as large as the parameters that train; most optimizers keep less.
_STATES = 2


def find_full_disk(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    free = _free_bytes(args.output_dir)
    if free is None or args.save_strategy == "no":
        return
    least, likely = checkpoint_bytes(job.model, args)
    there, surplus = _lie_there(args)
    free, count = free + surplus, _checkpoints_at_once(args, job)
    if there:
        # Their room is taken already, and one of them goes for each that comes.
        count = max(1, count - there)
    if least > free:
        yield found(
            args,
            "RUN120",
            f"a checkpoint takes at least {_size(least)}, and {_size(free)} are free",
            "output_dir",
            remedy="free some space, or choose another output_dir",
        )
    elif likely * count > free:
        yield found(
            args,
            "RUN120",
            f"{count:,} {'more ' if there else ''}checkpoint{'s' if count > 1 else ''} of about {_size(likely)} will "
            f"lie in output_dir, and {_size(free)} are free",
            "output_dir",
            "save_total_limit",
            remedy="set save_total_limit, save less often, or choose another output_dir",
            severity="warning",
        )


def checkpoint_bytes(model: nn.Module, args: TrainingArguments) -> tuple[int, int]:
    """Bytes of one checkpoint: its weights alone, and with what an optimizer usually keeps."""
    weights = sum(
        value.numel() * value.element_size() for value in model.state_dict().values() if hasattr(value, "numel")
    )
    if args.save_only_model:
        return weights, weights
    trained = sum(value.numel() * value.element_size() for value in model.parameters() if value.requires_grad)
    return weights, weights + _STATES * trained


def _checkpoints_at_once(args: TrainingArguments, job: Job) -> int:
    """How many lie there when the most do: the kept ones, and the one that is written before the oldest goes."""
    with suppress(PlanError, ValueError):
        plan = plan_run(args, train_rows=data.row_count(job.train_dataset))
        saves = len(plan.save_steps)
        if saves:
            return min(saves, (args.save_total_limit or saves) + 1)
    return 1


def _lie_there(args: TrainingArguments) -> tuple[int, int]:
    """How many stay of those that a run goes on from, and the bytes of those that go before its first save."""
    if not args.resume_from_checkpoint:
        return 0, 0
    with suppress(StorageError, OSError):
        store = open_store(args.output_dir)
        sizes = [
            sum(file.size for file in found.manifest.files)
            for found in (list_checkpoints(store) if isinstance(store, LocalStore) else ())
        ]
        kept = min(len(sizes), args.save_total_limit or len(sizes))
        return kept, sum(sizes[: len(sizes) - kept])
    return 0, 0


def _free_bytes(output_dir: str) -> int | None:
    """None where nobody knows: in an object store, or where the folder cannot be asked."""
    with suppress(StorageError, OSError):
        store = open_store(output_dir)
        if isinstance(store, LocalStore):
            return shutil.disk_usage(_existing(store.folder.absolute())).free
    return None


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
