"""EarlyStoppingCallback: ends training when the metric has stood still for some evaluations."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.training.callbacks.base import TrainerCallback
from trainspec.training.callbacks.control import ExportableState
from trainspec.training.errors import TrainingError
from trainspec.training.evaluation.best import chosen_metric, improves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState

logger = logging.getLogger(__name__)


class EarlyStoppingCallback(TrainerCallback, ExportableState):
    """Stops after `early_stopping_patience` evaluations in a row that are not better by more than the threshold.

    Raises TrainingError at the start of training where metric_for_best_model is not set or nothing is evaluated.
    """

    def __init__(self, early_stopping_patience: int = 1, early_stopping_threshold: float = 0.0) -> None:
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_threshold = early_stopping_threshold
        self.early_stopping_patience_counter = 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if args.metric_for_best_model is None:
            raise TrainingError(
                "EarlyStoppingCallback needs a metric to watch: set metric_for_best_model (loss, accuracy ...)"
            )
        if args.eval_strategy == "no":
            raise TrainingError(
                "EarlyStoppingCallback watches evaluations, and eval_strategy is no: set it to steps or epoch"
            )
        if state.global_step == 0:
            self.early_stopping_patience_counter = 0
        elif self._is_over():
            logger.warning(
                "the run had ended early after update %d, and nothing is left to train: a larger "
                "early_stopping_patience than %d lets it go on",
                state.global_step,
                self.early_stopping_patience,
            )
            control.should_training_stop = True

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        value = chosen_metric(args, metrics or {}, required=False)
        if value is None:
            return
        if self._is_better(value, state.best_metric, greater_is_better=bool(args.greater_is_better)):
            self.early_stopping_patience_counter = 0
            return
        self.early_stopping_patience_counter += 1
        if self._is_over():
            logger.info("training ends early: no better %s for a while", args.metric_for_best_model)
            control.should_training_stop = True

    def _is_over(self) -> bool:
        return self.early_stopping_patience_counter >= self.early_stopping_patience

    def _is_better(self, value: float, best: float | None, *, greater_is_better: bool) -> bool:
        if not improves(value, best, greater_is_better=greater_is_better):
            return False
        return best is None or abs(value - best) > self.early_stopping_threshold

    def state(self) -> dict[str, Any]:
        return {
            "args": {
                "early_stopping_patience": self.early_stopping_patience,
                "early_stopping_threshold": self.early_stopping_threshold,
            },
            "attributes": {"early_stopping_patience_counter": self.early_stopping_patience_counter},
        }
