"""Number formats where the engine keeps them: weights in half with float32 masters, and its own loss scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.parallel.deepspeed_engine.config import autocasts
from trainspec.training.parallel.deepspeed_engine.measuring import scaling_of
from trainspec.training.precision.half_models import Autocast, Whole
from trainspec.training.precision.precision import Precision

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments

# What a dynamic scale of DeepSpeed's has learned, by the names of its own attributes.
_LEARNED = ("cur_scale", "cur_iter", "last_overflow_iter", "cur_hysteresis")


class EnginePrecision(Precision):
    """Nothing is cast or scaled here but where the engine is to autocast, whose losses are computed outside of it."""

    engine: Any = None

    def __init__(self, args: TrainingArguments, device: torch.device) -> None:
        dtype = autocasts(args)
        super().__init__(Whole() if dtype is None else Autocast(device, getattr(torch, dtype)))

    def restart(self) -> None:
        super().restart()
        # The engine of another run has learned of other gradients.
        self.engine = None

    def loss_scale(self) -> float | None:
        found = self._scaling()
        return None if found is None else float(found.cur_scale)

    def state_dict(self) -> dict[str, Any] | None:
        found = self._scaling()
        return None if found is None else {name: getattr(found, name) for name in _LEARNED if hasattr(found, name)}

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        found = self._scaling()
        if found is None or not state:
            return
        if "scale" in state:
            # Of torch's scaler; when it last grew, each counts in its own way.
            state = {"cur_scale": state["scale"]}
        for name in _LEARNED:
            if name in state and hasattr(found, name):
                setattr(found, name, state[name])

    def _scaling(self) -> Any:
        return None if self.engine is None else scaling_of(self.engine)
