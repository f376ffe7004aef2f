"""TrainingArguments: the groups of settings composed, with what scripts call and read on them."""

from trainspec.settings.arguments.arguments import TrainingArguments

__all__ = ["TrainingArguments"]
