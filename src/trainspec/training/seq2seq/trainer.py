"""Seq2SeqTrainer: with predict_with_generate, evaluation and prediction see what the model generates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training import data
from trainspec.training.evaluation.results import PredictionOutput
from trainspec.training.model.inside import main_input_name
from trainspec.training.preflight.preflight import check
from trainspec.training.seq2seq.generation import (
    asked_for,
    filled,
    inputs_to_generate_from,
    load_generation_config,
    padding_token,
    width,
)
from trainspec.training.seq2seq.needs import find_generation_needs, find_unsortable_rows, unreadable_configuration
from trainspec.training.trainer import Trainer
from trainspec.training.trainer.inside.overrides import remember

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments
    from trainspec.settings.diagnostics import Diagnostic


class Seq2SeqTrainer(Trainer):
    """A Trainer for models with a `generate`. Takes Seq2SeqTrainingArguments.

    Raises TypeError for other settings, and PreflightError for a generation_config that cannot be used.
    """

    args: Seq2SeqTrainingArguments
    _gen_kwargs: dict[str, Any]

    def __init__(self, model: nn.Module | None = None, args: Any = None, *rest: Any, **more: Any) -> None:
        if args is None:
            from trainspec.settings.arguments.seq2seq import Seq2SeqTrainingArguments

            args = Seq2SeqTrainingArguments()
        super().__init__(model, args, *rest, **more)
        if not hasattr(self.args, "predict_with_generate"):
            raise TypeError(
                f"Seq2SeqTrainer needs Seq2SeqTrainingArguments: {type(self.args).__name__} has no "
                "predict_with_generate"
            )
        self._gen_kwargs = {}
        self._configure_generation()

    @staticmethod
    def load_generation_config(gen_config_arg: Any) -> Any:
        """A GenerationConfig from what the setting of that name says. Raises GenerationError."""
        return load_generation_config(gen_config_arg)

    def _configure_generation(self) -> None:
        said = self.args.generation_config
        if said is None:
            return
        try:
            # The model's own, so that it is saved with the model, as people expect.
            model: Any = self.model
            model.generation_config = self.load_generation_config(said)
        except ValueError as error:
            check([unreadable_configuration(self.args, error)])

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
        **gen_kwargs: Any,
    ) -> dict[str, float]:
        """As the Trainer's; `gen_kwargs` (max_length, num_beams ...) go to generate(), over the settings."""
        chosen = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(chosen, Mapping):
            metrics: dict[str, float] = {}
            for name, dataset in chosen.items():
                metrics |= self.evaluate(dataset, ignore_keys, f"{metric_key_prefix}_{name}", **gen_kwargs)
            return metrics
        self._gen_kwargs = asked_for(self.args, gen_kwargs)
        return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)

    def predict(
        self,
        test_dataset: Any,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "test",
        **gen_kwargs: Any,
    ) -> PredictionOutput:
        """As the Trainer's; with predict_with_generate the predictions are token ids (rows x tokens)."""
        self._gen_kwargs = asked_for(self.args, gen_kwargs)
        return super().predict(test_dataset, ignore_keys, metric_key_prefix)

    def prediction_step(
        self,
        model: nn.Module,
        inputs: Any,
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
        **gen_kwargs: Any,
    ) -> tuple[Tensor | None, Any, Any]:
        """Loss, generated token ids and labels of one batch, both filled up to the longest that can be generated."""
        if not self.args.predict_with_generate or prediction_loss_only:
            return super().prediction_step(model, inputs, prediction_loss_only, ignore_keys)
        inputs = self._prepare_inputs(inputs)
        asked = asked_for(self.args, gen_kwargs) if gen_kwargs else self._gen_kwargs or asked_for(self.args, {})
        given = inputs_to_generate_from(inputs, self.label_names)
        generator: Any = self.model
        with torch.no_grad():
            tokens = generator.generate(**given, **asked)
        prompt = given["input_ids"].shape[-1] if "input_ids" in given else 0
        length, padding = width(self.model, asked, prompt), padding_token(self.processing_class, self.model)
        loss = labels = None
        if "labels" in inputs:
            loss = super().prediction_step(model, inputs, True, ignore_keys)[0]
            labels = filled(inputs["labels"], length, padding)
        return loss, filled(tokens, length, padding), labels

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        if not self.args.sortish_sampler or data.is_iterable(dataset):
            return super()._get_train_sampler(train_dataset)
        size, name = self.args.train_batch_size, main_input_name(self.model)
        return data.train_sampler(dataset, self.args, batch_size=size, model_input_name=name, grouped=True)

    def preflight(self, *, trains: bool = True) -> list[Diagnostic]:
        found = super().preflight(trains=trains)
        found += find_generation_needs(self.args, self.model, self.processing_class)
        return [*found, *find_unsortable_rows(self.args, self.train_dataset)] if trains else found


remember(Seq2SeqTrainer)
