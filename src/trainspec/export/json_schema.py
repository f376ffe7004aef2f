"""The JSON Schema of files of settings, with the rules in it.

Two dialects: draft-07 for editors, with the keywords that their language servers know (markdownDescription,
errorMessage, deprecationMessage), and 2020-12 for tools, with standard keywords alone. What it says is written in
`settings/views/schema/`, as what `model_json_schema()` says is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import TypeAdapter

from trainspec.export.sharing import published, shared
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.views.schema.document import PARTLY, document_schema, expressed, not_expressed
from trainspec.settings.views.schema.fields import FieldSchemas, Schema

__all__ = ["HOME", "PARTLY", "Draft", "expressed", "file_schema", "not_expressed", "render", "settings_schema"]

Draft = Literal["7", "2020-12"]

_DIALECTS = {"7": "http://json-schema.org/draft-07/schema#", "2020-12": "https://json-schema.org/draft/2020-12/schema"}
_PLACES = {"7": "definitions", "2020-12": "$defs"}
# A name and no address: nothing is looked up anywhere, and nobody who owns an address can serve another schema there.
HOME = "urn:trainspec"


def render(model: type[Settings] = TrainingArguments, *, draft: Draft = "7") -> str:
    """The schema as JSON text, a line for each setting, definition and rule, in a stable order."""
    return published(file_schema(model, draft=draft))


def file_schema(model: type[Settings] = TrainingArguments, *, draft: Draft = "7") -> Schema:
    """The schema as it is published: as settings_schema, with what stands in several rules said once."""
    return shared(settings_schema(model, draft=draft), _PLACES[draft])


def settings_schema(model: type[Settings] = TrainingArguments, *, draft: Draft = "7") -> Schema:
    """The schema of documents of a settings class, its own fields and rules included."""
    definitions = _Definitions(_PLACES[draft])
    fields = FieldSchemas(definitions, "editors" if draft == "7" else "tools")
    document = document_schema(model, fields, in_file=True)
    name = "settings" if model is TrainingArguments else f"{model.__module__}.{model.__qualname__}"
    head = {"$schema": _DIALECTS[draft], "$id": f"{HOME}:{_urn_part(name)}:{draft}"}
    return {**head, **document, _PLACES[draft]: definitions.made}


def _urn_part(name: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)


class _Definitions:
    """What the fields of one document refer to, by the names of its classes."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._names: dict[type[Any], str] = {}
        self.made: dict[str, Schema] = {}

    def refer(self, model: type[Any], make: Callable[[], Schema]) -> Schema:
        if model not in self._names:
            name = self._names[model] = self._free_name(model)
            self.made[name] = {}
            self.made[name] = make()
        return {"$ref": f"#/{self._place}/{self._names[model]}"}

    def _free_name(self, model: type[Any]) -> str:
        name = model.__name__
        return name if name not in self.made else f"{model.__module__}.{model.__qualname__}".replace(".", "__")

    def other(self, annotation: Any) -> Schema:
        schema: Schema = TypeAdapter(annotation).json_schema(ref_template=f"#/{self._place}/{{model}}")
        for name, inner in schema.pop("$defs", {}).items():
            self.made.setdefault(name, inner)
        return schema
