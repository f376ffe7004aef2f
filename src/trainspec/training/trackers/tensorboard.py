"""TensorBoard event files in logging_dir, which may be a URL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.names import Scalars, last_step, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence


class TensorBoardTracker(Tracker):
    name = "tensorboard"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        told = last_step(history)
        # In a folder of an earlier run, readers drop what that run told after the checkpoint: it is told again.
        self._writer: Any = SummaryWriter(run.logging_dir, purge_step=None if told is None else told + 1)
        self._scalars = Scalars()
        self._step = told or 0
        self._tell_settings(run)

    def _tell_settings(self, run: RunFacts) -> None:
        self._writer.add_text("args", _as_markdown(run.settings))
        if run.model is not None:
            self._writer.add_text("model_config", _as_markdown({"class": run.model.class_name, **run.model.config}))
        self._tell_hyperparameters(run.parameters())
        self._writer.flush()

    def _tell_hyperparameters(self, values: dict[str, Any]) -> None:
        """In the same file: SummaryWriter.add_hparams would make a second run of them."""
        from torch.utils.tensorboard.summary import hparams

        scalars = {name: value for name, value in values.items() if isinstance(value, bool | int | float | str)}
        for summary in hparams(scalars, {}):  # type: ignore[no-untyped-call]
            self._writer.file_writer.add_summary(summary)

    def log(self, entry: Entry) -> None:
        self._step = step_of(entry)
        for name, value in self._scalars.of(entry).items():
            self._writer.add_scalar(name, value, self._step)

    def best_checkpoint(self, url: str) -> None:
        self._writer.add_text("best_checkpoint", url, self._step)

    def refresh(self) -> None:
        self._writer.flush()

    def flush(self) -> None:
        self._writer.flush()

    def finish(self, *, failed: bool) -> None:
        self._writer.close()


def _as_markdown(values: object) -> str:
    """Four blanks make it a block of code in the dashboard."""
    return "\n".join("    " + line for line in json.dumps(values, indent=2, default=str).splitlines())
