"""Promise: what people's own code saves, what the hub gets and what a signal leaves is there once, of all processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.storage.servers.loopback import s3_server
from tests.training.checkpoint.ranks.jobs import files_in, train, trainer_for
from tests.training.parallel.world import run_in

from trainspec.storage import open_store
from trainspec.training.checkpoint import newest_valid, open_checkpoint
from trainspec.training.interruption import Terminated, terminable
from trainspec.training.parallel.agreement import OtherProcessError
from trainspec.training.trainer import Trainer


class OneIsTold:
    """SIGTERM comes to one process alone, in its second update."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if os.environ["RANK"] == "1" and state.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)


def _terminated(folder: Path) -> tuple[int, list[int]]:
    trainer = trainer_for(folder, callbacks=[OneIsTold()], enable_jit_checkpoint=True, save_strategy="no")
    with pytest.raises(Terminated):
        trainer.train()
    again = trainer_for(folder, save_strategy="no")
    again.train(resume_from_checkpoint="latest")
    seen = [number for batch in [*trainer.model.seen, *again.model.seen] for number in batch]
    return trainer.state.global_step, seen


def test_a_signal_to_one_ends_all_at_the_same_update_with_a_checkpoint(tmp_path: Path) -> None:
    answers = run_in(2, _terminated, tmp_path)
    assert [step for step, _ in answers] == [2, 2]
    newest = newest_valid(open_store(tmp_path))
    assert newest is not None and newest.step == 2
    rows = sorted(row for _, seen in answers for row in seen)
    assert rows == list(range(24)), "together they have seen each row once"


def _ended(folder: Path) -> int:
    trainer = trainer_for(folder, callbacks=[OneIsTold()])
    with pytest.raises(Terminated), terminable(together=True):
        trainer.train()
    return trainer.state.global_step


def test_what_was_trained_is_saved_where_all_end_at_the_same_update(tmp_path: Path) -> None:
    assert run_in(2, _ended, tmp_path) == [2, 2]
    newest = newest_valid(open_store(tmp_path))
    assert newest is not None and newest.step == 2, "as one process saves it, though no save was due"


class OwnParts(Trainer):
    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = Path(self._get_output_dir(trial)) / f"checkpoint-{self.state.global_step}"
        (folder / f"own-{os.environ['RANK']}.txt").write_text(os.environ["RANK"])

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        (Path(output_dir) / f"random-{os.environ['RANK']}.txt").write_text("own")


def _own(folder: Path) -> None:
    train(folder, kind=OwnParts, save_steps=6)


def test_what_overrides_write_in_each_process_belongs_to_the_checkpoint(tmp_path: Path) -> None:
    run_in(2, _own, tmp_path)
    found = open_checkpoint(tmp_path / "checkpoint-6")
    found.verify()
    names = {file.name for file in found.manifest.files}
    each = {f"{name}-{rank}.txt" for name in ("own", "random") for rank in (0, 1)}
    assert names >= each | {"model.safetensors", "optimizer.safetensors", "rng_state_0.json", "rng_state_1.json"}


class Breaks(Trainer):
    after = False

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.after:
            super()._save_checkpoint(model, trial)
        if os.environ["RANK"] == "1":
            raise KeyError("mine")
        if not self.after:
            super()._save_checkpoint(model, trial)


def _breaking(folder: Path) -> list[str]:
    told = []
    for after in (False, True):
        Breaks.after = after
        trainer = trainer_for(folder / str(after), kind=Breaks)
        with pytest.raises((KeyError, OtherProcessError)) as caught:
            trainer.train()
        told.append(f"{caught.type.__name__} {caught.value}")
        trainer.parts.strategy.processes.barrier()
    return told


def test_an_override_that_breaks_in_one_breaks_in_all(tmp_path: Path) -> None:
    zero, one = run_in(2, _breaking, tmp_path, seconds=60)
    assert one == ["KeyError 'mine'"] * 2
    assert all(text.startswith("OtherProcessError") and "rank 1: KeyError" in text for text in zero)
    assert not any(name.endswith("manifest.json") for name in files_in(tmp_path))


class Pushed(Trainer):
    """The hub is somebody else's business; whom it would have heard of is noted."""

    pushes: list[str]

    def _hub(self) -> Any:
        trainer = self

        class Hub:
            def init_repo(self, *_: Any) -> None:
                trainer.pushes.append("repository")

            def wanted_name(self) -> str:
                return "me/model"

            def after_save(self, checkpoint: Any, state: Any) -> None:
                trainer.pushes.append(f"checkpoint-{checkpoint.step}")

            def push_output(self, message: str, **_: Any) -> str:
                trainer.pushes.append(message)
                return "url"

            def finish(self) -> None: ...

        return Hub()


def _pushing(folder: Path) -> tuple[list[str], Any, int]:
    Pushed.pushes = []
    trainer = trainer_for(folder, kind=Pushed, push_to_hub=True, hub_strategy="all_checkpoints", report_to="jsonl")
    trainer._publisher = None
    trainer.train()
    answer = trainer.push_to_hub()
    trainer.save_metrics("train", {"train_loss": 1.0})
    return Pushed.pushes, answer, len(trainer.parts.trackers._trackers)


@pytest.mark.filterwarnings("ignore::trainspec.SettingsWarning")
def test_the_hub_and_trackers_hear_of_one_process(tmp_path: Path) -> None:
    zero, one = run_in(2, _pushing, tmp_path, HF_TOKEN="hf_none", seconds=60)
    assert one == ([], None, 0)
    assert zero[0] == ["repository", "checkpoint-3", "checkpoint-6", "End of training"] and zero[1] == "url"
    assert zero[2] > 0
    steps = [line for line in (tmp_path / "metrics.jsonl").read_text().splitlines() if '"loss"' in line]
    assert len(steps) == 3, "a line for each log, not one of each process"
    assert {"README.md", "model.safetensors", "train_results.json"} <= files_in(tmp_path)


def _scaled(folder: Path) -> Any:
    scaled: dict[str, Any] = {"fp16": True}
    whole = train(folder / "whole", **scaled)
    train(folder / "cut", **{**scaled, "save_steps": 3})
    return whole["scaler"], train(folder / "cut", str(folder / "cut" / "checkpoint-3"), **scaled), whole


def test_the_scaler_goes_on(tmp_path: Path) -> None:
    for scaler, resumed, whole in run_in(2, _scaled, tmp_path):
        assert scaler and resumed["scaler"] == scaler and resumed["weights"] == whole["weights"]


@pytest.fixture
def bucket() -> Any:
    s3fs = pytest.importorskip("s3fs")
    with s3_server() as variables:
        s3fs.S3FileSystem().mkdir("together")
        yield "s3://together/run", variables


def _remote(url: str) -> tuple[int, list[float]]:
    train(url, kind=OwnParts)
    trainer = trainer_for(url, kind=OwnParts, max_steps=9, save_strategy="no")
    trainer.train(resume_from_checkpoint="latest")
    return len(trainer.model.seen), torch.cat([v.reshape(-1) for v in trainer.model.state_dict().values()]).tolist()


def test_a_store_far_away_gets_the_files_of_all(bucket: Any) -> None:
    url, variables = bucket
    answers = run_in(2, _remote, url, **variables)
    assert answers[0] == answers[1] and answers[0][0] == 3
    found = open_checkpoint(f"{url}/checkpoint-6")
    found.verify()
    names = {file.name for file in found.manifest.files}
    assert names >= {"own-0.txt", "own-1.txt", "rng_state_0.json", "rng_state_1.json", "model.safetensors"}
