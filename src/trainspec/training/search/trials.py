"""A search under way: each trial's settings, what its evaluations found, and when it is given up."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Protocol

from trainspec.settings.diagnostics import SettingsWarning, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.text.suggestions import did_you_mean
from trainspec.training.callbacks.base import TrainerCallback
from trainspec.training.search.outcome import default_objective, other_metrics

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.preflight.preflight import PreflightError
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)

Objective = float | Sequence[float]


class Searchable(Protocol):
    """What a search needs of a Trainer: `train` makes the model anew by `model_init`, and obeys `args` as they are."""

    args: TrainingArguments
    model: Any
    model_init: Callable[..., Any] | None
    state: Any

    def train(self, *, trial: Any = None) -> Any: ...

    def evaluate(self) -> dict[str, float]: ...

    def add_callback(self, callback: Any) -> None: ...

    def remove_callback(self, callback: Any) -> None: ...


class Reporter(Protocol):
    """How a backend hears of an evaluation; it may end the trial by an exception of its library."""

    def __call__(self, trial: Any, objective: Objective, step: int, metrics: Mapping[str, float]) -> None: ...


@dataclass
class Search:
    """One search with one Trainer. Between trials the Trainer's settings are those it had before."""

    trainer: Any
    args: TrainingArguments
    space: Callable[[Any], Mapping[str, Any]]
    compute_objective: Callable[[dict[str, float]], Objective] | None
    run_name: Callable[[Any], str] | None
    direction: str | Sequence[str]
    report: Reporter
    trial: Any = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    objective: Objective | None = None
    reported: bool = False
    told_of_sum: bool = False

    def run_trial(self, trial: Any, name: str) -> Objective:
        """Train with what the space gives for a trial, into the folder `name` of output_dir; its last objective."""
        self.trial, self.objective, self.reported = trial, None, False
        self.hyperparameters = plain(self.space(trial))
        self.trainer.args = self.settings_of(self.hyperparameters, name)
        self.trainer._search = self
        note = _TrialNote(self)
        self.trainer.add_callback(note)
        logger.info("trial %s: %s", name, self.hyperparameters)
        try:
            self.trainer.train(trial=trial)
            if self.objective is None:
                self.objective = self.heard(self.trainer.evaluate())
        finally:
            self.trainer.args = self.args
            self.trainer._search = None
            self.trainer.remove_callback(note)
        return self.objective

    def settings_of(self, hyperparameters: Mapping[str, Any], name: str) -> TrainingArguments:
        """The search's settings with those of a trial: a trial writes into a folder of its own and is not pushed.

        Raises PreflightError for a name that is no setting, pydantic's ValidationError for a value that is none.
        """
        settings = {key: value for key, value in hyperparameters.items() if self._is_setting(key)}
        changed = self.args.replace(**settings, output_dir=f"{self.args.output_dir.rstrip('/')}/{name}")
        own: dict[str, Any] = {"push_to_hub": False} if changed.push_to_hub else {}
        own |= {"resume_from_checkpoint": None} if changed.resume_from_checkpoint else {}
        own |= {"run_name": self.run_name(self.trial)} if self.run_name is not None else {}
        with warnings.catch_warnings():
            # What is without effect for a trial, as the details of pushing, is meant for the model that wins.
            warnings.simplefilter("ignore", SettingsWarning)
            return changed.replace(**own) if own else changed

    def heard(self, metrics: dict[str, float]) -> Objective:
        """Take on the objective of an evaluation, without telling the backend."""
        found = (self.compute_objective or self._default)(dict(metrics))
        self.objective = found if isinstance(found, float | int) else tuple(found)
        return self.objective

    def _default(self, metrics: dict[str, float]) -> float:
        summed = other_metrics(metrics)
        if summed and self.direction == "minimize" and not self.told_of_sum:
            self.told_of_sum = True
            logger.warning(
                "the search minimizes the sum of %s; say direction='maximize', or compute_objective, for another goal",
                ", ".join(summed),
            )
        return default_objective(metrics)

    def _is_setting(self, name: str) -> bool:
        if name in type(self.args).model_fields:
            return True
        near = did_you_mean(name, type(self.args).model_fields)
        # The model may be made with numbers that are no settings, and then reads them from the trial.
        if not takes_trial(self.trainer.model_init):
            hint = f"; {near}" if near else ""
            raise refusal(
                "RUN193",
                f"the search space names {name!r}, which is no setting{hint}",
                "correct the name; a number for the model alone is read by model_init(trial), which takes an argument",
            )
        if near:
            logger.warning("%s is no setting (%s), so only model_init takes its value", name, near)
        return False


def report_to_trial(trainer: Any, metrics: Mapping[str, float]) -> None:
    """For the Trainer to call after every evaluation while it trains: without a search nothing happens.

    Raises what the backend ends a trial with (optuna.TrialPruned).
    """
    search: Search | None = getattr(trainer, "_search", None)
    if search is not None:
        objective = search.heard(dict(metrics))
        search.reported = True
        search.report(search.trial, objective, trainer.state.global_step, metrics)


class _TrialNote(TrainerCallback):
    """Writes into the state which trial of a search it belongs to."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        state.is_hyper_param_search = True
        state.trial_name = args.run_name
        state.trial_params = dict(self._search.hyperparameters)


def takes_trial(model_init: Callable[..., Any]) -> bool:
    """Whether a function that makes a model wants the trial: it takes one argument, or cannot do without.

    A model's class with options of its own is called without.
    """
    taken = signature(model_init).parameters.values()
    named = [entry for entry in taken if entry.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)]
    return len(named) == 1 or any(entry.default is Parameter.empty for entry in named)


def plain(hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values without numpy's types, which search libraries draw with."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in hyperparameters.items()}


def refusal(code: str, message: str, remedy: str) -> PreflightError:
    """What to raise for a search that cannot be had; no setting asked for it, so there is no source to show."""
    from trainspec.training.preflight.preflight import PreflightError

    explained = PREFLIGHT_CODES[code]
    return PreflightError([finding(code, explained.name, message, reason=explained.reason, remedy=remedy)])
