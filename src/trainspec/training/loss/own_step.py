"""A training_step that a subclass brings: its losses as parts of their window's mean, however it writes them.

Three kinds are met: those that go through the Trainer's own, those that hand a mean to `Trainer.backward`, and those
that divide it by the number of micro-batches before. Which one it is shows in the loss that compute_loss returned.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import Tensor

from trainspec.training.findings.found import found
from trainspec.training.model.signatures import supported, takes

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.training.face import TrainerFace
    from trainspec.training.loss.items import MicroBatchItems


class OwnStep:
    """Runs such a step. `base_ran`: the Trainer's own step did the work."""

    def __init__(self, trainer: TrainerFace) -> None:
        self._trainer = trainer
        self._takes_items = takes(trainer.training_step, "num_items_in_batch")
        # By the length of the window: what the loss had been divided by when it came to `backward`.
        self._divisors: dict[int, int] = {}
        self._window = 1
        self._watched: _Watched | None = None
        self._has_said = False
        self.base_ran = False

    def run(self, batch: Any, items: MicroBatchItems, window: int) -> Tensor:
        """One micro-batch of so many; returns its part of the window's mean loss."""
        trainer, parts = self._trainer, self._trainer.parts
        args = trainer.args
        told = {"num_items_in_batch": trainer.told_count(items)} if self._takes_items else {}
        self._window, self.base_ran, parts.part = window, False, None
        with_loss = vars(trainer)
        before = with_loss.get("compute_loss")
        if args.gradient_accumulation_steps > 1 and window not in self._divisors:
            self._watched = with_loss["compute_loss"] = _Watched(trainer.compute_loss)
        try:
            returned: Tensor = trainer.training_step(parts.model_wrapped, batch, **told)
        finally:
            self._watched = None
            with_loss.pop("compute_loss", None)
            if before is not None:
                with_loss["compute_loss"] = before
        if parts.part is None and not self.base_ran and window > 1:
            self._say_unweighed()
        return returned if self.base_ran or parts.part is None else parts.part

    def whole(self, loss: Tensor) -> Tensor:
        """The mean loss of the micro-batch, of which `loss` may be the part that an equal share gives."""
        divisor = self._divisors.get(self._window)
        if divisor is None:
            divisor = 1 if self._watched is None else self._find_divisor(loss, self._watched.last)
        return loss if divisor == 1 else loss * divisor

    def _find_divisor(self, loss: Tensor, returned: Any) -> int:
        """Asks the device for two numbers, once for each length of a window."""
        mean, given = (value.item() if isinstance(value, Tensor) else 0.0 for value in (returned, loss))
        if not mean or not given or not math.isfinite(mean / given):
            # Nothing can be told from this one; the next is asked.
            return 1
        likely = {self._window, self._trainer.args.gradient_accumulation_steps}
        # Half precision rounds the quotient.
        found = next((number for number in likely if math.isclose(mean / given, number, rel_tol=2e-2)), 1)
        self._divisors[self._window] = found
        return found

    def _say_unweighed(self) -> None:
        if self._has_said:
            return
        self._has_said = True
        args, name = self._trainer.args, type(self._trainer).__name__
        finding = found(
            args,
            "RUN159",
            f"{name}.training_step calls neither self.backward nor super().training_step",
            "gradient_accumulation_steps",
            reason="gradients add up as they come: unless losses are divided by the micro-batches of the window, and "
            "these hold as many labels each, the update is not that of the big batch",
            remedy="call self.backward(loss) with the mean loss of the micro-batch",
            severity="warning",
        )
        self._trainer.parts.say_once(finding.render())


class _Watched:
    """compute_loss, and the loss that it returned last."""

    def __init__(self, compute_loss: Callable[..., Any]) -> None:
        self._compute_loss = compute_loss
        self.last: Any = None
        # Whoever asks what it takes, or whether it is an override, asks the method itself.
        self.__func__ = getattr(compute_loss, "__func__", compute_loss)

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        returned = self._compute_loss(*inputs, **supported(self._compute_loss, **named))
        self.last = returned[0] if isinstance(returned, tuple) else returned
        return returned
