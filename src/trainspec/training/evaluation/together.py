"""What several processes evaluate, each its batches, brought into the order that one process would have them in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy
import torch

from trainspec.training.data.sharing.sharing import Sharing
from trainspec.training.errors import OtherProcessError, OutputsError
from trainspec.training.evaluation.arrays import detached
from trainspec.training.parallel.processes import NestError

if TYPE_CHECKING:
    from trainspec.training.loss.evaluation_loss import EvaluationLoss

# Outputs, labels, inputs and losses of a batch.
Batch = tuple[Any, Any, Any, Any]


class Together:
    """`counts`: whether what this process computes does, rather than that of another one with the same rows.

    `objects`: also what is no tensor is sent, as pickles. `everywhere`: every process keeps the outputs of all, for
    whoever called for them; else the main process alone, which computes the metrics for all.
    """

    def __init__(
        self,
        sharing: Sharing | None = None,
        *,
        counts: bool = True,
        objects: bool = False,
        everywhere: bool = False,
    ) -> None:
        self.sharing = (sharing or Sharing()).for_evaluation()
        self._processes = self.sharing.processes
        self._counts, self._objects = counts, objects
        self.is_main = self._processes.is_main
        self.keeps = everywhere or self.is_main
        # Ranks of processes in the order of their shares.
        self._order = _by_share(self._processes.each(self.sharing.rank))

    def of_all(self, batch: Batch | None) -> list[Batch]:
        """Those of a step, of every process that has one that counts, in order. Raises OutputsError in all of them."""
        if self.sharing.is_alone:
            return [] if batch is None else [batch]
        told = [tuple(map(_tensors, batch))] if batch is not None and self._counts else []
        try:
            found = self._processes.nests(told, objects=self._objects)
        except NestError as error:
            raise OutputsError(
                f"{error}: set eval_use_gather_object: true, which sends what is no tensor as a pickle, or make "
                "tensors of the outputs in preprocess_logits_for_metrics"
            ) from error
        return [tuple(entry) for rank in self._order for entry in found[rank]]

    def rows(self, rows: int) -> int:
        return self._processes.sum(rows if self._counts else 0)

    def add_up(self, losses: EvaluationLoss) -> None:
        """Have the losses of all processes in every one; those of single rows, where they are kept, in order."""
        if not self._counts:
            losses.forget()
        losses.take(self._processes.sum(losses.sums_to_send()))
        if losses.keeps_all:
            each = self._processes.nests(losses.kept())
            by_share = [each[rank] for rank in self._order]
            longest = max(map(len, by_share))
            losses.keep([part[step] for step in range(longest) for part in by_share if step < len(part)])

    def from_main(self, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What it gives in the main process, small and as JSON has it.

        What it raises there is raised there, and OtherProcessError in the others.
        """
        error: Exception | None = None
        told: dict[str, Any] = {}
        if self.is_main:
            try:
                told = {"value": compute()}
            except Exception as caught:  # whatever the user's function raises: the others must hear of it
                error, told = caught, {"error": f"{type(caught).__name__}: {caught}"}
        told = self._processes.broadcast(told)
        if error is not None:
            raise error
        if "error" in told:
            raise OtherProcessError(f"the evaluation failed in rank 0, which computes the metrics: {told['error']}")
        value: dict[str, Any] = told["value"]
        return value


def _by_share(shares: list[int]) -> list[int]:
    return sorted(range(len(shares)), key=lambda rank: (shares[rank], rank))


def _tensors(value: Any) -> Any:
    return (
        torch.from_numpy(value) if isinstance(value, numpy.ndarray) and value.dtype.kind in "fiub" else detached(value)
    )
