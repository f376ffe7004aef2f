"""Sections whose models are built only when somebody uses them: most runs have no DeepSpeed configuration."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class LazySection:
    """Annotation metadata: the value is the section model at `module:Class`, imported at its first value."""

    def __init__(self, home: str) -> None:
        self.home = home

    def model(self) -> type[BaseModel]:
        """The section's model."""
        module, _, name = self.home.partition(":")
        model: type[BaseModel] = getattr(import_module(module), name)
        return model

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: Any) -> BaseModel:
            return self.model().model_validate(value)

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.plain_serializer_function_ser_schema(_dump)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.model().__pydantic_core_schema__)


def _dump(value: Any) -> Any:
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
