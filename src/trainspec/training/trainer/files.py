"""The model, its metrics and the state as files in output_dir, and metrics on the terminal, for scripts that ask."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Any

from trainspec.storage import NotFound
from trainspec.text.redaction import shortened
from trainspec.training.checkpoint.manifest import json_bytes
from trainspec.training.checkpoint.ranks.files import writes_for_all
from trainspec.training.evaluation.plain import plain_metrics
from trainspec.training.state import TRAINER_STATE_NAME, shared_part, state_bytes
from trainspec.training.trainer.attributes import TrainerAttributes

if TYPE_CHECKING:
    from collections.abc import Mapping


# A confusion matrix would fill the screen.
_LONGEST = 60
ALL_RESULTS = "all_results.json"


class Files(TrainerAttributes):
    # None of these waits for other processes: scripts call them in the main process alone.

    def metrics_format(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """The metrics as a person reads them: times as h:mm:ss.cc, memory in MB, operations in GF, four decimals."""
        return {name: _readable(name, value) for name, value in metrics.items()}

    def log_metrics(self, split: str, metrics: Mapping[str, Any]) -> None:
        """Print the metrics of a split (train, eval, test) as a table."""
        if not self.parts.strategy.processes.is_main:
            return
        shown = {name: shortened(str(value), _LONGEST) for name, value in sorted(self.metrics_format(metrics).items())}
        left = max(map(len, shown), default=0)
        right = max(map(len, shown.values()), default=0)
        lines = [f"  {name:<{left}} = {value:>{right}}" for name, value in shown.items()]
        sys.stdout.write("\n".join([f"***** {split} metrics *****", *lines]) + "\n")

    def save_metrics(self, split: str, metrics: Mapping[str, Any], combined: bool = True) -> None:
        """Write {split}_results.json into output_dir, and with `combined` add to all_results.json."""
        if not writes_for_all(self.args, self.parts.strategy.processes):
            return
        output = self.parts.output(self.args)
        metrics = plain_metrics(metrics, "save_metrics")
        output.write_bytes(f"{split}_results.json", json_bytes(metrics))
        if combined:
            try:
                known = _read_json(output.read_bytes(ALL_RESULTS))
            except NotFound:
                known = {}
            output.write_bytes(ALL_RESULTS, json_bytes({**known, **metrics}))

    def save_state(self) -> None:
        """Write trainer_state.json into output_dir, beside a model that save_model wrote there."""
        if writes_for_all(self.args, self.parts.strategy.processes):
            self.parts.output(self.args).write_bytes(TRAINER_STATE_NAME, state_bytes(shared_part(self.state.to_dict())))


def _read_json(data: bytes) -> dict[str, Any]:
    import json

    document = json.loads(data)
    return document if isinstance(document, dict) else {}


def _readable(name: str, value: Any) -> Any:
    if "_mem_" in name and isinstance(value, int):
        return f"{value >> 20}MB"
    if name.endswith("_runtime"):
        hundredths = round(value * 100)
        return f"{datetime.timedelta(seconds=hundredths // 100)}.{hundredths % 100:02d}"
    if name == "total_flos":
        return f"{int(value) >> 30}GF"
    return round(value, 4) if isinstance(value, float) else value
