"""Which phases a command of these settings has. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def trains(args: TrainingArguments) -> bool:
    """The train command trains, unless a source says do_train: false."""
    return args.do_train or "do_train" not in args.model_fields_set
