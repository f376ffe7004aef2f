"""MLflow: wherever MLFLOW_TRACKING_URI points, else the library's own place."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainspec.training.trackers.base import Entry, RunFacts, Tracker
from trainspec.training.trackers.discretion import safe_message
from trainspec.training.trackers.names import Scalars, step_of

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

# A server that is gone is asked seven times over minutes by default; training waits meanwhile.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_LONGEST_VALUE = 500
_PARAMETERS_AT_ONCE = 100
_FORBIDDEN = re.compile(r"[^\w\-. :/]")


class MlflowTracker(Tracker):
    name = "mlflow"

    def start(self, run: RunFacts, history: Sequence[Entry]) -> None:
        import mlflow

        with _impatient():
            self.prepare()
            active = mlflow.active_run()
            # Inside `with mlflow.start_run():` that run is the one to report to, and is not ours to end.
            self._is_ours = active is None
            if self._is_ours:
                active = mlflow.start_run(
                    run_id=os.environ.get("MLFLOW_RUN_ID"),
                    experiment_id=_experiment_id(mlflow, run),
                    run_name=run.name,
                )
            self._mlflow, self._client = mlflow, mlflow.MlflowClient()
            self._id = active.info.run_id
            self._tell_parameters(run.parameters())
            self._scalars = Scalars(self._told_until(history))

    def prepare(self) -> None:
        """What services that speak MLflow's protocol need before a run starts."""

    def log(self, entry: Entry) -> None:
        from mlflow.entities import Metric

        now, step = int(time.time() * 1000), step_of(entry)
        metrics = [Metric(_key(name), value, now, step) for name, value in self._scalars.of(entry).items()]
        if metrics:
            with _impatient():
                self._client.log_batch(self._id, metrics=metrics)

    def best_checkpoint(self, url: str) -> None:
        with _impatient():
            self._client.set_tag(self._id, "best_checkpoint", url)

    def finish(self, *, failed: bool) -> None:
        if not self._is_ours:
            return
        status = "FAILED" if failed else "FINISHED"
        active = self._mlflow.active_run()
        with _impatient():
            if active is not None and active.info.run_id == self._id:
                self._mlflow.end_run(status)
            else:
                self._client.set_terminated(self._id, status)

    def _tell_parameters(self, values: dict[str, Any]) -> None:
        """A run that goes on has parameters, which MLflow never changes."""
        from mlflow.entities import Param

        there = self._client.get_run(self._id).data.params
        new = [Param(_key(name), str(value)[:_LONGEST_VALUE]) for name, value in values.items()]
        new = [parameter for parameter in new if parameter.key not in there]
        try:
            for start in range(0, len(new), _PARAMETERS_AT_ONCE):
                self._client.log_batch(self._id, params=new[start : start + _PARAMETERS_AT_ONCE])
        except self._mlflow.MlflowException as error:
            logger.warning("%s: not every parameter was taken: %s", self.name, safe_message(error))

    def _told_until(self, history: Sequence[Entry]) -> int | None:
        """A resumed run that MLFLOW_RUN_ID sends to its old place: what is there already is not told again."""
        if not history or "MLFLOW_RUN_ID" not in os.environ:
            return None
        points = self._client.get_metric_history(self._id, "train/epoch")
        return max((point.step for point in points), default=None)


def _experiment_id(mlflow: Any, run: RunFacts) -> str | None:
    """The settings' project; None, the current one, where the script has chosen it and the settings say nothing."""
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID") or getattr(mlflow.tracking.fluent, "_active_experiment_id", None)
    if "MLFLOW_RUN_ID" in os.environ or (chosen and not run.project_is_said):
        return None
    name = run.project_for("MLFLOW_EXPERIMENT_NAME")
    there = mlflow.get_experiment_by_name(name)
    # By its number alone: set_experiment would hold for whatever this process does next.
    return str(there.experiment_id if there is not None else mlflow.create_experiment(name))


def _key(name: str) -> str:
    return _FORBIDDEN.sub("_", name)


@contextmanager
def _impatient() -> Iterator[None]:
    """Few tries inside the block, where the environment does not say how many."""
    ours = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
