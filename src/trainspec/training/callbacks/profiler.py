"""ProfilerCallback: torch.profiler around some steps of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainspec.training.callbacks.base import TrainerCallback

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.callbacks.control import TrainerControl
    from trainspec.training.state import TrainerState


class ProfilerCallback(TrainerCallback):
    """Profiles as `torch.profiler.schedule(wait, warmup, active, repeat, skip_first)` says, counted in updates.

    Chrome traces go to `folder`, one file a cycle; `on_trace_ready` takes their place.
    """

    def __init__(
        self,
        folder: str = "profile",
        *,
        wait: int = 1,
        warmup: int = 1,
        active: int = 3,
        repeat: int = 1,
        skip_first: int = 0,
        on_trace_ready: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> None:
        self._folder = Path(folder)
        self._schedule = torch.profiler.schedule(
            wait=wait, warmup=warmup, active=active, repeat=repeat, skip_first=skip_first
        )
        self._on_trace_ready = on_trace_ready
        self._options = options
        self._profiler: torch.profiler.profile | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._profiler = torch.profiler.profile(
            schedule=self._schedule, on_trace_ready=self._on_trace_ready or self._write, **self._options
        )
        self._profiler.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._profiler is not None:
            self._profiler.step()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.abandon()

    def abandon(self) -> None:
        if self._profiler is not None:
            self._profiler.stop()
            self._profiler = None

    def _write(self, profiler: Any) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(self._folder / f"trace-{profiler.step_num}.json"))
