"""What the names of transformers 5 do here: order of rows, start of workers, the model's cache, a last checkpoint."""

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.training.parallel.world import launched
from tests.training.small_job import Line, Make, Rows, weights
from torch import Tensor
from torch.utils.data import Dataset

from trainspec.training.callbacks import TrainerCallback
from trainspec.training.evaluation.results import TrainOutput
from trainspec.training.preflight.preflight import PreflightError


def rows_seen(trainer: Any) -> list[int]:
    trainer.train()
    return [row for batch in trainer.model.seen for row in batch]


def test_train_sampling_strategy_sequential_keeps_the_order_of_the_rows(make_trainer: Make) -> None:
    seen = rows_seen(make_trainer(train_sampling_strategy="sequential", num_train_epochs=2))
    assert seen == [*range(24), *range(24)]


def test_train_sampling_strategy_random_is_the_order_without_it(make_trainer: Make) -> None:
    assert rows_seen(make_trainer(train_sampling_strategy="random")) == rows_seen(make_trainer()) != [*range(24)]


def test_train_sampling_strategy_group_by_length_is_group_by_length(make_trainer: Make) -> None:
    lengths = [3 * (number % 5) + 1 for number in range(24)]

    class Measured(Rows):
        def __getitem__(self, index: int) -> dict[str, Tensor]:
            return {**super().__getitem__(index), "length": torch.tensor(lengths[index])}

    new, old, plain = (
        rows_seen(make_trainer(train_dataset=Measured(), seed=5, **said))
        for said in ({"train_sampling_strategy": "group_by_length"}, {"group_by_length": True}, {})
    )
    assert new == old != plain


def test_train_sampling_strategy_sequential_goes_on_where_it_was(make_trainer: Make, tmp_path: Path) -> None:
    said = {"train_sampling_strategy": "sequential", "save_strategy": "steps", "save_steps": 2}
    make_trainer(**said).train()
    path = str(tmp_path / "out" / "checkpoint-4")
    assert rows_seen(make_trainer(**said, resume_from_checkpoint=path)) == [*range(16, 24)]


class Slow(Dataset[dict[str, Tensor]]):
    """The first batch takes longer than all others."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        time.sleep(1.5 if index == 0 else 0)
        return {"inputs": torch.ones(4), "labels": torch.ones(1), "number": torch.tensor(index)}


@pytest.mark.parametrize("ordered", [True, False])
def test_dataloader_in_order_false_takes_what_is_there_first(make_trainer: Make, ordered: bool) -> None:
    seen = rows_seen(
        make_trainer(
            train_dataset=Slow(),
            train_sampling_strategy="sequential",
            dataloader_num_workers=2,
            dataloader_in_order=ordered,
        )
    )
    assert sorted(seen) == [*range(16)] and (seen[:4] == [0, 1, 2, 3]) is ordered


WAYS = ["fork", "spawn", "forkserver"]


class Started(Dataset[dict[str, Tensor]]):
    """Rows that say how the process that made them was started."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        name = type(multiprocessing.current_process()).__name__.lower()
        way = WAYS.index(name.removesuffix("process")) if name != "_mainprocess" else -1
        return {"inputs": torch.ones(4), "labels": torch.ones(1), "number": torch.tensor(way)}


@pytest.mark.parametrize("way", WAYS)
def test_dataloader_multiprocessing_context_is_how_workers_start(make_trainer: Make, way: str) -> None:
    trainer = make_trainer(
        train_dataset=Started(), dataloader_num_workers=1, dataloader_multiprocessing_context=way, max_steps=1
    )
    assert set(rows_seen(trainer)) == {WAYS.index(way)}


def test_dataloader_multiprocessing_context_that_the_system_lacks_stops_the_run(
    make_trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    trainer = make_trainer(dataloader_num_workers=1, dataloader_multiprocessing_context="fork")
    with pytest.raises(PreflightError, match="RUN173") as caught:
        trainer.train()
    assert "starts processes by spawn, not by fork" in str(caught.value) and not trainer.model.seen


class Remembering(Line):
    """A model with a configuration, which notes how its switch stands in every forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(use_cache=True)
        self.switches: set[bool] = set()

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> dict[str, Tensor]:
        self.switches.add(self.config.use_cache)
        return super().forward(inputs, labels, number)


@pytest.mark.parametrize("wanted, seen", [(None, True), (False, False), (True, True)])
def test_use_cache_is_the_models_switch_while_it_trains(make_trainer: Make, wanted: bool | None, seen: bool) -> None:
    model = Remembering()
    model.config.use_cache = wanted is not True
    make_trainer(model=model, use_cache=wanted).train()
    assert model.switches == {seen}
    assert model.config.use_cache is (wanted is not True), "it is put back"


def test_use_cache_of_a_model_without_one_is_told(make_trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    make_trainer(use_cache=False).train()
    assert "RUN172" not in caplog.text
    make_trainer(use_cache=True).train()
    assert "RUN172" in caplog.text


class Terminating(TrainerCallback):
    """Sends this process SIGTERM in the middle of an update, as a scheduler does."""

    def __init__(self, event: str, step: int) -> None:
        self.event, self.step = event, step
        setattr(self, event, self._send)

    def _send(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def test_enable_jit_checkpoint_saves_what_was_trained_and_ends(make_trainer: Make, tmp_path: Path) -> None:
    said: dict[str, Any] = {"num_train_epochs": 2, "enable_jit_checkpoint": True}
    whole = make_trainer(num_train_epochs=2)
    whole.train()
    ended = make_trainer(callbacks=[Terminating("on_optimizer_step", 2)], **said)
    with pytest.raises(SystemExit) as caught:
        ended.train()
    assert caught.value.code == 143 and ended.state.global_step == 3
    assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-3"]
    resumed = make_trainer(resume_from_checkpoint=True, **said)
    resumed.train()
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(resumed).items())
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("step", [6, 12])
def test_enable_jit_checkpoint_at_the_end_of_an_epoch_is_whole(make_trainer: Make, tmp_path: Path, step: int) -> None:
    said: dict[str, Any] = {"num_train_epochs": 2, "enable_jit_checkpoint": True}
    whole = make_trainer(num_train_epochs=2)
    whole.train()
    with pytest.raises(SystemExit):
        make_trainer(callbacks=[Terminating("on_optimizer_step", step - 1)], **said).train()
    assert (tmp_path / "out" / f"checkpoint-{step}").is_dir()
    resumed = make_trainer(resume_from_checkpoint=True, **said)
    resumed.train()
    assert resumed.state.global_step == 12
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(resumed).items())


def test_enable_jit_checkpoint_leaves_a_run_alone_that_ends_inside_of_an_epoch(make_trainer: Make) -> None:
    trainer = make_trainer(enable_jit_checkpoint=True, max_steps=4)
    trainer.train()
    assert trainer.state.global_step == 4 and trainer.state.epoch == pytest.approx(4 / 6)


def test_enable_jit_checkpoint_saves_too_when_the_signal_comes_after_the_last_update(
    make_trainer: Make, tmp_path: Path
) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        trainer = make_trainer(callbacks=[Terminating("on_epoch_end", 6)], enable_jit_checkpoint=True)
        with pytest.raises(SystemExit):
            trainer.train()
        assert (tmp_path / "out" / "checkpoint-6").is_dir() and not heard
        shutil.rmtree(tmp_path / "out")
        said: dict[str, Any] = {"enable_jit_checkpoint": True, "eval_strategy": "epoch"}
        late = make_trainer(callbacks=[Terminating("on_evaluate", 6)], **said)
        assert isinstance(late.train(), TrainOutput)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM], "who comes too late for the run is still heard"
    assert (tmp_path / "out" / "checkpoint-6").is_dir()


SCRIPT = """
import os, signal, sys, torch
from tests.training.small_job import Line, Rows
from tests.contract.test_transformers5 import Terminating
from trainspec import Trainer, TrainingArguments
args = TrainingArguments(sys.argv[1], report_to="none", use_cpu=True, enable_jit_checkpoint=sys.argv[2] == "on",
                         save_strategy="no", disable_tqdm=True)
Trainer(Line(), args, train_dataset=Rows(), callbacks=[Terminating("on_optimizer_step", 1)]).train()
"""


@pytest.mark.parametrize("wanted, code, saved", [("on", 143, ["checkpoint-2"]), ("off", -signal.SIGTERM, [])])
def test_enable_jit_checkpoint_ends_a_script_without_a_traceback(
    tmp_path: Path, wanted: str, code: int, saved: list[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (ran,) = launched(str(script), str(tmp_path), wanted, size=1)
    assert (ran.code, [path.name for path in tmp_path.glob("checkpoint-*")]) == (code, saved), ran.errors
    assert "Traceback" not in ran.errors and ("checkpoint-2 is saved" in ran.errors) is (wanted == "on")
