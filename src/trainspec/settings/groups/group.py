"""What a group of settings is: annotated fields that TrainingArguments takes in."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

    class Group(Settings):
        """What type checkers see: fields of a settings model."""

else:

    class Group:
        """A plain class at run time: twenty pydantic models that nobody uses alone would slow every start."""
