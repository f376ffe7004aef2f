"""The task of the worked example: 30,000 short rows of the language model task, and a callback that measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.tasks import TaskParts
from trainspec.tasks.lm import lm
from trainspec.tasks.lm.settings import LanguageModelSettings

if TYPE_CHECKING:
    from trainspec import TrainingArguments

ROWS = 30_000
# Rows of so many characters, of which the text has enough.
CONTEXT = 12


class Settings(LanguageModelSettings):
    """Rows to train on, and the update that is measured, counted from 1."""

    context: int = CONTEXT
    width: int = 64
    dropout: float = 0.0
    rows: int = ROWS
    measured_update: int = 100


def measured(args: TrainingArguments, settings: Settings) -> TaskParts:
    """The task, whose every process writes what it measured into output_dir."""
    from torch.utils.data import Subset

    from benchmarks.zero3.measuring import Measuring

    own = LanguageModelSettings(**{name: getattr(settings, name) for name in LanguageModelSettings.model_fields})
    whole = lm(args, own)
    rows = Subset(whole.train_dataset, range(settings.rows))
    return TaskParts(whole.model, train_dataset=rows, callbacks=[Measuring(settings.measured_update)])


measured.settings_model = Settings  # type: ignore[attr-defined]
