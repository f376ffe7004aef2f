"""Promise: a run on a stream goes on inside of an epoch as if it had not been cut, and says what that takes; a stream
of other rows is refused, and what a checkpoint says of a place is looked at before it is used."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.data.streaming.streams import ByIterator, Loader, Plain, Shuffling, Stated, Unsavable, row
from tests.training.small_job import Line, Make, rows_of

from trainspec.training.checkpoint.manifest import fingerprint, with_checksum
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.trainer import Trainer

SAVED: dict[str, Any] = {"save_strategy": "steps", "save_steps": 3, "gradient_accumulation_steps": 2}


def started(make_trainer: Make, kind: type[Any], folder: Path, **more: Any) -> Trainer:
    class Own(Trainer):
        def get_train_dataloader(self) -> Any:
            return Loader() if kind is Loader else super().get_train_dataloader()

    asked = {"kind": Own, "model": Line(dropout=0.3), "max_steps": 7, "per_device_train_batch_size": 2, **SAVED, **more}
    dataset = None if kind is Loader else kind()
    return make_trainer(train_dataset=dataset, output_dir=str(folder), **asked)


def resumed(make_trainer: Make, kind: type[Any], folder: Path, **more: Any) -> Trainer:
    trainer = started(make_trainer, kind, folder, **more)
    trainer.train(resume_from_checkpoint=str(folder / "checkpoint-3"))
    return trainer


@pytest.mark.parametrize(
    ("kind", "workers"),
    [(Plain, 0), (Shuffling, 2), (Stated, 0), (Stated, 2), (ByIterator, 0), (Unsavable, 0), (Loader, 0)],
)
def test_it_ends_as_the_whole_run(
    make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: type[Any], workers: int
) -> None:
    more = {"dataloader_num_workers": workers}
    whole = started(make_trainer, kind, tmp_path, **more)
    whole.train()
    assert caplog.text.count("the state of the training data cannot be saved: what is a") == (kind is Unsavable)
    caplog.clear()
    with caplog.at_level(logging.INFO, "trainspec.training.data"):
        there = resumed(make_trainer, kind, tmp_path, **more)
    assert rows_of(whole)[-len(rows_of(there)) :] == rows_of(there)
    assert torch.equal(whole.model.layer.weight, there.model.layer.weight)
    assert ("goes on where its state says" in caplog.text) == (kind in (Stated, ByIterator, Loader))
    assert ("are read again and passed over" in caplog.text) == (kind in (Plain, Shuffling, Unsavable))
    assert "another order" not in caplog.text


class Others(Plain):
    def made(self, number: int) -> Any:
        return row(number + 1000)


class Noisy(Plain):
    """Changes its rows by what nobody can draw again; their numbers are what they were."""

    def made(self, number: int) -> Any:
        made = row(number)
        return {**made, "inputs": made["inputs"] + random.SystemRandom().random(), "mask": torch.ones(3).long()}


class OtherNoise(Noisy):
    def made(self, number: int) -> Any:
        return {**super().made(number), "number": torch.tensor(number + 1000)}


class Shifted(Stated):
    """Its state is of other rows."""

    def made(self, number: int) -> Any:
        return {**super().made(number), "number": torch.tensor(number + 1)}


@pytest.mark.parametrize("workers", [0, 2])
def test_other_rows_are_refused(make_trainer: Make, tmp_path: Path, workers: int) -> None:
    started(make_trainer, Plain, tmp_path, dataloader_num_workers=workers).train()
    with pytest.raises(PreflightError) as caught:
        resumed(make_trainer, Others, tmp_path, dataloader_num_workers=workers)
    (item,) = caught.value.diagnostics
    assert item.code == "RUN122" and "not one of the first 3 rows of the stream holds what it held" in item.reason
    again = resumed(make_trainer, Others, tmp_path, ignore_data_skip=True)
    assert rows_of(again)[0] == 1000


def test_random_changes_are_no_other_rows(make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    started(make_trainer, Noisy, tmp_path).train()
    resumed(make_trainer, Noisy, tmp_path)
    # But that it goes back.
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message[:12] for message in told] == ["note[RUN225]"]
    with pytest.raises(PreflightError):
        resumed(make_trainer, OtherNoise, tmp_path)


def test_a_state_of_other_rows_is_told_of(make_trainer: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    started(make_trainer, Stated, tmp_path).train()
    resumed(make_trainer, Shifted, tmp_path)
    assert "comes in another order" in caplog.text


class Untaken(Stated):
    def load_state_dict(self, state: dict[str, Any]) -> None:
        raise KeyError("at")


def test_a_state_that_is_not_taken_is_named(make_trainer: Make, tmp_path: Path) -> None:
    started(make_trainer, Stated, tmp_path).train()
    with pytest.raises(ValueError, match=r"Untaken\.load_state_dict\(\) does not take .*KeyError.*ignore_data_skip"):
        resumed(make_trainer, Untaken, tmp_path)


def damaged(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place with one thing in it that is not what it has to be, and how that is told."""
    reader = document["readers"][0]

    def of_reader(**changes: Any) -> dict[str, Any]:
        return {**document, "readers": [{**reader, **changes}]}

    yield "its readers are missing", {**document, "readers": {}}
    yield "its readers are missing", {**document, "readers": [reader] * 5000}
    yield "a reader is no object", {**document, "readers": [[]]}
    yield "batches is -1", {**document, "batches": -1}
    yield "last is 7", {**document, "last": 7}
    yield "size is 'x'", {**document, "size": "x"}
    yield "whole is 0", {**document, "whole": 0}
    yield "following is no mapping of marks", {**document, "following": {"number": 3}}
    yield "rows is 1e+300", of_reader(rows=1e300)
    yield "ended is None", of_reader(ended=None)
    yield "the state of a reader is missing", of_reader(state=[1, 2])
    yield "unknown kind $code", of_reader(state=[{"$code": "os:system"}])
    yield "a random state is damaged", of_reader(draws={})
    yield "a random state is damaged", of_reader(draws={**reader["draws"], "torch": "00"})
    numbers = reader["draws"]["numpy"]
    place = {**numbers, "state": {**numbers["state"], "pos": 10**6}}
    yield "a random state is damaged", of_reader(draws={**reader["draws"], "numpy": place})


def test_a_damaged_place_is_named(make_trainer: Make, tmp_path: Path) -> None:
    started(make_trainer, Stated, tmp_path).train()
    folder = tmp_path / "checkpoint-3"
    file, manifest = folder / "data_state.json", folder / "manifest.json"
    whole = json.loads(file.read_text())
    for told, document in damaged(whole):
        file.write_text(json.dumps(document))
        listed = json.loads(manifest.read_text())
        known = fingerprint(file.name, file)
        for entry in listed["files"]:
            if entry["name"] == file.name:
                entry |= {"size": known.size, "sha256": known.sha256}
        manifest.write_text(json.dumps(with_checksum(listed)))
        with pytest.raises(Exception, match=r"data_state.json is damaged") as caught:
            resumed(make_trainer, Stated, tmp_path)
        assert told in str(caught.value), told
