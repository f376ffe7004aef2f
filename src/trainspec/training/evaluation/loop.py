"""One pass over a data set without learning: losses, predictions, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.data.order import walked
from trainspec.training.errors import NoBatchesError
from trainspec.training.evaluation.joined import Gathered
from trainspec.training.evaluation.results import EvalLoopOutput, EvalPrediction, speed_metrics
from trainspec.training.loss.row_loss import RowLoss
from trainspec.training.model.nests import detached
from trainspec.training.model.outputs import count_rows, main_input

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# (batch, loss only) -> loss, predictions, labels
PredictionStep = Callable[[Any, bool], tuple[Tensor | None, Any, Any]]
Metrics = Callable[..., dict[str, Any]]


class EvaluationLoop:
    """Runs `step` on every batch; the loss is the mean over rows, so that a short last batch counts as what it is.

    `after_batch` is called after each; `input_name` and `label_names` say what of a batch are inputs.
    """

    def __init__(
        self,
        args: TrainingArguments,
        step: PredictionStep,
        compute_metrics: Metrics | None,
        *,
        after_batch: Callable[[], None] | None = None,
        input_name: str | None = None,
        label_names: list[str] | None = None,
    ) -> None:
        self._args = args
        self._step = step
        self._metrics = compute_metrics
        self._after_batch = after_batch
        self._input_name = input_name
        self._label_names = label_names or []
        self._with_inputs = "inputs" in args.include_for_metrics
        self._with_losses = "loss" in args.include_for_metrics

    def run(self, batches: Iterable[Any], prefix: str, *, loss_only: bool) -> EvalLoopOutput:
        began = time.perf_counter()
        losses = RowLoss(keeps_all=self._with_losses)
        predictions, labels, inputs = (Gathered(self._args.eval_accumulation_steps) for _ in range(3))
        batch_metrics: dict[str, Any] = {}
        by_batch = self._args.batch_eval_metrics and self._metrics is not None and not loss_only
        rows = count = 0
        walk = walked(batches)
        for batch, is_last in _with_last(walk) if by_batch else zip(walk, repeat(False)):
            loss, output, target = self._step(batch, loss_only)
            size = count_rows(batch)
            rows, count = rows + size, count + 1
            if loss is not None:
                losses.add(loss, size)
            if by_batch:
                batch_metrics = self._batch_metrics(batch, loss, output, target, is_last=is_last)
            elif not loss_only:
                predictions.add(output)
                labels.add(target)
                if self._with_inputs:
                    inputs.add(main_input(batch, self._input_name, self._label_names))
            if self._after_batch is not None:
                self._after_batch()
        if not count:
            raise NoBatchesError("the data set to evaluate on gave no batch")
        mean = losses.mean()
        metrics = batch_metrics if mean is None else {"loss": mean, **batch_metrics}
        joined = self._collect(predictions), self._collect(labels)
        if self._metrics is not None and not loss_only and not by_batch and joined[1] is not None:
            extra = {"inputs": self._collect(inputs) if self._with_inputs else None, "losses": losses.each_row()}
            metrics |= self._metrics(EvalPrediction(*joined, **extra))
        metrics |= speed_metrics(time.perf_counter() - began, samples=rows, steps=count)
        return EvalLoopOutput(*joined, _prefixed(metrics, prefix), rows)

    def _batch_metrics(
        self, batch: Any, loss: Tensor | None, output: Any, target: Any, *, is_last: bool
    ) -> dict[str, Any]:
        assert self._metrics is not None
        seen = EvalPrediction(
            detached(output),
            detached(target),
            inputs=main_input(batch, self._input_name, self._label_names) if self._with_inputs else None,
            losses=self._each(loss, count_rows(batch)),
        )
        return self._metrics(seen, compute_result=is_last) or {}

    def _each(self, loss: Tensor | None, rows: int) -> Any:
        if loss is None or not self._with_losses:
            return None
        one = RowLoss(keeps_all=True)
        one.add(loss, rows)
        return one.each_row()

    def _collect(self, gathered: Gathered) -> Any:
        return gathered.joined() if self._args.eval_do_concat_batches else gathered.separate()


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
    # numpy's numbers are not JSON.
    plain = {key: value.item() if hasattr(value, "item") else value for key, value in metrics.items()}
    return {key if key.startswith(f"{prefix}_") else f"{prefix}_{key}": value for key, value in plain.items()}
