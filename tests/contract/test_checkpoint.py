"""What each checkpoint setting does, seen in the folders of a run and in what can be done with them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.small_job import Line, Make, Rows, entries, weights
from torch import Tensor

from trainspec import get_last_checkpoint
from trainspec.training.checkpoint import open_checkpoint
from trainspec.training.preflight.preflight import PreflightError


def _steps(out: Path) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in out.glob("checkpoint-*"))


class Scripted(Line):
    """Its evaluation losses are told beforehand."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        self.losses = list(losses)

    def forward(self, inputs: Tensor, labels: Tensor | None = None, number: Tensor | None = None) -> Any:
        returned = super().forward(inputs, labels, number)
        return returned if self.training else {**returned, "loss": torch.tensor(self.losses.pop(0))}


EACH_EPOCH = {"eval_strategy": "epoch", "per_device_eval_batch_size": 10}


@pytest.mark.parametrize(
    "settings, steps",
    [
        pytest.param({"save_strategy": "no"}, [], id="no"),
        pytest.param({"save_strategy": "steps", "save_steps": 5}, [5, 10, 15, 18], id="steps-and-the-last"),
        pytest.param({"save_strategy": "epoch"}, [6, 12, 18], id="epoch"),
        pytest.param({"save_strategy": "best", **EACH_EPOCH}, [6, 18], id="best"),
    ],
)
def test_save_strategy_says_when_checkpoints_are_written(
    make_trainer: Make, tmp_path: Path, settings: Any, steps: list[int]
) -> None:
    make_trainer(model=Scripted(2.0, 3.0, 1.0), num_train_epochs=3, **settings).train()
    assert _steps(tmp_path / "out") == steps


@pytest.mark.parametrize("interval, steps", [(4, [4, 8, 12]), (12, [12]), (0.4, [5, 10, 12]), (100, [12])])
def test_save_steps_are_the_updates_between_checkpoints(
    make_trainer: Make, tmp_path: Path, interval: float, steps: list[int]
) -> None:
    make_trainer(num_train_epochs=2, save_strategy="steps", save_steps=interval).train()
    assert _steps(tmp_path / "out") == steps


@pytest.mark.parametrize(
    "limit, keeps_best, steps", [(None, False, [6, 12, 18]), (1, False, [18]), (2, False, [12, 18]), (2, True, [6, 18])]
)
def test_save_total_limit_keeps_the_newest_and_the_best(
    make_trainer: Make, tmp_path: Path, limit: int | None, keeps_best: bool, steps: list[int]
) -> None:
    trainer = make_trainer(
        model=Scripted(1.0, 2.0, 3.0),
        num_train_epochs=3,
        save_strategy="epoch",
        save_total_limit=limit,
        load_best_model_at_end=keeps_best,
        **EACH_EPOCH,
    )
    trainer.train()
    assert _steps(tmp_path / "out") == steps


@pytest.mark.parametrize("safe, file", [(True, "model.safetensors"), (False, "pytorch_model.bin")])
def test_save_safetensors_is_the_format_of_the_weights(
    make_trainer: Make, tmp_path: Path, safe: bool, file: str
) -> None:
    trainer = make_trainer(save_strategy="epoch", save_safetensors=safe)
    trainer.train()
    names = {path.name for path in (tmp_path / "out" / "checkpoint-6").iterdir()}
    assert names & {"model.safetensors", "pytorch_model.bin"} == {file}
    trainer.save_model(str(tmp_path / "alone"))
    assert [path.name for path in (tmp_path / "alone").iterdir()] == [file]


@pytest.mark.parametrize("model_only", [True, False])
def test_save_only_model_holds_no_state_and_cannot_be_resumed_from(
    make_trainer: Make, tmp_path: Path, model_only: bool
) -> None:
    make_trainer(save_strategy="epoch", save_only_model=model_only).train()
    checkpoint = tmp_path / "out" / "checkpoint-6"
    states = {"optimizer.safetensors", "optimizer.json", "scheduler.json", "rng_state.json"}
    assert states & {path.name for path in checkpoint.iterdir()} == (set() if model_only else states)
    again = make_trainer(num_train_epochs=2)
    if model_only:
        with pytest.raises(PreflightError, match="RUN111"):
            again.train(resume_from_checkpoint=str(checkpoint))
    else:
        again.train(resume_from_checkpoint=str(checkpoint))
        assert again.state.global_step == 12


@pytest.mark.parametrize("loads", [True, False])
def test_load_best_model_at_end_brings_the_best_weights_back(make_trainer: Make, tmp_path: Path, loads: bool) -> None:
    trainer = make_trainer(
        model=Scripted(2.0, 1.0, 3.0),
        num_train_epochs=3,
        save_strategy="epoch",
        load_best_model_at_end=loads,
        metric_for_best_model="loss",
        **EACH_EPOCH,
    )
    trainer.train()
    expected = open_checkpoint(tmp_path / "out" / f"checkpoint-{12 if loads else 18}")
    fresh = make_trainer(model=Line(), output_dir=str(tmp_path / "other"))
    from trainspec.training.checkpoint.resume import load_weights

    load_weights(fresh.model, expected)
    assert torch.equal(weights(trainer)["layer.weight"], weights(fresh)["layer.weight"])


@pytest.mark.parametrize(
    "settings, best",
    [
        pytest.param({}, 12, id="loss-falls"),
        pytest.param({"metric_for_best_model": "score"}, 6, id="score-is-highest"),
        pytest.param({"metric_for_best_model": "eval_score"}, 6, id="with-prefix"),
    ],
)
def test_metric_for_best_model_chooses_the_best(make_trainer: Make, settings: Any, best: int) -> None:
    looks = [0.0] if settings else []
    scores = iter([*looks, 3.0, 1.0, 2.0])
    trainer = make_trainer(
        model=Scripted(*looks, 2.0, 1.0, 3.0),
        num_train_epochs=3,
        save_strategy="best",
        load_best_model_at_end=True,
        compute_metrics=lambda prediction: {"score": next(scores)},
        **EACH_EPOCH,
        **settings,
    )
    trainer.train()
    assert trainer.state.best_global_step == best


@pytest.mark.parametrize("greater, best", [(True, 18), (False, 12)])
def test_greater_is_better_is_the_direction(make_trainer: Make, greater: bool, best: int) -> None:
    trainer = make_trainer(
        model=Scripted(2.0, 1.0, 3.0),
        num_train_epochs=3,
        save_strategy="best",
        metric_for_best_model="loss",
        greater_is_better=greater,
        **EACH_EPOCH,
    )
    trainer.train()
    assert trainer.state.best_global_step == best


@pytest.mark.parametrize("metric, best", [("loss", 12), ("log_loss", 12), ("score", 18)])
def test_greater_is_better_follows_from_the_name_of_the_metric(make_trainer: Make, metric: str, best: int) -> None:
    looks = [] if metric == "loss" else [0.0]
    values = iter([*looks, 2.0, 1.0, 3.0])
    trainer = make_trainer(
        model=Scripted(*looks, 2.0, 1.0, 3.0),
        num_train_epochs=3,
        save_strategy="best",
        metric_for_best_model=metric,
        compute_metrics=lambda prediction: {metric: next(values)},
        **EACH_EPOCH,
    )
    trainer.train()
    assert trainer.state.best_global_step == best


def test_resume_from_checkpoint_goes_on_as_if_nothing_had_happened(make_trainer: Make, tmp_path: Path) -> None:
    run = {"save_strategy": "steps", "save_steps": 4, "num_train_epochs": 2, "logging_steps": 3}
    whole = make_trainer(model=Line(dropout=0.4), **run, output_dir=str(tmp_path / "whole"))
    whole.train()
    make_trainer(model=Line(dropout=0.4), **run).train()
    for step in (8, 12):
        for path in sorted((tmp_path / "out" / f"checkpoint-{step}").iterdir(), reverse=True):
            path.unlink()
    resumed = make_trainer(model=Line(dropout=0.4), resume_from_checkpoint="latest", **run)
    assert get_last_checkpoint(tmp_path / "out") == str(tmp_path / "out" / "checkpoint-4")
    resumed.train()
    assert resumed.model.seen == whole.model.seen[4:]
    for name, value in weights(whole).items():
        assert torch.equal(weights(resumed)[name], value)
    assert entries(resumed, "loss") == entries(whole, "loss"), "the mean over updates before and after the checkpoint"


def test_output_dir_is_where_everything_goes(make_trainer: Make, tmp_path: Path) -> None:
    trainer = make_trainer(
        output_dir=str(tmp_path / "there"), save_strategy="epoch", report_to=["jsonl"], logging_steps=2
    )
    trainer.train()
    trainer.save_model()
    names = {path.name for path in (tmp_path / "there").iterdir()}
    assert names == {"checkpoint-6", "model.safetensors", "metrics.jsonl"}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("setting, code", [({}, 1), ({"overwrite_output_dir": True}, 0)])
def test_overwrite_output_dir_starts_anew_where_an_old_run_lies(
    arguments: Any, tmp_path: Path, setting: Any, code: int
) -> None:
    from trainspec.tasks import TaskParts
    from trainspec.training.command.train import run_task

    def task(args: Any) -> TaskParts:
        return TaskParts(Line(), train_dataset=Rows(), eval_dataset=Rows(10))

    assert run_task(arguments(save_strategy="steps", save_steps=4), task) == 0
    assert _steps(tmp_path / "out") == [4, 6]
    assert run_task(arguments(save_strategy="epoch", num_train_epochs=2, **setting), task) == code
    assert _steps(tmp_path / "out") == ([4, 6] if code else [6, 12])
