"""Seeds and determinism."""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING, Any

import numpy
import torch

from trainspec.training.data.draws import mixed_seed

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

logger = logging.getLogger(__name__)

# What libraries read once: cuBLAS when its handle is made, flash attention when it is imported.
_ENVIRONMENT = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "FLASH_ATTENTION_DETERMINISTIC": "1"}


def seed_everything(seed: int) -> None:
    """Python, numpy, torch and every device."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def make_deterministic(*, warn_only: bool = False) -> None:
    """Only algorithms that give the same bits each time; must come before the first kernel.

    An operation without such an algorithm raises RuntimeError, or warns with `warn_only`.
    """
    late = "CUBLAS_WORKSPACE_CONFIG" not in os.environ and _cuda_has_started()
    if late:
        logger.warning(
            "full determinism was asked for after CUDA had started; set CUBLAS_WORKSPACE_CONFIG=%s before the "
            "process does, or two runs may differ",
            _ENVIRONMENT["CUBLAS_WORKSPACE_CONFIG"],
        )
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def _cuda_has_started() -> bool:
    cuda: Any = torch.cuda
    return bool(cuda.is_initialized())


def seed_for_model(args: TrainingArguments) -> None:
    """Before a model is made: the same on every rank, so that all begin with the same weights."""
    _seed(args, args.seed)


def seed_for_training(args: TrainingArguments, rank: int) -> None:
    """Before training draws anything: another seed for each share of the rows, or dropout would be the same noise.

    `rank` is that of the share: processes that hold parts of one layer must drop the same.
    """
    _seed(args, args.seed if rank == 0 else mixed_seed(args.seed, rank))


def _seed(args: TrainingArguments, seed: int) -> None:
    if args.full_determinism:
        enable_full_determinism(seed)
    else:
        set_seed(seed)


def set_seed(seed: int, deterministic: bool = False) -> None:
    """Seed python, numpy, torch and every device; `deterministic` also asks torch for deterministic algorithms."""
    seed_everything(seed)
    if deterministic:
        torch.use_deterministic_algorithms(True)


def enable_full_determinism(seed: int, warn_only: bool = False) -> None:
    """Seed everything, and have every operation give the same bits in each run; call it before the first kernel."""
    # Strings hash differently in every interpreter, and with them sets are ordered: this reaches spawned workers.
    os.environ.setdefault("PYTHONHASHSEED", str(seed))
    make_deterministic(warn_only=warn_only)
    seed_everything(seed)
