"""Searching for the settings to train with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.training.trainer.inside.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.training.search import BestRun


class Searching(Views):
    def hyperparameter_search(
        self,
        hp_space: Callable[[Any], dict[str, Any]] | None = None,
        compute_objective: Callable[[dict[str, float]], float] | None = None,
        n_trials: int = 20,
        direction: str | list[str] = "minimize",
        backend: str | None = None,
        hp_name: Callable[[Any], str] | None = None,
        **kwargs: Any,
    ) -> BestRun | list[BestRun]:
        """Train `n_trials` times with settings that a search library proposes; the best trial. Needs model_init."""
        from trainspec.training.search import hyperparameter_search

        searched: Any = self
        # What scripts ask while a search is under way.
        self.hp_name, self.hp_search_backend = hp_name, backend or "optuna"
        try:
            return hyperparameter_search(
                searched,
                hp_space=hp_space,
                compute_objective=compute_objective,
                n_trials=n_trials,
                direction=direction,
                backend=backend,
                hp_name=hp_name,
                **kwargs,
            )
        finally:
            self.hp_name = self.hp_search_backend = None

    def report_to_search(self, metrics: dict[str, float]) -> None:
        """Tell a search that is under way what an evaluation found; it may end this trial."""
        if self.state.is_hyper_param_search:
            from trainspec.training.search import report_to_trial

            report_to_trial(self, metrics)
