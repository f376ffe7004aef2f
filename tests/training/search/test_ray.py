"""A real Ray search: trials in other processes, each with its settings, and the best by ray_scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.small_job import Line, Rows

from trainspec import TrainingArguments
from trainspec.training.preflight.preflight import PreflightError
from trainspec.training.search import BestRun
from trainspec.training.trainer import Trainer

ray = pytest.importorskip("ray", reason="Ray has an environment of its own: make test-search")
tune = pytest.importorskip("ray.tune")


def fresh_line(config: dict[str, Any] | None = None) -> Line:
    return Line()


class Scripted:
    """At a trial's first evaluation the higher loss is the better objective, later the lower."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, metrics: dict[str, float]) -> float:
        self.calls += 1
        return metrics["eval_loss"] * (-100 if self.calls == 1 else 1)


def trainer_in(folder: Path, **changes: Any) -> Trainer:
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True, "log_level": "error"}
    usual: dict[str, Any] = {"per_device_train_batch_size": 4, "num_train_epochs": 1}
    if "eval_strategy" not in changes:
        usual |= {"eval_strategy": "steps", "eval_steps": 3}
    args = TrainingArguments(output_dir=str(folder), **{**quiet, **usual, **changes})
    return Trainer(model_init=fresh_line, args=args, train_dataset=Rows(), eval_dataset=Rows(10))


def search(trainer: Trainer, **changes: Any) -> BestRun:
    rates = {"learning_rate": tune.grid_search([0.001, 0.1])}
    found = trainer.hyperparameter_search(lambda trial: rates, backend="ray", n_trials=1, verbose=0, **changes)
    assert isinstance(found, BestRun)
    return found


def test_the_rate_that_learns_wins_and_trials_ran_apart(cluster: None, tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path / "out", save_strategy="steps", save_steps=3)
    args = trainer.args
    best = search(trainer)
    assert best.hyperparameters == {"learning_rate": 0.1}
    assert trainer.args is args and args.learning_rate != 0.1
    runs = sorted((tmp_path / "out").glob("run-*"))
    assert len(runs) == 2 and all((run / "checkpoint-6").is_dir() for run in runs)
    assert {len(frame) for frame in best.run_summary.trial_dataframes.values()} == {2}
    alone = trainer_in(tmp_path / "alone", learning_rate=0.1)
    alone.train()
    assert best.objective == pytest.approx(alone.evaluate()["eval_loss"], rel=1e-5)


def test_ray_scope_decides_which_trial_wins(cluster: None, tmp_path: Path) -> None:
    """At the half the worse rate has the lower objective, at the end the better one."""
    last = search(trainer_in(tmp_path / "last", ray_scope="last"), compute_objective=Scripted())
    whole = search(trainer_in(tmp_path / "all", ray_scope="all"), compute_objective=Scripted())
    assert last.hyperparameters == {"learning_rate": 0.1}
    assert whole.hyperparameters == {"learning_rate": 0.001}


def test_a_trial_without_evaluations_is_judged_at_its_end(cluster: None, tmp_path: Path) -> None:
    best = search(trainer_in(tmp_path / "out", eval_strategy="no"))
    assert best.hyperparameters == {"learning_rate": 0.1}


def test_a_scheduler_that_needs_evaluations_says_so(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path / "out", eval_strategy="no")
    with pytest.raises(PreflightError, match="RUN194"):
        search(trainer, scheduler=tune.schedulers.MedianStoppingRule(metric="objective", mode="min"))


def test_a_scheduler_that_clones_trials_is_refused(tmp_path: Path) -> None:
    clones = tune.schedulers.PopulationBasedTraining(
        metric="objective", mode="min", hyperparam_mutations={"learning_rate": [0.1, 0.2]}
    )
    with pytest.raises(PreflightError, match="RUN194"):
        search(trainer_in(tmp_path / "out"), scheduler=clones)
