"""Promise: whatever the settings, and wherever it was cut, a run that goes on is bit for bit the run that was not cut.

Every file is compared: weights, optimizer, schedule, random states, logs and trainer_state.json. The short form is
always run. TEST_SURVIVAL=1 runs the long one.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.survival.comparing import different_when_cut
from tests.survival.conftest import LONG
from tests.training.data.streaming.streams import ByIterator, Shuffling, Stated
from tests.training.small_job import Line, Rows
from torch.utils.data import DataLoader, IterableDataset, Sampler

from trainspec import EarlyStoppingCallback, Trainer, TrainingArguments

EXAMPLES = 400 if LONG else 5


class Streamed(IterableDataset[Any]):
    """Rows in their order; nobody knows how many there are. It is walked through again to where a run goes on."""

    def __init__(self, count: int) -> None:
        self.rows = [Rows(count)[index] for index in range(count)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


class Stateful(Streamed):
    """One that tells where it is."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.at = 0

    def __iter__(self) -> Iterator[Any]:
        start, self.at = self.at, 0
        for number, row in enumerate(self.rows[start:], start):
            self.at = number + 1
            yield row
        self.at = 0

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.at = state["at"]


class Drawn(Rows):
    """Rows in an order of the user's own: drawn one by one, while the model draws for its dropout."""


class DrawnOrder(Sampler[int]):
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        left = list(range(self.count))
        while left:
            yield left.pop(random.randrange(len(left)))


class OwnLoader(Trainer):
    def get_train_dataloader(self) -> Any:
        args, rows = self.args, self.train_dataset
        size, workers = args.per_device_train_batch_size, args.dataloader_num_workers
        return DataLoader(rows, batch_size=size, sampler=DrawnOrder(len(rows)), num_workers=workers)


def every(name: str, *strategies: str) -> Any:
    """When something happens: at the end of epochs, after so many updates, or never."""
    steps = st.integers(1, 4).map(lambda count: {f"{name}_strategy": "steps", f"{name}_steps": count})
    return st.one_of(steps, *(st.just({f"{name}_strategy": other}) for other in strategies))


LENGTHS = st.one_of(
    st.integers(2, 9).map(lambda steps: {"max_steps": steps}),
    st.sampled_from([0.6, 1, 1.4, 2, 2.5]).map(lambda epochs: {"num_train_epochs": epochs}),
)
OPTIMIZERS: list[dict[str, Any]] = [
    {"optim": "adamw_torch", "weight_decay": 0.1},
    {"optim": "sgd", "optim_args": "momentum=0.9"},
    {"optim": "adafactor"},
]
SCHEDULES: list[dict[str, Any]] = [
    {"lr_scheduler_type": "cosine", "warmup_steps": 2},
    {"lr_scheduler_type": "linear"},
    {"lr_scheduler_type": "constant"},
]
ALONE = st.just((0, False))
ROWS: list[tuple[type[Any], dict[str, Any]]] = [
    (Rows, {}),
    (Rows, {"train_sampling_strategy": "sequential", "dataloader_drop_last": True}),
    (Streamed, {}),
    (Stateful, {}),
    (Shuffling, {}),
    (Stated, {}),
    (ByIterator, {}),
    (Drawn, {}),
]


def run(kind: type[Any], rows: int, asked: dict[str, Any], patience: int | None) -> Trainer:
    args = TrainingArguments.check({**asked, "output_dir": "out", "report_to": "none", "disable_tqdm": True}).settings
    callbacks = [] if patience is None else [EarlyStoppingCallback(patience)]
    model = Line(dropout=0.3)
    trainer_class = OwnLoader if kind is Drawn else Trainer
    trainer = trainer_class(model, args, train_dataset=kind(rows), eval_dataset=Rows(5), callbacks=callbacks)
    trainer.train()
    trainer.state.save_to_json("out/trainer_state.json")
    return trainer


@pytest.mark.timeout(7200 if LONG else 300)
@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    rows=st.integers(5, 14),
    of=st.sampled_from(ROWS),
    size=st.integers(1, 3),
    accumulation=st.integers(1, 3),
    workers=st.sampled_from([(0, False), (0, False), (0, False), (1, False), (2, False), (2, True)]) if LONG else ALONE,
    length=LENGTHS,
    saves=every("save", "epoch"),
    evaluations=every("eval", "epoch", "no"),
    logs=every("logging", "epoch"),
    optimizer=st.sampled_from(OPTIMIZERS),
    schedule=st.sampled_from(SCHEDULES),
    precision=st.sampled_from([{}, {"bf16": True}, {"fp16": True}]),
    patience=st.sampled_from([None, 1]),
)
def test_cut_anywhere_it_ends_as_if_it_had_not_been(
    data: st.DataObject,
    rows: int,
    of: tuple[type[Any], dict[str, Any]],
    size: int,
    accumulation: int,
    workers: tuple[int, bool],
    length: dict[str, Any],
    saves: dict[str, Any],
    evaluations: dict[str, Any],
    logs: dict[str, Any],
    optimizer: dict[str, Any],
    schedule: dict[str, Any],
    precision: dict[str, Any],
    patience: int | None,
) -> None:
    kind, asked = of
    if not issubclass(kind, Rows) and "num_train_epochs" in length:
        length = {"max_steps": round(length["num_train_epochs"] * 4)}
    asked = asked | length | saves | evaluations | logs | optimizer | schedule | precision
    asked |= {"per_device_train_batch_size": size, "gradient_accumulation_steps": accumulation, "learning_rate": 0.01}
    asked |= {"dataloader_num_workers": workers[0], "dataloader_persistent_workers": workers[1], "use_cpu": True}
    asked |= {"include_num_input_tokens_seen": "all"}
    asked |= {"metric_for_best_model": "loss", "resume_from_checkpoint": "auto"}
    patience = None if evaluations["eval_strategy"] == "no" else patience
    logging.getLogger("trainspec").setLevel(logging.ERROR)

    def trained(folder: Path) -> None:
        with contextlib.chdir(folder), contextlib.redirect_stdout(None):
            run(kind, rows, asked, patience)

    assert different_when_cut(data, trained) == []
