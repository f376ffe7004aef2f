"""Callbacks: code that runs at moments of training.

run_begin
for every update:
    step_end
    log          (when an entry is logged, evaluation's included)
run_end
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.state import TrainerState

Entry = Mapping[str, float | int]


class Callback:
    """Override the moments you need."""

    def on_run_begin(self, args: TrainingArguments, state: TrainerState) -> None: ...

    def on_step_end(self, args: TrainingArguments, state: TrainerState) -> None: ...

    def on_log(self, args: TrainingArguments, state: TrainerState, entry: Entry) -> None: ...

    def on_run_end(self, args: TrainingArguments, state: TrainerState) -> None: ...
