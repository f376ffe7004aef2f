"""Which metrics evaluation returns, found out on one batch before a night of training depends on one of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from trainspec.training.data import is_iterable, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

logger = logging.getLogger(__name__)


def metrics_of_one_batch(
    eval_dataset: Any, evaluated: Callable[[Any, str], Mapping[str, float]]
) -> Collection[str] | None:
    """Names as `evaluate` would return them; None where the data can be read only once, or one batch is too little.

    `evaluated(dataset, prefix)` gives the metrics of the first batch of a data set. Random numbers are afterwards what
    they were.
    """
    sets = eval_dataset if isinstance(eval_dataset, dict) else {None: eval_dataset}
    names: set[str] = set()
    for name, dataset in sets.items():
        if dataset is None or is_iterable(dataset):
            return None
        try:
            with undisturbed():
                names |= evaluated(dataset, "eval" if name is None else f"eval_{name}").keys()
        # A metric may need more rows than one batch has: that is no fault.
        except Exception as error:
            logger.debug("one batch of evaluation did not tell the metrics: %s", error)
            return None
    return names
