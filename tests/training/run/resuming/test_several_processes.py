"""Several processes go on from every checkpoint of an epoch as if they had never stopped."""

from pathlib import Path
from typing import Any

import torch
from tests.training.parallel.labelled import Tagger, rows, settings
from tests.training.parallel.world import run_in
from torch import Tensor

from trainspec import Trainer

# 21 rows, 12 an update: in the last step of an epoch the second process has no row.
MORE = {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 2, "save_strategy": "steps", "save_steps": 1}


def trained(out: str, goes_on: str | None) -> tuple[dict[str, Tensor], list[Any]]:
    args = settings(output_dir=out, max_steps=5, resume_from_checkpoint=goes_on, **MORE)
    trainer = Trainer(Tagger(), args, train_dataset=rows(21))
    trainer.train()
    logged = [(entry["step"], entry["loss"], entry["epoch"]) for entry in trainer.state.log_history if "loss" in entry]
    return {name: value.detach() for name, value in trainer.model.state_dict().items()}, logged


def test_from_every_update(tmp_path: Path) -> None:
    whole = run_in(2, trained, str(tmp_path / "whole"), None)
    for step in (1, 2, 3):
        again = run_in(2, trained, str(tmp_path / str(step)), f"{tmp_path / 'whole'}/checkpoint-{step}")
        for (weights, logged), (wanted, entries) in zip(again, whole, strict=True):
            assert logged == entries
            assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
