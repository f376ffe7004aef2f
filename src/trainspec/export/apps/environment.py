"""JSON Schema of the variables of an app, those of the settings inside under the app's own names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic_settings import BaseSettings

from trainspec.export.environment_schema import WHERE_FOUND, Variable, prefix_of, variables
from trainspec.settings.sources.embedding.inside import AppNames, Inside, places_in
from trainspec.settings.sources.variables import NESTED, TASK
from trainspec.settings.views.schema.fields import titled
from trainspec.settings.views.schema.text_patterns import Schema

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render(app: type[BaseSettings]) -> Schema:
    """The schema of environments in which an app is made."""
    names = AppNames(app)
    properties: dict[str, Schema] = {}
    closed: list[Schema] = []
    for name, info in app.model_fields.items():
        about = info.description or titled(name)
        properties[names.variable((name,))] = {"type": "string", "title": titled(name), "description": about}
    for place in places_in(app):
        found = list(_inside(names, place))
        properties |= {one.name: one.schema for one in found}
        start = names.start(place.path)
        if found and start is not None:
            closed.append(_only_these(start, found, names.delimiter or NESTED))
    return {
        "$schema": _DIALECT,
        "title": f"Environment of {app.__name__}",
        "description": f"Variables that say settings of {app.__name__}; others are left alone.",
        "$comment": "Generated. Values of the app's own, and rules, are judged by trainspec validate --env --model.",
        "type": "object",
        "properties": properties,
        "propertyNames": {"allOf": closed} if closed else {},
        "additionalProperties": True,
    }


def _inside(names: AppNames, place: Inside) -> Iterator[Variable]:
    """The variables of one settings class in the app, under the app's names."""
    start, model = names.start(place.path), place.model
    if place.in_list or start is None:
        return
    reserved = {f"{prefix_of(model)}{name}".upper() for name in (*WHERE_FOUND, TASK)}
    for one in variables(model):
        if one.name not in reserved or one.name.removeprefix(prefix_of(model)).lower() in model.model_fields:
            short = one.name.removeprefix(prefix_of(model)).replace(NESTED, names.delimiter or NESTED)
            case = str.upper if start.isupper() else str.lower
            yield Variable(start + case(short), one.schema, one.is_open, one.has_keys)


def _only_these(start: str, found: list[Variable], delimiter: str) -> Schema:
    """A variable that begins as those of the settings do is one of them."""
    opened = [{"pattern": f"^{re.escape(one.name + delimiter)}."} for one in found if one.is_open]
    listed = {"enum": [one.name for one in found]}
    return {"anyOf": [{"not": {"type": "string", "pattern": f"^{re.escape(start)}"}}, listed, *opened]}
