"""Promise: of several processes each goes on in its part of a stream, or rank 0 where it reads for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.data.streaming.streams import ByIterator, Plain, Shuffling, Stated
from tests.training.parallel.world import run_in
from tests.training.small_job import Line

from trainspec import Trainer, TrainingArguments


class Cut(Shuffling):
    """Can be cut into parts."""

    part, parts = 0, 1

    def shard(self, num_shards: int, index: int) -> Any:
        made = type(self)(self.rows)
        made.part, made.parts = index, num_shards
        return made

    def numbers(self) -> list[int]:
        return list(range(self.part, self.rows, self.parts))


class CutStated(Stated):
    part, parts = 0, 1
    shard, numbers = Cut.shard, Cut.numbers


def trained(folder: str, kind: type[Plain], resume: str | None) -> dict[str, Any]:
    args = TrainingArguments(
        output_dir=folder,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        max_steps=5,
        per_device_train_batch_size=2,
        save_strategy="steps",
        save_steps=2,
        resume_from_checkpoint=resume,
    )
    model, stream = Line(dropout=0.5), kind()
    trainer = Trainer(model, args, train_dataset=stream)
    trainer.train()
    weights = {name: value.tolist() for name, value in model.state_dict().items()}
    return {"seen": model.seen, "weights": weights, "read": stream.read}


@pytest.mark.parametrize("kind", [Cut, CutStated, Stated, ByIterator, Plain])
def test_it_ends_as_the_whole_run(kind: type[Any], tmp_path: Path) -> None:
    whole = run_in(2, trained, str(tmp_path / "whole"), kind, None)
    files = {path.name for path in (tmp_path / "whole" / "checkpoint-2").glob("data_state*")}
    assert files == {"data_state_0.json", *(["data_state_1.json"] if kind in (Cut, CutStated) else [])}
    again = run_in(2, trained, str(tmp_path / "again"), kind, f"{tmp_path}/whole/checkpoint-2")
    for there, expected in zip(again, whole, strict=True):
        assert there["seen"] == expected["seen"][2:]
        assert there["weights"] == expected["weights"]
    if kind in (Stated, ByIterator):
        # Rank 0 reads what is left, and a step ahead.
        assert again[0]["read"] <= whole[0]["read"] - 8 and again[1]["read"] == 0
