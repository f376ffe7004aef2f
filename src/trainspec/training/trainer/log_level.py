"""The package's logger at the level that the settings say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


class _UntilConfigured(logging.StreamHandler):  # type: ignore[type-arg]
    """Shows the package's log on stderr as long as the application has no handler of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        others = (handler for handler in logging.getLogger("trainspec").handlers if handler is not self)
        if not logging.getLogger().handlers and next(others, None) is None:
            super().emit(record)


_HANDLER = _UntilConfigured()


def level_of(args: TrainingArguments) -> str:
    """What the settings say for this process: one that logs, or a replica."""
    return str(args.log_level if args.should_log else args.log_level_replica)


def apply_log_level(args: TrainingArguments) -> None:
    """Passive leaves the level to the application; where it asks transformers to tell more, we tell it too."""
    logger, chosen = logging.getLogger("trainspec"), level_of(args)
    if chosen == "passive":
        theirs = logging.getLogger("transformers").level
        if logger.level != logging.NOTSET or not logging.NOTSET < theirs <= logging.INFO:
            return
        logger.setLevel(theirs)
    else:
        logger.setLevel(chosen.upper())
    if _HANDLER not in logger.handlers:
        logger.addHandler(_HANDLER)
