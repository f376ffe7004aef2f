"""Streams that end at different times, to train on and to evaluate on, under engines: no process waits for one that is
done, and what is evaluated is every row once.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import IterableDataset

pytest.importorskip("deepspeed")

from tests.training.parallel.deepspeed_engine.server import run
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer


class Stream(IterableDataset[Any]):
    """So many more rows in each process than in the one before."""

    def __init__(self, count: int, more: int = 3) -> None:
        self.count, self.more = count, more

    def __iter__(self) -> Iterator[Any]:
        rows = Rows(self.count + self.more * int(os.environ["RANK"]))
        return (rows[number] for number in range(len(rows)))


# Stage, when to evaluate, uneven_inputs, who reads, rows to train and to evaluate on.
CASES: list[tuple[int, str, str, bool | None, int, int]] = [
    (2, "steps", "pad", False, 14, 5),
    (3, "epoch", "join", False, 17, 1),
    (3, "steps", "drop", None, 40, 8),
    (2, "epoch", "pad", True, 11, 7),
]


def trained(output: str) -> list[tuple[int, list[float], float, float]]:
    found = []
    for stage, when, uneven, dispatches, rows, evaluated in CASES:
        args = TrainingArguments(
            output_dir=output,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            max_steps=7,
            per_device_train_batch_size=3,
            per_device_eval_batch_size=2,
            eval_strategy=when,
            eval_steps=2,
            uneven_inputs=uneven,
            accelerator_config={"dispatch_batches": dispatches},
            deepspeed={"zero_optimization": {"stage": stage}},
        )
        trainer = Trainer(Line(), args, train_dataset=Stream(rows), eval_dataset=Rows(evaluated))
        trainer.train()
        losses = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
        streamed = trainer.evaluate(Stream(evaluated, more=0))["eval_loss"]
        listed = trainer.evaluate(Rows(evaluated))["eval_loss"]
        found.append((trainer.state.global_step, losses, streamed, listed))
    return found


@pytest.mark.parametrize("size", [2, 3])
def test_all_come_to_the_end_together(size: int, tmp_path: Path) -> None:
    first, *others = run(size, trained, str(tmp_path))
    assert [updates for updates, *_ in first] == [7] * len(CASES)
    assert all(losses for _, losses, *_ in first)
    for *_, streamed, listed in first:
        assert streamed == pytest.approx(listed, rel=1e-6)
    assert all(found == first for found in others)
