"""Which metrics evaluation returns, found out on one batch before a night of training depends on one of them."""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

from trainspec.training.data import is_iterable, undisturbed

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainspec.training.trainer import Trainer

logger = logging.getLogger(__name__)


def metrics_of_one_batch(trainer: Trainer) -> Collection[str] | None:
    """Names as `evaluate` would return them; None where the data can be read only once, or one batch is too little.

    Random numbers, the history and the model's mode are afterwards what they were.
    """
    sets = trainer.eval_dataset if isinstance(trainer.eval_dataset, dict) else {None: trainer.eval_dataset}
    names: set[str] = set()
    for name, dataset in sets.items():
        if dataset is None or is_iterable(dataset):
            return None
        prefix = "eval" if name is None else f"eval_{name}"
        try:
            with undisturbed():
                batch = list(islice(trainer.get_test_dataloader(dataset), 1))
                output = trainer.evaluation_loop(batch, "Preflight", trainer.compute_metrics is None, None, prefix)
        # A metric may need more rows than one batch has: that is no fault.
        except Exception as error:
            logger.debug("one batch of evaluation did not tell the metrics: %s", error)
            return None
        names |= output.metrics.keys()
    return names
