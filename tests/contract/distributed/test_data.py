"""Settings of the data that several processes read, each by what it does in real ones."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tests.training.parallel.world import run_in
from tests.training.ranks import differences, small_trainer, train_in
from tests.training.small_job import Make, Rows
from torch.utils.data import IterableDataset

from trainspec import TrainerCallback, TrainingArguments
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer
from trainspec.training.trainer.inside import hooks

NINE = Rows(9, torch.float64)
TWENTY_FOUR = Rows(24, torch.float64)


class CutStream(IterableDataset[Any]):
    """Parts of two and of six rows."""

    def __init__(self, rows: range = range(8)) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        known = Rows(8, torch.float64)
        return (known[number] for number in self.rows)

    def shard(self, num_shards: int, index: int) -> "CutStream":
        return CutStream(range(2) if index == 0 else range(2, 8))


def _codes(trainer: Trainer) -> list[str]:
    return [item.code for item in trainer.preflight()]


def _seen(runs: list[dict[str, Any]]) -> list[list[list[int]]]:
    return [run["seen"] for run in runs]


def _as_one_with(batch: int, runs: list[dict[str, Any]], rows: Any = TWENTY_FOUR, **more: Any) -> None:
    alone = train_in(1, rows, per_device_train_batch_size=batch, **more)[0]
    assert all(differences(run, alone) < 1e-9 for run in runs)


# accelerator_config


def test_accelerator_config_split_batches_makes_the_batch_size_that_of_all() -> None:
    runs = train_in(2, TWENTY_FOUR, per_device_train_batch_size=4, accelerator_config={"split_batches": True})
    assert [[len(batch) for batch in run["seen"]] for run in runs] == [[2] * 6] * 2
    assert [run["steps"] for run in runs] == [6, 6]
    _as_one_with(4, runs)


def _unsplittable(folder: str) -> list[str]:
    config = {"split_batches": True}
    try:
        small_trainer(folder, per_device_train_batch_size=5, accelerator_config=config).train()
    except PreflightError as error:
        return [field for item in error.diagnostics if item.code == "TGT113" for field in item.fields]
    return []


def test_accelerator_config_split_batches_wants_a_size_that_can_be_split() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert (
            run_in(2, _unsplittable, folder)
            == [["accelerator_config.split_batches", "per_device_train_batch_size", "per_device_eval_batch_size"]] * 2
        )


def _touched(folder: str, config: Any) -> dict[str, Any]:
    rows = Rows(24, torch.float64)
    trainer = small_trainer(folder, rows, accelerator_config=config)
    trainer.train()
    seen: Any = trainer.model.seen  # type: ignore[union-attr]
    # The first rows are looked at before training, where they are at hand.
    return {
        "touched": set(rows.touched) - {0, 1, 2},
        "all": set(rows.touched),
        "seen": seen,
        "first": rows.touched.count(0),
    }


def test_accelerator_config_dispatch_batches_has_rank_0_read_for_all() -> None:
    with tempfile.TemporaryDirectory() as folder:
        zero, one = run_in(2, _touched, folder, {"dispatch_batches": True})
        other_zero, other_one = run_in(2, _touched, folder, None)
    assert zero["touched"] == set(range(3, 24)) and one["all"] <= {0}
    assert [zero["seen"], one["seen"]] == [other_zero["seen"], other_one["seen"]], "each gets what it would have read"
    assert other_zero["touched"] | other_one["touched"] == set(range(3, 24))
    assert not other_zero["touched"] & other_one["touched"]


def test_accelerator_config_even_batches_false_repeats_one_row_instead_of_a_batch() -> None:
    even = train_in(3, NINE)
    uneven = train_in(3, NINE, accelerator_config={"even_batches": False})
    assert [list(map(len, run["seen"])) for run in even] == [[2, 2], [2, 1], [2, 2]]
    assert [list(map(len, run["seen"])) for run in uneven] == [[2, 2], [2, 1], [2, 1]]
    assert {run["metrics"]["train_padded_rows"] for run in even} == {2}
    assert {run["metrics"]["train_padded_rows"] for run in uneven} == {1}
    _as_one_with(6, [*even, *uneven], NINE)


def test_accelerator_config_use_seedable_sampler_false_is_told_to_change_nothing(make_trainer: Make) -> None:
    assert "RUN291" in _codes(make_trainer(accelerator_config={"use_seedable_sampler": False}))
    assert "RUN291" not in _codes(make_trainer(accelerator_config={"use_seedable_sampler": True}))


@pytest.mark.parametrize(("config", "expected"), [({"non_blocking": True}, True), ({}, False), (None, True)])
def test_accelerator_config_non_blocking_copies_without_waiting(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch, config: Any, expected: bool
) -> None:
    asked: list[bool] = []

    def noted(value: Any, device: torch.device, *, non_blocking: bool) -> Any:
        asked.append(non_blocking)
        return value

    monkeypatch.setattr(hooks, "to_device", noted)
    make_trainer(accelerator_config=config, max_steps=1).train()
    assert set(asked) == {expected}


class Gradients(TrainerCallback):
    def __init__(self) -> None:
        self.between: list[float] = []

    def on_substep_end(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        self.between += [float(value.grad.sum()) for value in model.parameters()]


def _gradients(folder: str, config: Any) -> list[float]:
    noted = Gradients()
    known = {"gradient_accumulation_steps": 2, "max_steps": 1, "accelerator_config": config}
    small_trainer(folder, callbacks=[noted], **known).train()
    return noted.between


def test_accelerator_config_sync_each_batch_adds_gradients_up_after_every_micro_batch() -> None:
    config = {"gradient_accumulation_kwargs": {"sync_each_batch": True}}
    with tempfile.TemporaryDirectory() as folder:
        zero, one = run_in(2, _gradients, folder, config)
        own_zero, own_one = run_in(2, _gradients, folder, None)
    assert zero == pytest.approx(one) and own_zero != pytest.approx(own_one)
    # Those of the first window that are not added up yet are parts of the sum.
    assert zero == pytest.approx([a + b for a, b in zip(own_zero, own_one, strict=True)])


@pytest.mark.parametrize("name", ["adjust_scheduler", "sync_with_dataloader"])
def test_accelerator_config_details_of_accumulation_are_told_to_be_so_anyway(make_trainer: Make, name: str) -> None:
    config = {"gradient_accumulation_kwargs": {name: False}}
    told = [item for item in make_trainer(accelerator_config=config).preflight() if item.code == "RUN292"]
    assert [name in item.message for item in told] == [True] and told[0].severity == "warning"
    assert "RUN292" not in _codes(make_trainer(accelerator_config={"gradient_accumulation_kwargs": {name: True}}))


def _with_state(folder: str, joins: bool) -> Any:
    if joins:
        torch.distributed.init_process_group("gloo")
    trainer = small_trainer(folder, max_steps=1, accelerator_config={"use_configured_state": True})
    try:
        return trainer.train().global_step
    except PreflightError as error:
        return [item.code for item in error.diagnostics]


def test_accelerator_config_use_configured_state_wants_processes_that_are_joined() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert run_in(2, _with_state, folder, False) == [["RUN293"]] * 2
        assert run_in(2, _with_state, folder, True) == [1, 1]


def test_accelerator_config_is_harmless_in_one_process() -> None:
    config = {"split_batches": True, "dispatch_batches": True, "even_batches": False, "use_configured_state": True}
    config["gradient_accumulation_kwargs"] = {"sync_each_batch": True}  # type: ignore[assignment]
    _as_one_with(2, train_in(1, TWENTY_FOUR, accelerator_config=config))


# uneven_inputs


@pytest.mark.parametrize(
    ("way", "sizes", "counted"),
    [
        ("pad", [[2, 2], [2, 1], [2, 2]], {"train_padded_rows": 2}),
        ("join", [[2, 2], [2, 1], [2, 1]], {"train_padded_rows": 1}),
        ("drop", [[2, 2], [2, 2], [2, 2]], {"train_dropped_rows": 6}),
    ],
)
def test_uneven_inputs_says_what_becomes_of_a_last_step(way: str, sizes: Any, counted: dict[str, int]) -> None:
    # What was dropped must not come at the beginning of a second epoch.
    runs = train_in(3, NINE, uneven_inputs=way, num_train_epochs=2 if way == "drop" else 1)
    assert [list(map(len, run["seen"])) for run in runs] == sizes
    for run in runs:
        assert {name: value for name, value in run["metrics"].items() if name.endswith("ed_rows")} == counted
        assert run["steps"] == len(sizes[0]) and run["metrics"]["train_loss"] == runs[0]["metrics"]["train_loss"]
    if way != "drop":
        _as_one_with(6, runs, NINE)


@pytest.mark.parametrize(
    ("way", "seen", "steps", "counted"),
    [
        ("pad", [[[0, 1], [0, 1], [0, 1]], [[2, 3], [4, 5], [6, 7]]], 2, {"train_padded_rows": 4}),
        ("join", [[[0, 1], [1], [1]], [[2, 3], [4, 5], [6, 7]]], 2, {"train_padded_rows": 2}),
        ("drop", [[[0, 1]], [[2, 3]]], 1, {"train_dropped_rows": 4}),
    ],
)
def test_uneven_inputs_ends_streams_of_several_lengths_together(
    way: str, seen: Any, steps: int, counted: dict[str, int]
) -> None:
    known = {"uneven_inputs": way, "gradient_accumulation_steps": 2, "max_steps": steps, "num_train_epochs": 1}
    runs = train_in(2, CutStream(), **known)
    assert _seen(runs) == seen
    for run in runs:
        assert {name: value for name, value in run["metrics"].items() if name.endswith("ed_rows")} == counted


def test_uneven_inputs_pad_contradicts_uneven_batches() -> None:
    with pytest.raises(ValidationError, match="DAT105"):
        TrainingArguments(uneven_inputs="pad", accelerator_config={"even_batches": False})
    assert TrainingArguments(accelerator_config={"even_batches": False}).uneven_inputs == "join"
    assert TrainingArguments().uneven_inputs == "pad"


# eval_use_gather_object


class Texts(Trainer):
    def prediction_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        loss, _, labels = super().prediction_step(model, inputs, *rest, **more)
        return loss, [f"row {number}" for number in inputs["number"].tolist()], labels


def _texts(folder: str, sends: bool) -> Any:
    rows = Rows(5, torch.float64)
    trainer = small_trainer(folder, kind=Texts, per_device_eval_batch_size=2, eval_use_gather_object=sends)
    try:
        return list(trainer.predict(rows).predictions)
    except Exception as error:
        return str(error)


def test_eval_use_gather_object_lets_outputs_be_anything() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert run_in(2, _texts, folder, True) == [[f"row {number}" for number in range(5)]] * 2
        for told in run_in(2, _texts, folder, False):
            assert "a str is no tensor" in told and "set eval_use_gather_object: true" in told
