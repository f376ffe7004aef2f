"""What one process meets ends, or changes, the run of all of them at the same place."""

import math
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.parallel.labelled import Tagger, by_hand, difference, rows, settings, windows_of
from tests.training.parallel.world import run_in
from torch import Tensor, nn

from trainspec import Trainer, TrainerCallback
from trainspec.training.errors import NonFiniteError
from trainspec.training.parallel.contact.neighbours import Neighbours


class OnRankOne(TrainerCallback):
    """At update 2, and in process 1 alone, asks for something."""

    def __init__(self, wish: str) -> None:
        self.wish = wish

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if os.environ["RANK"] == "1" and state.global_step == 2:
            setattr(control, self.wish, True)


def wished(out: str, wish: str) -> dict[str, Any]:
    args = settings(output_dir=out, max_steps=4, logging_strategy="no")
    trainer = Trainer(Tagger(), args, train_dataset=rows(40), eval_dataset=rows(4), callbacks=[OnRankOne(wish)])
    trainer.train()
    history = trainer.state.log_history
    return {
        "steps": trainer.state.global_step,
        "logged": [entry["step"] for entry in history if "loss" in entry],
        "evaluated": [entry["step"] for entry in history if "eval_loss" in entry],
    }


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        ("should_training_stop", {"steps": 2, "logged": [], "evaluated": []}),
        ("should_log", {"steps": 4, "logged": [2], "evaluated": []}),
        ("should_evaluate", {"steps": 4, "logged": [], "evaluated": [2]}),
    ],
)
def test_what_a_callback_of_one_process_wants(tmp_path: Path, wish: str, wanted: dict[str, Any]) -> None:
    assert run_in(2, wished, str(tmp_path), wish) == [wanted, wanted]


class Spoilt(Tagger):
    """In process 1 the third forward pass gives a loss that is no number."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, scores = super().forward(inputs, labels)
        self.passes += 1
        return (loss * math.inf if os.environ["RANK"] == "1" and self.passes == 3 else loss), scores


def spoilt(out: str) -> tuple[str, int]:
    trainer = Trainer(Spoilt(), settings(output_dir=out, max_steps=9), train_dataset=rows(400))
    with pytest.raises(NonFiniteError) as caught:
        trainer.train()
    return str(caught.value), trainer.state.global_step


def test_a_loss_that_is_no_number_in_one_process_ends_all(tmp_path: Path) -> None:
    one, other = run_in(2, spoilt, str(tmp_path))
    assert one[1] == other[1] == 3
    assert "step 3" in one[0] and "step 3" in other[0]


class Hungry(Tagger):
    """Process 1 has room for two rows."""

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if os.environ["RANK"] == "1" and len(inputs) > 2:
            raise torch.OutOfMemoryError("no room")
        return super().forward(inputs, labels)


def hungry(out: str) -> tuple[int, dict[str, Tensor]]:
    args = settings(output_dir=out, auto_find_batch_size=True, per_device_train_batch_size=8)
    trainer = Trainer(Hungry(), args, train_dataset=rows(40))
    trainer.train()
    return trainer.state.train_batch_size, {name: value.detach() for name, value in trainer.model.state_dict().items()}


def test_memory_that_is_short_in_one_process_makes_the_batches_of_all_smaller(tmp_path: Path) -> None:
    wanted = by_hand(windows_of(40, 4, 3), 40)["weights"]
    for size, found in run_in(2, hungry, str(tmp_path)):
        assert size == 2 and difference(found, wanted) < 1e-9


class Noisy(Tagger):
    """Remembers what dropout let through, and what else was drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.first = self.layers[0].weight.detach().clone()
        self.drawn: list[Any] = []

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        if self.training:
            self.drawn.append((nn.functional.dropout(torch.ones(16)).tolist(), random.random()))
        return super().forward(inputs, labels)


def noisy(out: str) -> tuple[Tensor, list[Any]]:
    model = Noisy()
    Trainer(model, settings(output_dir=out), train_dataset=rows(40)).train()
    return model.first, model.drawn


def test_processes_begin_alike_and_draw_differently(tmp_path: Path) -> None:
    one, other = run_in(2, noisy, str(tmp_path))
    assert torch.equal(one[0], other[0])
    assert all(mine != theirs for mine, theirs in zip(one[1], other[1], strict=True))
    again = run_in(2, noisy, str(tmp_path))
    assert [again[0][1], again[1][1]] == [one[1], other[1]]


def asked(out: str, steps: int, *callbacks: Any) -> tuple[int, int]:
    """How often this process spoke with the others, and how often it waited for a number of a tensor."""
    spoken, waited = [], []
    post, item = Neighbours.post, Tensor.item

    def counted(self: Any, kind: int, content: bytes) -> Any:
        spoken.append(kind)
        return post(self, kind, content)

    def waiting(self: Tensor) -> Any:
        # Numbers of items are counted where labels come from, which is no accelerator.
        waited.extend([self] if self.is_floating_point() else [])
        return item(self)

    Neighbours.post, Tensor.item = counted, waiting  # type: ignore[method-assign]
    args = settings(output_dir=out, max_steps=steps, logging_strategy="no", gradient_accumulation_steps=2)
    Trainer(Tagger(), args, train_dataset=rows(400), callbacks=callbacks).train()
    return len(spoken), len(waited)


class Silent(TrainerCallback):
    """Of which nobody but its author knows that it asks for nothing."""


@pytest.mark.parametrize(("callbacks", "messages"), [((), 1), ((Silent,), 2)])
def test_an_update_costs_one_small_message(callbacks: tuple[Any, ...], messages: int, tmp_path: Path) -> None:
    """At the beginning of its window; another when it is done where somebody's own code may ask for something.

    A loss waits for no accelerator.
    """
    few, many = (run_in(2, asked, str(tmp_path), steps, *callbacks)[0] for steps in (3, 13))
    assert many[0] - few[0] == messages * 10
    assert many[1] == few[1]


class SavesInOne(TrainerCallback):
    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        control.should_save = state.global_step == 3


def with_a_callback_in_one(out: str) -> list[str]:
    args = settings(output_dir=out, max_steps=5, save_strategy="no", logging_strategy="no")
    trainer = Trainer(Tagger(), args, train_dataset=rows(40))
    if int(os.environ["RANK"]) == 1:
        trainer.add_callback(SavesInOne)
    trainer.train()
    return sorted(path.name for path in Path(out).glob("checkpoint-*"))


def test_what_a_callback_of_one_process_asks_for_all_do(tmp_path: Path) -> None:
    assert run_in(2, with_a_callback_in_one, str(tmp_path)) == [["checkpoint-3"]] * 2


class AsksInForward(Tagger):
    """In process 1, in its third forward pass, asks for what no callback asks for."""

    def __init__(self, wish: str) -> None:
        super().__init__()
        self.wish, self.passes = wish, 0
        self.trainer: list[Any] = []

    def forward(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.passes += self.training
        if os.environ["RANK"] == "1" and self.training and self.passes == 3:
            setattr(self.trainer[0].control, self.wish, True)
        return super().forward(inputs, labels)


def asked_in_forward(out: str, wish: str) -> tuple[int, list[str]]:
    args = settings(output_dir=out, max_steps=6, save_strategy="no", logging_strategy="no")
    model = AsksInForward(wish)
    model.trainer.append(trainer := Trainer(model, args, train_dataset=rows(400)))
    trainer.train()
    return trainer.state.global_step, sorted(path.name for path in Path(out).glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("wish", "wanted"), [("should_save", (6, ["checkpoint-4"])), ("should_training_stop", (4, []))]
)
def test_what_a_model_of_one_process_asks_for_all_do_with_the_next_update(
    wish: str, wanted: tuple[int, list[str]], tmp_path: Path
) -> None:
    assert run_in(2, asked_in_forward, str(tmp_path), wish) == [wanted] * 2


def unlabelled_in_one(out: str) -> list[float]:
    """In every update the rows of process 1 have no label that counts."""
    every = rows(24)
    for number, row in enumerate(every):
        row["labels"] = torch.full_like(row["labels"], -100 if number % 4 >= 2 else 1)
    args = settings(output_dir=out, per_device_train_batch_size=2, average_tokens_across_devices=False)
    trainer = Trainer(Tagger(), args, train_dataset=every)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_a_process_without_labels_leaves_the_mean_of_the_others(tmp_path: Path) -> None:
    """Also where each takes the mean of its own: nan would end the run."""
    losses = run_in(2, unlabelled_in_one, str(tmp_path))
    assert losses[0] == losses[1]
    assert all(map(math.isfinite, losses[0]))
