"""A process of its own: one long run, and the first update after it is resumed early and late.

resuming.py ROUNDS FILE    FILE gets, for every round, by the update the seconds from `train` to the first forward pass
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch.utils.data import default_collate

from benchmarks.training.jobs import FEATURES, SameRows, Tiny
from benchmarks.training.loops import SETTINGS, quiet
from trainspec import Trainer, TrainingArguments

EARLY, LATE = 10, 100_000
# An epoch that both lie in.
ROWS, BATCH = 1_000_000, 8


class Idle(Trainer):
    """Its updates are counted and nothing is computed: it is to come far, not to learn."""

    def training_step(self, *args: Any, **more: Any) -> torch.Tensor:
        return torch.zeros(())


def _trainer(folder: Path, kind: type[Trainer], last: int, saves: int | None) -> Trainer:
    saving = {"save_strategy": "no"} if saves is None else {"save_strategy": "steps", "save_steps": saves}
    args = TrainingArguments(
        output_dir=str(folder),
        max_steps=last,
        per_device_train_batch_size=BATCH,
        **{**SETTINGS, **saving, "lr_scheduler_type": "constant", "logging_steps": 100},
    )
    torch.manual_seed(0)
    row = torch.randn(FEATURES)
    return kind(Tiny(), args, train_dataset=SameRows(row, row, ROWS), data_collator=default_collate)


def _make(folder: Path) -> None:
    _trainer(folder, Trainer, EARLY, EARLY).train()
    _trainer(folder, Idle, LATE, LATE).train(resume_from_checkpoint=str(folder / f"checkpoint-{EARLY}"))


def _seconds(folder: Path, step: int) -> float:
    trainer = _trainer(folder, Trainer, step + 1, None)
    begins: list[float] = []
    trainer.model.register_forward_pre_hook(lambda module, inputs: begins.append(time.perf_counter()))
    start = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(folder / f"checkpoint-{step}"))
    assert len(begins) == 1, "one update was left"
    return begins[0] - start


def main(rounds: str, file: str) -> None:
    quiet()
    folder = Path(file).parent / "resuming"
    _make(folder)
    # The first round imports what the others have.
    found = [{step: _seconds(folder, step) for step in (EARLY, LATE)} for _ in range(int(rounds) + 1)][1:]
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
