"""What is made only when somebody uses it: sections' models (most runs have no DeepSpeed), validators, descriptions."""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

FIRST_USE = RLock()
"""Held while something is made at its first use; who finds it made never asks for it."""


class BuiltOnce:
    """A pydantic model whose validator is built at its first use: by one thread, while others wait for it.

    Left alone, pydantic before 2.14 lets several threads take a half-built class apart.
    """

    __slots__ = ()

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Any = None,
    ) -> bool | None:
        """As pydantic has it; names are looked up where this is called from."""
        with FIRST_USE:
            model: Any = super()
            built: bool | None = model.model_rebuild(
                force=force,
                raise_errors=raise_errors,
                _parent_namespace_depth=_parent_namespace_depth + 1 if _parent_namespace_depth > 0 else 0,
                _types_namespace=_types_namespace,
            )
            return built


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
        from trainspec.settings.views.schema.models import section_reference

        return section_reference(self.model(), handler)


def _dump(value: Any) -> Any:
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
