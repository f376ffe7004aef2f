"""One pass over a data set without learning: losses, predictions, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.data.sharing.steps import stepped
from trainspec.training.errors import NoBatchesError
from trainspec.training.evaluation.arrays import detached
from trainspec.training.evaluation.joined import Gathered
from trainspec.training.evaluation.plain import plain_metrics
from trainspec.training.evaluation.results import EvalLoopOutput, EvalPrediction, speed_metrics
from trainspec.training.evaluation.together import Batch, Together
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


class _Seen:
    """What an evaluation gave so far."""

    def __init__(self, held: int | None) -> None:
        self.predictions, self.labels, self.inputs = (
            Gathered(name, held) for name in ("predictions", "labels", "inputs")
        )
        self.metrics: Any = None


class EvaluationLoop:
    """Runs `step` on every batch; the loss is the mean over the labels that count, so that cutting does not change it.

    `after_batch` is called after each. `keeps_all`: predictions and labels are kept, also where metrics are computed
    batch by batch. `together`: with which processes the batches are shared. `unlabelled`: the keys of a batch, where
    metrics could not be computed for want of labels; `returned_nothing`: compute_metrics gave None.
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
        together: Together | None = None,
    ) -> None:
        self._args = args
        self._together = together or Together()
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
        by_batch = self._args.batch_eval_metrics and self._metrics is not None and not loss_only
        seen = _Seen(self._args.eval_accumulation_steps)
        collects = not loss_only and (self._keeps_all or not by_batch)
        names, batch = self._reading.label_names, None
        rows = count = 0
        steps = stepped(batches, self._together.sharing)
        for (batch, counts), is_last in _with_last(steps) if by_batch else zip(steps, repeat(False)):
            loss, output, target = self._step(batch, loss_only)
            count += 1
            if counts:
                rows += count_rows(batch, names)
            if counts and loss is not None:
                self.losses.add(loss, batch)
            if not loss_only:
                own = (output, target, self._input(batch), self._each(loss, batch, by_batch)) if counts else None
                self._take_in(self._together.of_all(own), seen, collects=collects, by_batch=by_batch, is_last=is_last)
            if self._after_batch is not None:
                self._after_batch()
        if not count:
            raise NoBatchesError("the data set to evaluate on gave no batch")
        rows = self._together.rows(rows)
        self._together.add_up(self.losses)
        joined: list[Any] = []

        def closing() -> dict[str, Any]:
            joined[:] = self._collect(seen.predictions), self._collect(seen.labels)
            metrics = self._closing_metrics(seen, joined, rows, computes=collects and not by_batch)
            self._look_for_what_lacks(metrics, batch, loss_only=loss_only)
            mean = self.losses.mean()
            found = {**({} if mean is None else {"loss": mean}), **plain_metrics(metrics, "compute_metrics")}
            found |= speed_metrics(time.perf_counter() - began, samples=rows, steps=count)
            return {"metrics": found, "nothing": self.returned_nothing, "unlabelled": self.unlabelled}

        told = self._together.from_main(closing)
        self.returned_nothing, self.unlabelled = told["nothing"], told["unlabelled"]
        if not joined:
            joined[:] = self._collect(seen.predictions), self._collect(seen.labels)
        return EvalLoopOutput(joined[0], joined[1], _prefixed(told["metrics"], prefix), rows)

    def _take_in(self, batches: Sequence[Batch], seen: _Seen, *, collects: bool, by_batch: bool, is_last: bool) -> None:
        """What a step gave, batch by batch."""
        together = self._together
        for number, (output, target, inputs, losses) in enumerate(batches, start=1):
            if by_batch and target is not None and together.is_main:
                ends = is_last and number == len(batches)
                seen.metrics = self._batch_metrics(output, target, inputs, losses, is_last=ends)
            if collects and together.keeps:
                seen.predictions.add(output, self._reading.outputs())
                seen.labels.add(target)
                if self._with_inputs:
                    seen.inputs.add(inputs)

    def _closing_metrics(self, seen: _Seen, joined: Sequence[Any], rows: int, *, computes: bool) -> Any:
        if self._metrics is None or not computes or joined[1] is None:
            return seen.metrics
        extra = {"inputs": self._collect(seen.inputs) if self._with_inputs else None, "losses": self.losses.each_row()}
        with _noted("compute_metrics", rows):
            metrics = self._metrics(EvalPrediction(*joined, **extra))
        self.returned_nothing = metrics is None
        return metrics

    def _look_for_what_lacks(self, metrics: Any, batch: Any, *, loss_only: bool) -> None:
        if self._metrics is not None and not loss_only and metrics is None and not self.returned_nothing:
            self.unlabelled = sorted(map(str, batch)) if isinstance(batch, Mapping) else []

    def _batch_metrics(self, output: Any, target: Any, inputs: Any, losses: Any, *, is_last: bool) -> Any:
        assert self._metrics is not None
        seen = EvalPrediction(detached(output), detached(target), inputs=inputs, losses=_as_array(losses))
        with _noted("compute_metrics", count_rows(target)):
            # Only the last answer is one, but that it was called must be known.
            return self._metrics(seen, compute_result=is_last) or {}

    def _input(self, batch: Any) -> Any:
        if not self._with_inputs:
            return None
        return main_input(batch, self._reading.input_name, self._reading.label_names)

    def _each(self, loss: Any, batch: Any, by_batch: bool) -> Any:
        if loss is None or not self._with_losses or not by_batch:
            return None
        one = self._losses()
        one.add(loss, batch)
        return one.each_row()

    def _collect(self, gathered: Gathered) -> Any:
        return gathered.joined() if self._args.eval_do_concat_batches else gathered.separate()


def _as_array(losses: Any) -> Any:
    return losses.numpy() if isinstance(losses, Tensor) else losses


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
