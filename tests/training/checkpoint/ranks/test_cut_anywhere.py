"""Promise: of two processes, whatever the strategy and the settings, and wherever the run was cut, it ends bit for bit
as the run that was not cut: every file is compared. TEST_DISTRIBUTED=1 runs it, with TEST_SURVIVAL=1 at length.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.survival.comparing import contents, differences, different_when_cut
from tests.survival.conftest import LONG
from tests.survival.test_any_moment import OPTIMIZERS, SCHEDULES, every
from tests.training.data.streaming.streams import Shuffling, Stated
from tests.training.parallel.world import run_in
from tests.training.small_job import Rows
from torch import Tensor, nn

from trainspec import Trainer, TrainingArguments

RANKS = 2
ZERO = {"zero_allow_untested_optimizer": True}
WAYS: dict[str, dict[str, Any]] = {
    "ddp": {},
    "full_shard": {"fsdp": "full_shard"},
    "shard_grad_op": {"fsdp": "shard_grad_op"},
    "zero 1": {"deepspeed": {"zero_optimization": {"stage": 1}, **ZERO}},
    "zero 2": {"deepspeed": {"zero_optimization": {"stage": 2}, **ZERO}},
    "zero 3": {"deepspeed": {"zero_optimization": {"stage": 3}, **ZERO}},
}
DISPATCHED = {"accelerator_config": {"dispatch_batches": True}}
DATA: list[tuple[type[Any], dict[str, Any]]] = [
    (Rows, {}),
    (Rows, {"dataloader_drop_last": True}),
    (Rows, {"uneven_inputs": "drop"}),
    (Rows, DISPATCHED),
    (Shuffling, {}),
    (Stated, {}),
]
LENGTHS = st.one_of(
    st.integers(2, 7).map(lambda steps: {"max_steps": steps}),
    st.sampled_from([0.6, 1, 1.4, 2]).map(lambda epochs: {"num_train_epochs": epochs}),
)
Asked = dict[str, Any]


class Network(nn.Module):
    """Large enough that each of two processes has a part of each layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 2))

    def forward(self, inputs: Tensor, labels: Tensor, number: Any = None) -> dict[str, Tensor]:
        logits = self.layers(inputs.float())
        return {"loss": nn.functional.mse_loss(logits, labels.float().expand_as(logits)), "logits": logits}


def trained(folder: str, kind: type[Any], rows: int, asked: Asked) -> None:
    """In one of the processes."""
    logging.getLogger("trainspec").setLevel(logging.ERROR)
    with contextlib.chdir(folder), contextlib.redirect_stdout(None):
        quiet = {"output_dir": "out", "report_to": "none", "disable_tqdm": True}
        args = TrainingArguments.check({**asked, **quiet}).settings
        trainer = Trainer(Network(), args, train_dataset=kind(rows), eval_dataset=Rows(5))
        trainer.train()
        if trainer.parts.strategy.processes.is_main:
            trainer.state.save_to_json("out/trainer_state.json")


def cut_anywhere(data: st.DataObject, kind: type[Any], rows: int, asked: Asked) -> None:
    assert different_when_cut(data, lambda folder: run_in(RANKS, trained, str(folder), kind, rows, asked)) == []


@st.composite
def runs(draw: st.DrawFn, way: str) -> tuple[type[Any], int, Asked]:
    kind, asked = draw(st.sampled_from(DATA))
    length = draw(LENGTHS)
    if kind is not Rows and "num_train_epochs" in length:
        length = {"max_steps": round(length["num_train_epochs"] * 3)}
    optimizers = OPTIMIZERS[:1] if way.startswith("zero") else OPTIMIZERS[:2]
    asked = asked | WAYS[way] | length | draw(every("save", "epoch")) | draw(every("eval", "epoch", "no"))
    asked |= draw(every("logging", "epoch")) | draw(st.sampled_from(optimizers)) | draw(st.sampled_from(SCHEDULES))
    asked |= {"per_device_train_batch_size": draw(st.integers(1, 3)), "learning_rate": 0.01, "use_cpu": True}
    asked |= {"gradient_accumulation_steps": draw(st.integers(1, 3)), "resume_from_checkpoint": "auto"}
    asked |= {"dataloader_num_workers": draw(st.sampled_from([0, 0, 2]))}
    return kind, draw(st.integers(5, 22)), asked


@pytest.mark.parametrize(("uneven", "counted"), [("drop", {"dropped_rows": 2}), ("pad", {"padded_rows": 2})])
def test_rows_that_do_not_come_out_even_are_counted_on(tmp_path: Path, uneven: str, counted: dict[str, int]) -> None:
    asked: Asked = {"uneven_inputs": uneven, "num_train_epochs": 2, "save_steps": 1, "per_device_train_batch_size": 1}
    asked |= {"use_cpu": True, "resume_from_checkpoint": "auto"}
    # Of five rows two processes have one in every step but the last, in which one has none.
    train = partial(run_in, RANKS, trained, str(tmp_path), Rows, 5)
    train(asked)
    whole = contents(tmp_path / "out")
    last = max(int(path.name.removeprefix("checkpoint-")) for path in tmp_path.glob("out/checkpoint-*"))
    for step in (last, last - 1):
        shutil.rmtree(tmp_path / f"out/checkpoint-{step}")
    (tmp_path / "out/trainer_state.json").unlink()
    train(asked)
    assert differences(contents(tmp_path / "out"), whole) == []
    summary = json.loads((tmp_path / "out/trainer_state.json").read_text())["log_history"][-1]
    assert {name: summary[f"train_{name}"] for name in counted} == counted


@pytest.mark.long_distributed
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("way", WAYS)
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60 if LONG else 8)
@given(data=st.data())
def test_two_processes_cut_anywhere_end_as_if_they_had_not_been(way: str, data: st.DataObject) -> None:
    cut_anywhere(data, *data.draw(runs(way)))
