"""Loaders for training, evaluation and prediction, as people override them."""

from __future__ import annotations

from typing import Any

from trainspec.training import data
from trainspec.training.trainer.inside.hooks import Hooks


class Loaders(Hooks):
    _kept_loaders: data.KeptLoaders

    def get_train_dataloader(self) -> Any:
        """A loader of the training data in a new order each epoch. Raises ValueError where there is none."""
        if self.train_dataset is None:
            raise ValueError("training needs data: pass train_dataset to the Trainer")
        return self._get_dataloader(
            self.train_dataset,
            "Training",
            self._train_batch_size,
            sampler_fn=self._get_train_sampler,
            is_training=True,
        )

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """A loader of a data set, of the Trainer's own, or of the one among those that has this name."""
        chosen = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(chosen, str):
            chosen = self.eval_dataset[chosen]
        if chosen is None:
            raise ValueError("evaluation needs data: pass eval_dataset to the Trainer or to evaluate()")
        return self._kept_loaders.get(chosen, lambda: self._in_order(chosen, "Evaluation"))

    def get_test_dataloader(self, test_dataset: Any) -> Any:
        return self._in_order(test_dataset, "test")

    def _in_order(self, dataset: Any, description: str) -> Any:
        size = self.args.eval_batch_size
        return self._get_dataloader(dataset, description, size, sampler_fn=self._get_eval_sampler)
