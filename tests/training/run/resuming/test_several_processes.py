"""Several processes go on from every checkpoint of an epoch as if they had never stopped."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.labelled import Tagger, rows, settings
from tests.training.parallel.world import run_in
from torch import Tensor, nn

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


class Drawing(Tagger):
    """A pass draws more the more rows it is of, those included that are there to keep step only."""

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(nn.functional.dropout(inputs, 0.3, self.training), labels)


def drawn(out: str, goes_on: str | None, more: dict[str, Any], loader: bool) -> dict[str, Tensor]:
    args = settings(output_dir=out, max_steps=5, resume_from_checkpoint=goes_on, **MORE, **more)
    trainer = Trainer(Drawing(), args, train_dataset=rows(14))
    if loader:
        made = torch.utils.data.DataLoader(rows(14), batch_size=3, collate_fn=trainer.data_collator)  # type: ignore[arg-type]
        trainer.get_train_dataloader = lambda: made  # type: ignore[method-assign]
    trainer.train()
    return {name: value.detach() for name, value in trainer.model.state_dict().items()}


@pytest.mark.parametrize(
    ("more", "loader"),
    [
        ({}, False),
        ({"uneven_inputs": "join"}, False),
        ({}, True),
        ({"accelerator_config": {"dispatch_batches": True}}, True),
    ],
)
def test_into_a_step_in_which_a_process_has_no_row(tmp_path: Path, more: dict[str, Any], loader: bool) -> None:
    """What it computes there, for nothing, draws as much as it did the first time: the next epoch begins alike."""
    whole = run_in(2, drawn, str(tmp_path / "whole"), None, more, loader)
    again = run_in(2, drawn, str(tmp_path / "again"), f"{tmp_path / 'whole'}/checkpoint-1", more, loader)
    for weights, wanted in zip(again, whole, strict=True):
        assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


def dropped(folder: str, step: int | None, loader: bool) -> Any:
    more: dict[str, Any] = {"per_device_train_batch_size": 1, "uneven_inputs": "drop", "save_steps": 1}
    args = settings(output_dir=f"{folder}/out", max_steps=2, save_strategy="steps", **more)
    trainer = Trainer(Drawing(), args, train_dataset=rows(5))
    if loader:
        made = torch.utils.data.DataLoader(rows(5), batch_size=1, collate_fn=trainer.data_collator)  # type: ignore[arg-type]
        trainer.get_train_dataloader = lambda: made  # type: ignore[method-assign]
    trainer.train(resume_from_checkpoint=f"{folder}/out/checkpoint-{step}" if step else None)
    return trainer.state.log_history[-1].get("train_dropped_rows")


@pytest.mark.parametrize("loader", [False, True])
def test_what_an_epoch_leaves_out_is_told_by_a_run_that_had_only_to_say_so(tmp_path: Path, loader: bool) -> None:
    """The last save came before the end of the epoch, which is when what it left out is counted."""
    assert run_in(2, dropped, str(tmp_path), None, loader) == [1, 1]
    assert run_in(2, dropped, str(tmp_path), 2, loader) == [1, 1]
    assert run_in(2, dropped, str(tmp_path), 1, loader) == [1, 1]
