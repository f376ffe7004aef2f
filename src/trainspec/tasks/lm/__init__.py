"""A character language model on any text."""

from trainspec.tasks.lm.settings import LanguageModelSettings
from trainspec.tasks.lm.task import lm

__all__ = ["LanguageModelSettings", "lm"]
