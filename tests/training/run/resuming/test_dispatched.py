"""A run that rank 0 reads for, broken off before the last step of an epoch, in which others have nothing left: rows and
weights are those of the run that was not broken off, to the bit.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.world import run_in
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.trainer import Trainer

# Three processes read two rows each: in the last step of an epoch one row is left, which is rank 0's.
RANKS, BATCH, COUNT = 3, 2, 13


def trained(output: str, dispatches: bool | None, resume: str | None = None) -> dict[str, Any]:
    args = TrainingArguments(
        output_dir=output,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
        num_train_epochs=2,
        per_device_train_batch_size=BATCH,
        save_strategy="steps",
        save_steps=1,
        logging_steps=1,
        accelerator_config={"dispatch_batches": dispatches},
        resume_from_checkpoint=resume,
    )
    # What dropout draws follows from the shape of every batch, one that counts for nothing too.
    model, data = Line(dropout=0.5), Rows(COUNT)
    trainer = Trainer(model, args, train_dataset=data)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    return {"seen": model.seen, "losses": losses, "weights": weights, "read": len(data.touched)}


@pytest.mark.parametrize("dispatches", [True, None])
def test_it_is_the_run_that_was_not_broken_off(dispatches: bool | None, tmp_path: Path) -> None:
    whole = run_in(RANKS, trained, str(tmp_path / "whole"), dispatches)
    # Each row once an epoch; in its last step all but the main process repeat what counts for nothing.
    epoch = [row for number in range(2) for found in whole for row in found["seen"][number]] + whole[0]["seen"][2]
    assert sorted(epoch) == list(range(COUNT))
    if dispatches:
        assert [found["read"] >= 2 * COUNT for found in whole] == [True, False, False]
    for step in (1, 2, 4):
        again = run_in(RANKS, trained, str(tmp_path), dispatches, f"{tmp_path}/whole/checkpoint-{step}")
        for first, second in zip(whole, again, strict=True):
            assert second["losses"] == first["losses"]
            assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())
            assert second["seen"] == first["seen"][step:], "what does not count is the same, too"
