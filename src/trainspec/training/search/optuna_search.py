"""Search with Optuna: trials one after another, each told how it does and given up where it does badly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainspec.training.errors import SearchError
from trainspec.training.search.outcome import BestRun
from trainspec.training.search.trials import refusal

if TYPE_CHECKING:
    from trainspec.training.search.trials import Objective, Search

_OF_OPTIMIZE = ("timeout", "gc_after_trial", "catch", "callbacks", "show_progress_bar")


def default_space(trial: Any) -> dict[str, Any]:
    """Learning rate, epochs, seed and batch size."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-6, 1e-4, log=True),
        "num_train_epochs": trial.suggest_int("num_train_epochs", 1, 5),
        "seed": trial.suggest_int("seed", 1, 40),
        "per_device_train_batch_size": trial.suggest_categorical("per_device_train_batch_size", [4, 8, 16, 32, 64]),
    }


def report(trial: Any, objective: Objective, step: int, metrics: Mapping[str, float]) -> None:
    """Raises optuna.TrialPruned where the study's pruner gives the trial up. Several objectives cannot be pruned by."""
    import optuna

    if not isinstance(objective, float | int):
        return
    trial.report(objective, step)
    if trial.should_prune():
        raise optuna.TrialPruned


def run(search: Search, n_trials: int, **kwargs: Any) -> BestRun | list[BestRun]:
    """`kwargs` are those of optuna.create_study and of Study.optimize. Raises SearchError where no trial finished."""
    import optuna

    if kwargs.pop("n_jobs", 1) != 1:
        raise refusal(
            "RUN194",
            "n_jobs is not 1, but all trials of an Optuna search share one Trainer",
            "leave n_jobs out; for trials side by side start more processes with one storage, or use backend ray",
        )
    optimize = {name: kwargs.pop(name) for name in _OF_OPTIMIZE if name in kwargs}
    several = not isinstance(search.direction, str)
    kwargs["directions" if several else "direction"] = search.direction
    if "sampler" not in kwargs and "storage" not in kwargs and not several:
        # The same script proposes the same trials again; processes that share a storage must not.
        kwargs["sampler"] = optuna.samplers.TPESampler(seed=search.args.seed)
    study = optuna.create_study(**kwargs)
    study.optimize(lambda trial: search.run_trial(trial, f"run-{trial.number}"), n_trials=n_trials, **optimize)
    if several:
        return [BestRun(str(best.number), best.values, best.params) for best in study.best_trials]
    finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if not finished:
        raise SearchError("no trial of the search came to its end; see the log for how each of them failed")
    best = study.best_trial
    return BestRun(str(best.number), study.best_value, best.params)
