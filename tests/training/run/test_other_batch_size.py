"""A run goes on at the row where it stopped, however its batches are cut from then on; with other data it does not."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.small_job import entries
from torch import Tensor, nn

from trainspec import Trainer, TrainingArguments
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.preflight.preflight import PreflightError


class Numbered(list[dict[str, Tensor]]):
    """Row n holds n, and is n % 3 + 1 long."""

    def __init__(self, count: int) -> None:
        super().__init__({"number": torch.tensor(n), "input_ids": torch.ones(n % 3 + 1)} for n in range(count))


class Remembers(nn.Module):
    """Its loss is the sum of the numbers it saw times a weight; it notes them."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[list[int]] = []

    def forward(self, number: Tensor) -> Tensor:
        self.seen.append(number.tolist())
        return self.weight * number.float().mean()


def collate(rows: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {"number": torch.stack([row["number"] for row in rows])}


def trainer_for(out: Any, rows: int, size: int, accumulation: int = 1, kind: Any = Trainer, **changes: Any) -> Trainer:
    saving = {} if "save_strategy" in changes else {"save_strategy": "steps", "save_steps": 1}
    args = TrainingArguments(
        str(out),
        per_device_train_batch_size=size,
        gradient_accumulation_steps=accumulation,
        **{"num_train_epochs": 2, "report_to": "none", "log_level": "error", **saving, **changes},
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    trainer: Trainer = kind(Remembers(), args, data_collator=collate, train_dataset=Numbered(rows))
    return trainer


def seen_until(trainer: Trainer, updates: int) -> list[int]:
    """Rows of the first updates of an unbroken run."""
    per_update = trainer.args.gradient_accumulation_steps
    model: Any = trainer.model
    batches, left = list(model.seen), updates
    epoch = trainer.state.updates_per_epoch or 0
    micro = len(batches) // 2
    taken: list[list[int]] = []
    for start in (0, micro):
        count = min(left, epoch)
        left -= count
        taken += batches[start : start + min(count * per_update, micro)]
    return [number for batch in taken for number in batch]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(3, 23),
    before=st.tuples(st.integers(1, 5), st.integers(1, 3)),
    after=st.tuples(st.integers(1, 7), st.integers(1, 3)),
    data=st.data(),
)
def test_every_row_of_each_epoch_is_seen_once_whatever_the_batch_size(
    tmp_path_factory: pytest.TempPathFactory, rows: int, before: Any, after: Any, data: st.DataObject
) -> None:
    out = tmp_path_factory.mktemp("run")
    first = trainer_for(out, rows, *before)
    first.train()
    stop = data.draw(st.integers(1, first.state.global_step))
    second = trainer_for(out, rows, *after, resume_from_checkpoint=f"{out}/checkpoint-{stop}")
    second.train()
    model: Any = second.model
    seen = [*seen_until(first, stop), *(number for batch in model.seen for number in batch)]
    assert Counter(seen) == dict.fromkeys(range(rows), 2)
    assert second.state.epoch == 2 and second.state.max_steps == second.state.global_step


@pytest.mark.parametrize("more", [{"dataloader_num_workers": 2}, {"group_by_length": True}], ids=["workers", "grouped"])
def test_the_row_is_found_however_rows_are_loaded(tmp_path: Path, more: dict[str, Any]) -> None:
    first = trainer_for(tmp_path, 17, 4, **more)
    first.train()
    second = trainer_for(tmp_path, 17, 3, resume_from_checkpoint=f"{tmp_path}/checkpoint-2", **more)
    second.train()
    model: Any = second.model
    seen = [*seen_until(first, 2), *(number for batch in model.seen for number in batch)]
    assert Counter(seen) == dict.fromkeys(range(17), 2)


def test_a_checkpoint_tells_the_position_in_rows(tmp_path: Path) -> None:
    trainer = trainer_for(tmp_path, 10, 4, data_seed=7)
    trainer.train()
    found = [open_checkpoint(f"{tmp_path}/checkpoint-{step}").manifest.data for step in (1, 3, 4)]
    places = [(data["epoch"], data["rows"], data["seed"], data["length"]) for data in found if data is not None]
    assert places == [(0, 4, 7, 10), (0, 10, 7, 10), (1, 4, 7, 10)]


OTHERS = {
    "more rows": (12, {}),
    "fewer rows": (8, {}),
    "another seed": (10, {"data_seed": 1}),
    "grouped": (10, {"group_by_length": True}),
}


@pytest.mark.parametrize("rows, changes", OTHERS.values(), ids=OTHERS)
def test_other_data_in_the_middle_of_an_epoch_is_refused(tmp_path: Path, rows: int, changes: dict[str, Any]) -> None:
    trainer_for(tmp_path, 10, 4).train()
    before = sorted(path.name for path in tmp_path.iterdir())
    resumed = trainer_for(tmp_path, rows, 4, resume_from_checkpoint=f"{tmp_path}/checkpoint-2", **changes)
    with pytest.raises(PreflightError) as caught:
        resumed.train()
    (item,) = caught.value.diagnostics
    assert item.code == "RUN122" and "8 rows of epoch 0 were used" in item.reason
    assert "ignore_data_skip: true" in item.remedy
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_ignore_data_skip_takes_other_data_from_its_beginning(tmp_path: Path) -> None:
    trainer_for(tmp_path, 10, 4).train()
    changes = {"resume_from_checkpoint": f"{tmp_path}/checkpoint-2", "ignore_data_skip": True}
    resumed = trainer_for(tmp_path, 12, 4, **changes)
    resumed.train()
    model: Any = resumed.model
    assert sorted(number for batch in model.seen[:3] for number in batch) == list(range(12))


def test_between_epochs_the_data_may_change(tmp_path: Path) -> None:
    epochs = {"save_strategy": "epoch"}
    trainer_for(tmp_path, 8, 4, **epochs).train()
    resumed = trainer_for(tmp_path, 12, 4, resume_from_checkpoint=f"{tmp_path}/checkpoint-2", **epochs)
    resumed.train()
    model: Any = resumed.model
    assert Counter(number for batch in model.seen for number in batch) == dict.fromkeys(range(12), 1)


def test_the_schedule_ends_where_the_run_does(tmp_path: Path) -> None:
    trainer_for(tmp_path, 16, 2, lr_scheduler_type="linear", logging_steps=1).train()
    resumed = trainer_for(
        tmp_path, 16, 8, resume_from_checkpoint=f"{tmp_path}/checkpoint-8", lr_scheduler_type="linear", logging_steps=1
    )
    resumed.train()
    assert resumed.state.global_step == 8 + 2
    assert resumed.get_learning_rates() == [0.0]
    assert [entry["step"] for entry in entries(resumed, "loss")] == list(range(1, 11))


@pytest.mark.parametrize("size", [2, 8])
def test_a_run_that_is_past_its_end_says_so(tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture) -> None:
    trainer_for(tmp_path, 16, 2).train()
    resumed = trainer_for(
        tmp_path, 16, size, resume_from_checkpoint=f"{tmp_path}/checkpoint-16", num_train_epochs=1, log_level="warning"
    )
    resumed.train()
    assert resumed.state.global_step == resumed.state.max_steps == 16
    assert "nothing is left to train: the checkpoint is of update 16" in caplog.text
