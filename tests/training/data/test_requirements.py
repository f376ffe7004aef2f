"""What is wrong with the rows is found before training, by a look at the first that leaves no trace."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Rows
from torch.utils.data import IterableDataset

from trainspec import TrainingArguments
from trainspec.training.data import row_needs as requirements
from trainspec.training.findings.facts import Job, Machine

ROW = {"inputs": [1.0] * 4, "labels": [1.0]}
OTHER = {"pixels": 1.0, "label": 2}
LAPTOP = Machine(torch.device("cpu"), world_size=1, bf16=True, tf32=True)


class Broken:
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise FileNotFoundError(f"row-{index}.png")


class Stream(IterableDataset[Any]):
    """Must not be looked into: its rows can be had once."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("consumed")


TABLE: dict[str, tuple[dict[str, Any], Any, Any, list[str]]] = {
    "fine": ({}, [ROW], [ROW], []),
    "nothing in common": ({}, [OTHER], None, ["RUN150"]),
    "labels alone in common": ({}, [{"labels": 1}], None, ["RUN150"]),
    "nothing is removed": ({"remove_unused_columns": False}, [OTHER], [OTHER], []),
    "evaluation": ({"do_eval": True}, [ROW], [OTHER], ["RUN150"]),
    "evaluation that is not due": ({}, [ROW], [OTHER], []),
    "evaluation at the start": ({"eval_on_start": True, "eval_strategy": "epoch"}, [ROW], [OTHER], ["RUN150"]),
    "several evaluations": ({"do_eval": True}, [ROW], {"a": [ROW], "b": [OTHER], "c": [OTHER]}, ["RUN150", "RUN150"]),
    "streams": ({}, Stream(), Stream(), []),
    "an iterator": ({}, iter([OTHER]), None, []),
    "empty": ({}, [], [], []),
    "no data": ({}, None, None, []),
    "tuples": ({}, [(1, 2)], None, []),
    "unreadable": ({"do_eval": True}, Broken(), Broken(), ["RUN154", "RUN154"]),
    "grouping": ({"group_by_length": True}, [ROW], None, []),
    "grouping a stream": ({"group_by_length": True}, Stream(), None, ["RUN151"]),
    "grouping an iterator": ({"group_by_length": True}, iter([ROW]), None, ["RUN151"]),
    "grouping by a column": ({"group_by_length": True, "length_column_name": "n"}, [{"inputs": 1, "n": 2}], None, []),
    "grouping without lengths": ({"group_by_length": True}, [{"inputs": 1, "labels": 2}], None, ["RUN152"]),
    "grouping nothing": ({"group_by_length": True}, [], None, []),
    "grouping no data": ({"group_by_length": True}, None, None, []),
    "labels": ({"label_names": ["labels"], "do_eval": True}, [ROW], [ROW], []),
    "label becomes labels": ({"label_names": ["labels"], "do_eval": True}, [ROW], [{"inputs": 1, "label": 2}], []),
    "one of the labels": ({"label_names": ["goal", "labels"], "do_eval": True}, [ROW], [ROW], []),
    "labels that are not there": ({"label_names": ["goal"], "do_eval": True}, [ROW], [ROW], ["RUN153"]),
}


@pytest.mark.parametrize("settings, train, evaluation, codes", TABLE.values(), ids=TABLE)
def test_findings(
    arguments: Callable[..., TrainingArguments], settings: dict[str, Any], train: Any, evaluation: Any, codes: list[str]
) -> None:
    found = _findings(arguments(**{"do_eval": None, **settings}), train, evaluation)
    assert [item.code for item in found] == codes


def _findings(args: TrainingArguments, train: Any, evaluation: Any) -> list[Any]:
    job = Job(Line(), train, evaluation, None)
    needs = (*requirements.NEEDS_OF_ROWS, *requirements.NEEDS_OF_TRAINING_ROWS)
    return [item for need in needs for item in need(args, LAPTOP, job)]


MESSAGES: dict[str, tuple[dict[str, Any], Any, str]] = {
    "both sides": ({}, [OTHER], r"\['label', 'pixels'\], the model's forward takes \['inputs', 'labels', 'number'\]"),
    "what the row did": ({}, Broken(), "row 0 of train_dataset cannot be read: FileNotFoundError: row-0.png"),
    "what has no length": (
        {"group_by_length": True},
        [{"inputs": 1, "labels": 2}],
        "no column 'length' in train_dataset, and of the row's entries 'inputs', 'labels' none has a length",
    ),
}


@pytest.mark.parametrize("settings, train, message", MESSAGES.values(), ids=MESSAGES)
def test_messages(
    arguments: Callable[..., TrainingArguments], settings: dict[str, Any], train: Any, message: str
) -> None:
    (item,) = _findings(arguments(**settings), train, None)
    assert re.search(message, item.message)


def test_labels_that_are_not_there_stop_nothing(arguments: Callable[..., TrainingArguments]) -> None:
    (item,) = _findings(arguments(label_names=["goal"]), [ROW], Rows(3))
    assert item.severity == "warning" and "number" in item.message


def test_looking_draws_nothing(arguments: Callable[..., TrainingArguments]) -> None:
    class Random(Rows):
        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            return {**super().__getitem__(index), "noise": torch.rand(())}

    before = torch.get_rng_state()
    _findings(arguments(group_by_length=True), Random(), Random())
    assert torch.equal(torch.get_rng_state(), before)
