"""Promise: what several processes save under DDP is what one would save, and they go on from it to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.checkpoint.ranks.jobs import files_in, train, trainer_for
from tests.training.parallel.world import run_in

from trainspec.storage import open_store
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.checkpoint.resume import look_for_checkpoint


def test_the_files_are_those_of_one_process(tmp_path: Path) -> None:
    train(tmp_path / "one", learning_rate=0.0)
    run_in(2, _unmoved, tmp_path / "two")
    one, two = tmp_path / "one" / "checkpoint-3", tmp_path / "two" / "checkpoint-3"
    assert files_in(two) == files_in(one) - {"rng_state.json"} | {"rng_state_0.json", "rng_state_1.json"}
    assert (two / "model.safetensors").read_bytes() == (one / "model.safetensors").read_bytes()
    manifest = json.loads((two / "manifest.json").read_text())
    assert manifest["world_size"] == 2 and manifest["layout"]["kind"] == "full"
    assert {file["name"] for file in manifest["files"]} == files_in(two) - {"manifest.json"}
    open_checkpoint(two).verify()
    states = [json.loads((two / f"rng_state_{rank}.json").read_text())["torch"] for rank in (0, 1)]
    assert states[0] != states[1], "each process has random numbers of its own"


def _unmoved(folder: Path) -> None:
    train(folder, learning_rate=0.0)


def _cut_in_two(folder: Path, changes: dict[str, Any]) -> list[Any]:
    whole = train(folder / "whole", **changes)
    train(folder / "cut", max_steps=6, **{**changes, "callbacks": [_StopAt(3)]})
    resumed = train(folder / "cut", "latest", **changes)
    return [whole, resumed]


class _StopAt:
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step >= self._step


@pytest.mark.parametrize("changes", [{}, {"gradient_accumulation_steps": 2, "optim": "adafactor"}], ids=["adam", "2x"])
def test_a_run_cut_in_two_is_the_same_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    # Of three, the order in which numbers are added up shows.
    answers = run_in(3, _cut_in_two, tmp_path, changes)
    for rank, (whole, resumed) in enumerate(answers):
        for part in ("weights", "optimizer", "schedule", "scaler", "log", "rows", "draws"):
            assert resumed[part] == whole[part], (rank, part)
        assert whole["seen"][-len(resumed["seen"]) :] == resumed["seen"]
    assert answers[0][0]["draws"] != answers[1][0]["draws"]
    assert answers[0][0]["weights"] == answers[1][0]["weights"]


def _told(folder: Path) -> list[str]:
    return look_for_checkpoint(lambda: open_store(folder), "latest", strategy=trainer_for(folder).parts.strategy)[1]


@pytest.mark.parametrize(("wrote", "goes_on"), [(2, 1), (1, 2), (2, 3)])
def test_another_number_of_processes_is_told(tmp_path: Path, wrote: int, goes_on: int) -> None:
    run_in(wrote, train, tmp_path)
    for told in run_in(goes_on, _told, tmp_path):
        (note,) = told
        assert note.code == "RUN246" and note.severity == "note"
        assert note.reason == f"world_size is {wrote} there and {goes_on} here"
        assert "random numbers, as those of dropout, begin anew" in note.message


def _draws(folder: Path, resume: str | None) -> list[float]:
    return train(folder, resume, max_steps=8 if resume else 6)["draws"][0]


def test_random_numbers_of_another_number_of_processes_begin_anew(tmp_path: Path) -> None:
    run_in(2, train, tmp_path)
    answers = run_in(3, _draws, tmp_path, "latest")
    assert len({tuple(draws) for draws in answers}) == 3, "each has its own"


def _latest(folder: Path) -> int:
    trainer = trainer_for(folder, max_steps=9)
    trainer.train(resume_from_checkpoint="latest")
    return trainer.state.global_step - len(trainer.model.seen)


def test_all_go_on_from_the_newest_that_is_whole(tmp_path: Path) -> None:
    run_in(2, train, tmp_path)
    damaged = tmp_path / "checkpoint-6" / "rng_state_1.json"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    assert run_in(2, _latest, tmp_path) == [3, 3]


def _best(folder: Path) -> list[Any]:
    trainer = trainer_for(
        folder,
        eval_strategy="steps",
        eval_steps=3,
        load_best_model_at_end=True,
        learning_rate=0.3,
        max_steps=9,
        metric_for_best_model="loss",
        greater_is_better=True,
        save_total_limit=1,
    )
    trainer.train()
    return [
        trainer.state.best_global_step,
        trainer.state.best_model_checkpoint,
        trainer.model.state_dict()["layer.weight"].tolist(),
    ]


def test_the_best_model_is_loaded_in_every_process(tmp_path: Path) -> None:
    answers = run_in(2, _best, tmp_path)
    assert answers[0] == answers[1]
    step, url, weight = answers[0]
    assert url == str(tmp_path / f"checkpoint-{step}") and step < 9
    from safetensors.torch import load_file

    assert torch.equal(
        load_file(Path(url) / "model.safetensors")["layer.weight"], torch.tensor(weight, dtype=torch.float64)
    )
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == sorted(
        {f"checkpoint-{step}", "checkpoint-9"}
    )
