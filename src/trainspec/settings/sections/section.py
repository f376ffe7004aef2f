"""The base of every nested settings model."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from trainspec.settings.values.lazy import BuiltOnce

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Section(BuiltOnce, BaseModel):
    """A mapping with known keys: read by attribute, or by key as scripts written for plain dicts do.

    Frozen: change it through `settings.replace(...)`, so that the rules see the change.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
        defer_build=True,
        protected_namespaces=(),
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        from trainspec.settings.views.schema.models import section_schema

        return section_schema(cls, handler)

    def __getitem__(self, key: str) -> Any:
        if key not in type(self).model_fields:
            raise KeyError(key)
        return getattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in type(self).model_fields

    def __repr_args__(self) -> Any:
        return ((name, getattr(self, name)) for name in type(self).model_fields if name in self.model_fields_set)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` for a key that this section does not have."""
        return getattr(self, key) if key in type(self).model_fields else default

    def keys(self) -> KeysView[str]:
        """All keys, said or not."""
        return dict.fromkeys(type(self).model_fields).keys()

    def items(self) -> Iterator[tuple[str, Any]]:
        """All (key, value) pairs, defaults included."""
        return ((key, getattr(self, key)) for key in type(self).model_fields)
