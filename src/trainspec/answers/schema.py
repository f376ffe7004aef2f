"""JSON Schema of files of settings, of environments, and of what judging says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

    from trainspec.export.json_schema import Draft
    from trainspec.settings.base import Settings
    from trainspec.text.languages import Words

What = Literal["file", "env", "diagnostics"]


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as plain JSON, and as the text that is published."""

    document: dict[str, Any]

    @property
    def text(self) -> str:
        from trainspec.export.sharing import published

        return published(self.document)

    def told_in(self, words: Words) -> Schema:
        """The same schema, with its titles, descriptions and messages in these words."""
        from trainspec.export.translated import translated

        return self if words is str else Schema(translated(self.document, words))

    def at(self, address: str) -> Schema:
        """The same schema under an address of its own."""
        from trainspec.export.places import named

        return Schema(named(self.document, address))

    def to_dict(self) -> dict[str, Any]:
        return self.document


def app_schema(what: What, app: type[BaseSettings]) -> Schema:
    """The schema of files or of environments of an app with settings inside, in the dialect 2020-12."""
    if what == "file":
        return Schema({"$schema": "https://json-schema.org/draft/2020-12/schema", **app.model_json_schema()})
    from trainspec.export.apps import environment

    return Schema(environment.render(app))


def schema(what: What, model: type[Settings], draft: Draft = "7") -> Schema:
    """The schema of files or of environments of a settings class; that of diagnostics is the same for all of them."""
    if what == "file":
        from trainspec.export.json_schema import file_schema

        return Schema(file_schema(model, draft=draft))
    if what == "env":
        from trainspec.export import environment_schema

        return Schema(environment_schema.render(model, draft))
    from trainspec.export import diagnostics_schema

    return Schema(diagnostics_schema.render())
