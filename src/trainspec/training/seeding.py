"""Seeds and determinism."""

from __future__ import annotations

import os
import random

import numpy
import torch


def seed_everything(seed: int) -> None:
    """Python, numpy, torch and every device."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def make_deterministic() -> None:
    """Only algorithms that give the same bits each time; must come before the first kernel."""
    # cuBLAS reads this once, when its handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def prepare(seed: int, full_determinism: bool) -> None:
    if full_determinism:
        make_deterministic()
    seed_everything(seed)
