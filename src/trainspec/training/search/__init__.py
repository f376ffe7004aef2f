"""Hyperparameter search: many runs of one Trainer, and the best of them."""

from trainspec.training.search.outcome import BestRun, best_trial, default_objective
from trainspec.training.search.start import hyperparameter_search
from trainspec.training.search.trials import Search, report_to_trial, takes_trial

__all__ = [
    "BestRun",
    "Search",
    "best_trial",
    "default_objective",
    "hyperparameter_search",
    "report_to_trial",
    "takes_trial",
]
