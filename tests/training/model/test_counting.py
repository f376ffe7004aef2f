"""Rows are what labels, or most of a batch, say; items are the labels that count."""

from collections import UserDict
from dataclasses import dataclass, field
from typing import Any

import numpy
import pytest
import torch
from tests.training.small_job import Make
from torch import Tensor, nn
from torch.nn import functional

from trainspec.training.model.counting import count_items, count_rows, count_rows_and_items, weigh

SIX, TABLE = torch.ones(6, 3), torch.ones(10, 10)


@dataclass
class Graph:
    x: Tensor = field(default_factory=lambda: SIX)
    y: Tensor = field(default_factory=lambda: torch.ones(6))
    edges: Tensor = field(default_factory=lambda: torch.ones(2, 9))


ROWS: dict[str, Any] = {
    "a tensor": SIX,
    "a number first": {"temperature": torch.tensor(1.0), "x": SIX, "labels": torch.ones(6)},
    "a table first": {"table": TABLE, "x": SIX, "labels": torch.ones(6)},
    "an adjacency matrix, outvoted": {"adjacency": TABLE, "x": SIX, "mask": SIX},
    "an adjacency matrix, and labels": {"adjacency": TABLE, "x": SIX, "labels": torch.ones(6)},
    "labels alone know": {"edges": torch.ones(2, 40), "weights": torch.ones(40), "labels": torch.ones(6, 2)},
    "texts": {"name": "a batch", "texts": ["a"] * 6, "x": SIX},
    "lists of texts only": {"texts": ["a"] * 6, "others": ["b"] * 6},
    "arrays": {"x": numpy.ones((6, 2)), "scale": numpy.float64(2)},
    "a nest": {"name": "a", "nested": {"x": SIX, "deeper": {"y": SIX}}, "size": torch.ones(3)},
    "nested labels": {"labels": {"a": torch.ones(6), "b": torch.ones(6)}, "size": torch.ones(3)},
    "labels that are mappings": {"pixels": torch.ones(9, 3), "labels": [{"boxes": torch.ones(2, 4)}] * 6},
    "a tuple": (torch.ones(2, 40), torch.ones(6)),
    "a tuple with a number last": (SIX, torch.tensor(1.0)),
    "a tuple of lists": ([SIX] * 6, [{"boxes": SIX}] * 6),
    "another mapping": UserDict({"x": SIX, "labels": torch.ones(6)}),
    "an object": Graph(),
    "nothing": {},
    "a number": {"x": torch.tensor(1.0)},
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_of(name: str) -> None:
    assert count_rows(ROWS[name], ["labels"]) == (0 if name in ("nothing", "a number") else 6)


MANY = torch.tensor([[1, -100], [2, 3], [-100, -100], [0, 0]])
WEIGHTS: dict[str, tuple[Any, int]] = {
    "int64": ({"labels": MANY}, 5),
    "int32": ({"labels": MANY.int()}, 5),
    "int16": ({"labels": MANY.short()}, 5),
    "int8": ({"labels": MANY.char()}, 5),
    "uint8 masks nothing": ({"labels": torch.tensor([1, 156], dtype=torch.uint8)}, 2),
    "numbers": ({"labels": MANY.float()}, 4),
    "flags": ({"labels": MANY > 0}, 4),
    "two columns": ({"labels": MANY, "more": MANY[:, :1]}, 8),
    "two columns, one masked": ({"labels": MANY, "more": torch.full((4,), -100)}, 5),
    "classes and numbers": ({"labels": MANY, "more": torch.ones(4)}, 5),
    "two columns of numbers": ({"labels": torch.ones(4), "more": torch.ones(4)}, 4),
    "a mapping of columns": ({"labels": {"a": MANY, "b": MANY}}, 10),
    "none": ({"x": torch.ones(4, 3)}, 4),
    "what has no rows": ({"x": torch.tensor(1.0)}, 1),
    "an empty batch": ({"x": torch.ones(0, 3)}, 0),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_items_of(name: str) -> None:
    batch, items = WEIGHTS[name]
    assert weigh(batch, ["labels", "more"]).item() == items


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("name", [*ROWS, *WEIGHTS])
def test_one_look_tells_both(name: str, shifted: bool) -> None:
    batch, names = ROWS[name] if name in ROWS else WEIGHTS[name][0], ["labels", "more"]
    rows, items = count_rows_and_items(batch, names, shifted=shifted)
    assert rows == count_rows(batch, names)
    assert int(items) == int(count_items(batch, names, shifted=shifted))


def test_shifted_labels_are_those_but_the_first_of_each_row() -> None:
    assert weigh({"labels": MANY}, ["labels"], shifted=True) == 2
    assert weigh({"labels": MANY[:, 0]}, ["labels"], shifted=True) == 3


class Regression(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 1, dtype=torch.float64)

    def forward(self, x: Tensor, labels: Tensor, table: Tensor) -> dict[str, Tensor]:
        scores = self.layer(x)[:, 0]
        return {"loss": functional.mse_loss(scores, labels), "logits": scores}


@pytest.mark.parametrize("table", [torch.tensor(1.0), torch.ones(9, 9), torch.ones(1)], ids=["number", "matrix", "one"])
@pytest.mark.parametrize("rows", [6, 7])
def test_what_stands_beside_the_rows_changes_neither_losses_nor_updates_nor_speeds(
    make_trainer: Make, table: Tensor, rows: int
) -> None:
    x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    data = [{"x": row, "labels": row.sum() * 9} for row in x]

    def beside(found: Any) -> dict[str, Tensor]:
        stacked = {key: torch.stack([row[key] for row in found]) for key in ("x", "labels")}
        return {"table": table, **stacked}

    cut = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "per_device_eval_batch_size": 4}
    sgd = {"optim": "sgd", "learning_rate": 0.1, "max_grad_norm": 0}
    model = Regression()
    trainer = make_trainer(model=model, train_dataset=data, eval_dataset=data, data_collator=beside, **cut, **sgd)
    true = functional.mse_loss(model.layer(x)[:, 0], x.sum(1) * 9)
    metrics = trainer.evaluate()
    assert metrics["eval_loss"] == pytest.approx(true.item(), rel=1e-12)
    ended = trainer.train().metrics
    assert ended["train_samples_per_second"] * ended["train_runtime"] == pytest.approx(rows, rel=0.05)
    plain = Regression()
    functional.mse_loss(plain.layer(x)[:, 0], x.sum(1) * 9).backward()
    assert plain.layer.weight.grad is not None
    torch.testing.assert_close(model.layer.weight, plain.layer.weight - 0.1 * plain.layer.weight.grad)
