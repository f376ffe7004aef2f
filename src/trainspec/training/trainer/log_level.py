"""The package's logger at the level that the settings say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def apply_log_level(args: TrainingArguments) -> None:
    """Passive leaves the level to the application."""
    if args.log_level != "passive":
        logging.getLogger("trainspec").setLevel(str(args.log_level).upper())
