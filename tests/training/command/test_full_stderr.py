"""Promise: a run does not end because what it says has no room; that is lost."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training.command.test_run import Phases

from trainspec import TrainingArguments
from trainspec.training.command.train import FINE, run_task


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="what is always full is there on Linux alone")
@pytest.mark.parametrize("quiet", [True, False], ids=["without bars", "with bars"])
def test_a_full_disk_under_stderr_ends_no_run(
    arguments: Callable[..., TrainingArguments], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    args = arguments(max_steps=2, eval_strategy="steps", eval_steps=1, disable_tqdm=quiet)
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert run_task(args, Phases()) == FINE
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert (tmp_path / "out" / "model.safetensors").exists()
