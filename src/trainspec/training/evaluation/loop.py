"""One pass over a data set without learning: losses, predictions, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.data.order import walked
from trainspec.training.errors import NoBatchesError
from trainspec.training.evaluation.arrays import detached
from trainspec.training.evaluation.joined import Gathered
from trainspec.training.evaluation.plain import plain_metrics
from trainspec.training.evaluation.results import EvalLoopOutput, EvalPrediction, speed_metrics
from trainspec.training.loss.evaluation_loss import EvaluationLoss
from trainspec.training.model.counting import count_rows
from trainspec.training.model.outputs import main_input

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# (batch, loss only) -> loss, predictions, labels
PredictionStep = Callable[[Any, bool], tuple[Tensor | None, Any, Any]]
Metrics = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class BatchReading:
    """How an evaluation reads batches and outputs: the model's main input, the labels, whether it shifts them.

    `outputs` gives the names of what the last batch's predictions are made of, None where they have none.
    """

    input_name: str | None = None
    label_names: Sequence[str] = ()
    shifts_labels: bool = False
    outputs: Callable[[], Sequence[str] | None] = lambda: None


class EvaluationLoop:
    """Runs `step` on every batch; the loss is the mean over the labels that count, so that cutting does not change it.

    `after_batch` is called after each. `keeps_all`: predictions and labels are kept, also where metrics are computed
    batch by batch. `unlabelled`: the keys of a batch, where metrics could not be computed for want of labels;
    `returned_nothing`: compute_metrics gave None.
    """

    def __init__(
        self,
        args: TrainingArguments,
        step: PredictionStep,
        compute_metrics: Metrics | None,
        reading: BatchReading | None = None,
        *,
        after_batch: Callable[[], None] | None = None,
        keeps_all: bool = False,
    ) -> None:
        self._args = args
        self._step = step
        self._metrics = compute_metrics
        self._reading = reading or BatchReading()
        self._after_batch = after_batch
        self._keeps_all = keeps_all
        self._with_inputs = "inputs" in args.include_for_metrics
        self.unlabelled: list[str] | None = None
        self.returned_nothing = False
        self._with_losses = "loss" in args.include_for_metrics
        self.losses = self._losses()

    def _losses(self) -> EvaluationLoss:
        reading = self._reading
        return EvaluationLoss(reading.label_names, shifted=reading.shifts_labels, keeps_all=self._with_losses)

    def run(self, batches: Iterable[Any], prefix: str, *, loss_only: bool) -> EvalLoopOutput:
        """Raises NoBatchesError, and OutputsError or MetricError for what cannot be joined or written."""
        began = time.perf_counter()
        held = self._args.eval_accumulation_steps
        predictions, labels, inputs = (Gathered(name, held) for name in ("predictions", "labels", "inputs"))
        batch_metrics: Any = None
        by_batch = self._args.batch_eval_metrics and self._metrics is not None and not loss_only
        keeps = not loss_only and (self._keeps_all or not by_batch)
        names, batch = self._reading.label_names, None
        rows = count = 0
        walk = walked(batches)
        for batch, is_last in _with_last(walk) if by_batch else zip(walk, repeat(False)):
            loss, output, target = self._step(batch, loss_only)
            rows, count = rows + count_rows(batch, names), count + 1
            if loss is not None:
                self.losses.add(loss, batch)
            if by_batch and target is not None:
                batch_metrics = self._batch_metrics(batch, loss, output, target, is_last=is_last)
            if keeps:
                predictions.add(output, self._reading.outputs())
                labels.add(target)
                if self._with_inputs:
                    inputs.add(self._input(batch))
            if self._after_batch is not None:
                self._after_batch()
        if not count:
            raise NoBatchesError("the data set to evaluate on gave no batch")
        joined = self._collect(predictions), self._collect(labels)
        if self._metrics is not None and keeps and not by_batch and joined[1] is not None:
            extra = {"inputs": self._collect(inputs) if self._with_inputs else None, "losses": self.losses.each_row()}
            with _noted("compute_metrics", rows):
                batch_metrics = self._metrics(EvalPrediction(*joined, **extra))
            self.returned_nothing = batch_metrics is None
        elif self._metrics is not None and not loss_only and batch_metrics is None:
            self.unlabelled = sorted(map(str, batch)) if isinstance(batch, Mapping) else []
        mean = self.losses.mean()
        metrics = {**({} if mean is None else {"loss": mean}), **plain_metrics(batch_metrics, "compute_metrics")}
        metrics |= speed_metrics(time.perf_counter() - began, samples=rows, steps=count)
        return EvalLoopOutput(*joined, _prefixed(metrics, prefix), rows)

    def _batch_metrics(self, batch: Any, loss: Any, output: Any, target: Any, *, is_last: bool) -> Any:
        assert self._metrics is not None
        seen = EvalPrediction(
            detached(output),
            detached(target),
            inputs=self._input(batch) if self._with_inputs else None,
            losses=self._each(loss, batch),
        )
        with _noted("compute_metrics", count_rows(batch, self._reading.label_names)):
            # Only the last answer is one, but that it was called must be known.
            return self._metrics(seen, compute_result=is_last) or {}

    def _input(self, batch: Any) -> Any:
        return main_input(batch, self._reading.input_name, self._reading.label_names)

    def _each(self, loss: Any, batch: Any) -> Any:
        if loss is None or not self._with_losses:
            return None
        one = self._losses()
        one.add(loss, batch)
        return one.each_row()

    def _collect(self, gathered: Gathered) -> Any:
        return gathered.joined() if self._args.eval_do_concat_batches else gathered.separate()


@contextmanager
def _noted(function: str, rows: int) -> Iterator[None]:
    """An error of the user's function keeps its type and its place, and tells where it came up."""
    try:
        yield
    except Exception as error:
        error.add_note(f"{function} raised this, called on the predictions of {rows} rows")
        raise


def _with_last(batches: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Each batch with whether it is the last one."""
    iterator = iter(batches)
    try:
        held = next(iterator)
    except StopIteration:
        return
    for batch in iterator:
        yield held, False
        held = batch
    yield held, True


def _prefixed(metrics: dict[str, Any], prefix: str) -> dict[str, float]:
    return {key if key.startswith(f"{prefix}_") else f"{prefix}_{key}": value for key, value in metrics.items()}
