"""From what hyperparameter_search is called with to a backend that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trainspec.training.search import optuna_search, ray_search
from trainspec.training.search.outcome import DIRECTIONS, BestRun
from trainspec.training.search.trials import Objective, Reporter, Search, refusal

if TYPE_CHECKING:
    from trainspec.training.search.trials import Searchable


@dataclass(frozen=True)
class Backend:
    """A search library: the module and how it is installed, its default space, and how it searches."""

    module: str
    install: str
    default_space: Callable[[Any], Mapping[str, Any]]
    report: Reporter
    run: Callable[..., BestRun | list[BestRun]]

    def is_installed(self) -> bool:
        """Whether its module is there; of `ray.tune` the outer one is enough to tell."""
        return find_spec(self.module) is not None


BACKENDS: dict[str, Backend] = {
    "optuna": Backend(
        "optuna", "pip install optuna", optuna_search.default_space, optuna_search.report, optuna_search.run
    ),
    "ray": Backend("ray", "pip install 'ray[tune]'", ray_search.default_space, ray_search.report, ray_search.run),
}
NOT_DRIVEN = {
    "wandb": "its sweeps are decided by a service, which no run without an account can ask",
    "sigopt": "that service has ended",
}


def hyperparameter_search(
    trainer: Searchable,
    hp_space: Callable[[Any], Mapping[str, Any]] | None = None,
    compute_objective: Callable[[dict[str, float]], Objective] | None = None,
    n_trials: int = 20,
    direction: str | Sequence[str] = "minimize",
    backend: Any = None,
    hp_name: Callable[[Any], str] | None = None,
    **kwargs: Any,
) -> BestRun | list[BestRun]:
    """Train `n_trials` times with settings from `hp_space`; the trial with the best objective.

    `hp_space(trial)` returns settings by name: with Optuna drawn by trial.suggest_..., with Ray once, without a trial,
    as Ray's distributions. `compute_objective(metrics)` makes one number of an evaluation, by default eval_loss, or the
    sum of the other metrics where there are any; with a list of directions, one number for each, and the answer is the
    list of trials that none other beats in all. `hp_name(trial)` names the run of a trial. `kwargs` go to the backend.
    Raises PreflightError for what cannot be searched here.
    """
    chosen = _chosen(backend)
    if trainer.model_init is None:
        raise refusal(
            "RUN192",
            "a hyperparameter search needs model_init, and the Trainer was given a model",
            "write Trainer(model_init=make_model, ...) with a function that returns a new model",
        )
    directions = [direction] if isinstance(direction, str) else list(direction)
    wrong = [entry for entry in directions if entry not in DIRECTIONS]
    if wrong or not directions:
        raise refusal("RUN194", f"direction is {direction!r}", "say minimize or maximize, or a list of these")
    search = Search(
        trainer=trainer,
        args=trainer.args,
        space=hp_space or chosen.default_space,
        compute_objective=compute_objective,
        run_name=hp_name,
        direction=direction if isinstance(direction, str) else directions,
        report=chosen.report,
    )
    return chosen.run(search, n_trials, **kwargs)


def _chosen(backend: Any) -> Backend:
    installed = [name for name, known in BACKENDS.items() if known.is_installed()]
    wanted = getattr(backend, "value", backend)
    if wanted is None:
        wanted = next(iter(installed), None)
    known = BACKENDS.get(wanted)
    if known is not None and wanted in installed:
        return known
    if known is None and wanted is not None:
        reason = f": {NOT_DRIVEN[wanted]}" if wanted in NOT_DRIVEN else ""
        raise refusal("RUN191", f"there is no search with the backend {wanted!r}{reason}", f"use {_named(BACKENDS)}")
    missing = BACKENDS if known is None else {wanted: known}
    raise refusal(
        "RUN190",
        f"a hyperparameter search needs {_named(missing)}, which is not installed",
        " or ".join(entry.install for entry in missing.values()),
    )


def _named(backends: Mapping[str, Backend]) -> str:
    return " or ".join(backends)
