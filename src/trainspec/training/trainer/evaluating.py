"""Evaluation and prediction, as people call and override them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from trainspec.training import data
from trainspec.training.evaluation.loop import BatchReading, EvaluationLoop
from trainspec.training.evaluation.model import ready_for_evaluation
from trainspec.training.evaluation.remarks import find_an_empty_column, find_no_label_that_counts, find_no_labels
from trainspec.training.evaluation.results import EvalLoopOutput, PredictionOutput
from trainspec.training.evaluation.together import Together
from trainspec.training.model.inside import main_input_name, shifts_labels
from trainspec.training.model.signatures import supported
from trainspec.training.trainer.listeners import Listeners
from trainspec.training.trainer.loaders import Loaders
from trainspec.training.trainer.steps import Steps


class Evaluating(Steps, Loaders, Listeners):
    # What evaluation_loop, which people override, is called for: evaluation, prediction or preflight.
    _occasion: str = "evaluation"

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Metrics on the evaluation data, logged and returned under the prefix; of several data sets, under
        `prefix_name`. `eval_dataset` may also be the name of one of those that the Trainer was given.
        """
        chosen = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(chosen, Mapping):
            metrics: dict[str, float] = {}
            for name, dataset in chosen.items():
                metrics |= self.evaluate(dataset, ignore_keys, f"{metric_key_prefix}_{name}")
            return metrics
        with self._evaluation_mode():
            self.parts.memory.start("eval")
            loader = self.get_eval_dataloader(eval_dataset)
            loss_only = True if self.compute_metrics is None else None
            output = self._evaluated(loader, "Evaluation", loss_only, ignore_keys, metric_key_prefix)
            self.parts.memory.stop("eval", output.metrics)
            self._report(output.metrics)
            self.fire("on_evaluate", metrics=output.metrics)
        return output.metrics

    def predict(
        self, test_dataset: Any, ignore_keys: list[str] | None = None, metric_key_prefix: str = "test"
    ) -> PredictionOutput:
        """Predictions for every row, with metrics where the rows have labels."""
        with self._evaluation_mode():
            self.parts.memory.start("test")
            loader = self.get_test_dataloader(test_dataset)
            with self._on("prediction"):
                output = self._evaluated(loader, "Prediction", None, ignore_keys, metric_key_prefix)
            self.parts.memory.stop("test", output.metrics)
            self._report(output.metrics)
            self.fire("on_predict", metrics=output.metrics)
        return PredictionOutput(output.predictions, output.label_ids, output.metrics)

    @contextmanager
    def _evaluation_mode(self) -> Iterator[None]:
        """Until its metrics are logged: an override of `log` tells by `model.training` which metrics it adds."""
        self._ready_model()
        model = self.parts.model_wrapped
        was_training = model.training
        model.eval()
        try:
            yield
        finally:
            model.train(was_training)

    def _evaluated(self, loader: Any, description: str, loss_only: bool | None, *rest: Any) -> EvalLoopOutput:
        ignore_keys, prefix = rest
        known = {"prediction_loss_only": loss_only, "ignore_keys": ignore_keys, "metric_key_prefix": prefix}
        try:
            return self.evaluation_loop(loader, description, **supported(self.evaluation_loop, **known))
        except BaseException:
            # An evaluation by itself that breaks off, as people's do by an interrupt, leaves no bar for the next one.
            if not self.is_in_train:
                self.callback_handler.abandon()
            raise

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str = "Evaluation",
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """One pass over a loader; `description` is for whoever overrides this."""
        self._ready_model()
        handler, step, event = self.callback_handler, self.prediction_step, "on_prediction_step"
        handler.eval_dataloader = dataloader
        ignored = supported(step, ignore_keys=ignore_keys)
        self.parts.losses.forget()
        self.parts.output_names = None
        with data.undisturbed(), ready_for_evaluation(self.parts, self.args) as ready:
            model = self.call_hook("_wrap_model", ready, False) if self.overrides("_wrap_model") else ready
            loop = EvaluationLoop(
                self.args,
                lambda batch, loss_only: step(model, batch, loss_only, **ignored),
                self.compute_metrics,
                self._reading(),
                after_batch=partial(self.fire, event) if handler.has_listeners(event) else None,
                keeps_all=self._occasion == "prediction",
                together=self._together(),
            )
            loss_only = self.args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only
            output = loop.run(dataloader, metric_key_prefix, loss_only=loss_only)
        if self._occasion != "preflight":
            self._remark(loop)
        return output

    def _together(self) -> Together:
        strategy = self.parts.strategy
        return Together(
            data.sharing_of(self.args, strategy),
            counts=strategy.counts,
            objects=self.args.eval_use_gather_object,
            # Our own evaluate() has no use for predictions.
            everywhere=self._occasion != "evaluation" or self.overrides("evaluate") or self.overrides("_evaluated"),
        )

    def _reading(self) -> BatchReading:
        return BatchReading(
            input_name=main_input_name(self.model),
            label_names=self.label_names,
            shifts_labels=shifts_labels(self.model),
            outputs=lambda: self.parts.output_names,
        )

    def _remark(self, loop: EvaluationLoop) -> None:
        """Say what an evaluation could not give; of what is predicted labels may be missing on purpose."""
        remarks = []
        if loop.losses.counts_nothing:
            remarks.append(find_no_label_that_counts(self.args, self.label_names))
        elif loop.losses.left_out is not None and (batches := int(loop.losses.left_out)):
            remarks.append(find_an_empty_column(self.args, self.label_names, batches))
        if loop.unlabelled is not None and self._occasion == "evaluation":
            remarks.append(find_no_labels(self.args, self.label_names, loop.unlabelled))
        for remark in remarks:
            self.parts.say_once(remark.render())
        if loop.returned_nothing:
            self.parts.say_once("compute_metrics returned None, so there are no metrics; did it forget to return them?")

    def _metrics_of_one_batch(self, dataset: Any, prefix: str) -> dict[str, float]:
        batch = list(islice(self.get_test_dataloader(dataset), 1))
        with self._on("preflight"):
            return self.evaluation_loop(batch, "Preflight", self.compute_metrics is None, None, prefix).metrics

    def _loss_of_one_batch(self) -> None:
        """Raises ModelOutputError where the model gives none for training rows."""
        with data.undisturbed(), self._on("preflight"):
            batch = list(islice(self.get_test_dataloader(self.train_dataset), 1))
            self.evaluation_loop(batch, "Preflight", True)

    @contextmanager
    def _on(self, occasion: str) -> Iterator[None]:
        before, self._occasion = self._occasion, occasion
        try:
            yield
        finally:
            self._occasion = before

    def _report(self, metrics: dict[str, float]) -> None:
        self.log(metrics)
        if self.is_in_train:
            self.parts.trackers.refresh()
        else:
            self.parts.trackers.flush()
