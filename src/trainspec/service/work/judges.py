"""What documents are judged by: the same in the process that answers and in those that work for it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from trainspec.answers.judgement import Judge
from trainspec.service.refusals import refused
from trainspec.settings.arguments import TrainingArguments

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


class Judges:
    """The classes that a service judges by."""

    def __init__(self, models: Mapping[str, type[BaseSettings]]) -> None:
        self._models = models

    @cached_property
    def usual(self) -> Judge:
        """What judges where nothing is asked for."""
        return Judge(TrainingArguments)

    def warm(self) -> None:
        """Judge a document, so that the first of somebody's need not wait until all is built that judging takes."""
        for _ in self.usual.text("output_dir: out\n", "yaml", "document"):
            pass

    def model(self, name: str | None) -> type[BaseSettings]:
        """The class that a request names; TrainingArguments where it names none. Raises Refused."""
        if name is None:
            return TrainingArguments
        if name not in self._models:
            known = ", ".join(self._models) or "none but the usual one"
            raise refused(400, "SVC104", "model names no class of this service", f"its classes: {known}")
        return self._models[name]
