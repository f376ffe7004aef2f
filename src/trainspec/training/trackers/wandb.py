"""Weights & Biases: online where this machine is logged in and the server answers, else offline for `wandb sync`."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.discretion import safe_message
from trainspec.training.trackers.names import CLOSING, Scalars, number_of, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

# Seconds to wait for the server at the start, and for uploads at the end; wandb's own variables come first.
_PATIENCE = {"init_timeout": 30, "finish_timeout": 120}
_STEP = "train/global_step"
# Runs that a Trainer opened and nobody has closed: another Trainer must not go on with them.
_OPENED: set[str] = set()


class WandbTracker(Tracker):
    name = "wandb"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import wandb

        # A run that the user's script or a sweep has opened is the one to report to, and is not ours to close.
        self._is_ours = wandb.run is None or wandb.run.id in _OPENED
        if self._is_ours:
            self._run = _open(wandb, run)
            _OPENED.add(self._run.id)
        else:
            self._run = wandb.run
            self._run.config.update(run.parameters(), allow_val_change=True)
        self._run.define_metric(_STEP)
        self._run.define_metric("*", step_metric=_STEP, step_sync=True)
        self._scalars = Scalars(self._run.summary.get(_STEP) if self._run.resumed else None)

    def log(self, entry: Entry) -> None:
        closing = {key: number_of(value) for key, value in entry.items() if key in CLOSING}
        if closing:
            self._run.summary.update(closing)
        scalars = self._scalars.of({key: value for key, value in entry.items() if key not in CLOSING})
        if scalars:
            self._run.log({**scalars, _STEP: step_of(entry)})

    def best_checkpoint(self, url: str) -> None:
        self._run.summary["best_checkpoint"] = url

    def finish(self, *, failed: bool) -> None:
        if self._is_ours:
            _OPENED.discard(self._run.id)
            self._run.finish(exit_code=int(failed))


def _open(wandb: Any, run: RunFacts) -> Any:
    mode = "offline" if _must_be_offline(wandb) else None
    try:
        return _init(wandb, run, mode)
    except wandb.errors.CommError as error:
        logger.warning("wandb: the server does not answer, the run is kept offline: %s", safe_message(error))
        return _init(wandb, run, "offline")


def _init(wandb: Any, run: RunFacts, mode: str | None) -> Any:
    waits = {name: value for name, value in _PATIENCE.items() if f"WANDB_{name.upper()}" not in os.environ}
    return wandb.init(
        project=run.project_for("WANDB_PROJECT"),
        name=os.environ.get("WANDB_NAME") or run.name,
        config=run.parameters(),
        dir=run.folder("", "WANDB_DIR"),
        mode=mode,
        reinit="finish_previous",
        settings=wandb.Settings(**waits),
    )


def _must_be_offline(wandb: Any) -> bool:
    """Nobody is there to answer a question for a key in the middle of a start."""
    if wandb.setup().settings.mode != "online" or wandb.login(prompt=False, verify=False):
        return False
    logger.warning("wandb: no API key here, so the run is kept offline; `wandb sync` uploads it after `wandb login`")
    return True
