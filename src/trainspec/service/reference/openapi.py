"""`GET /openapi.json`: every address with its parameters and answers, from the models that read and describe them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from trainspec import __version__
from trainspec.service import admission, documents, judging
from trainspec.service.reference import SchemaOf, Told, kept
from trainspec.service.reference import answers as told
from trainspec.service.requests import Parameters, parameters_of
from trainspec.service.watching.metrics import MEDIA as METRICS

Made = dict[str, Any]
_JSON, _REF = "application/json", "#/components/schemas/{model}"
_TEXTS: Final = ("application/yaml", "application/json", "application/toml", "text/x-dotenv")
# What any request with a body may get, and any that is told what it wants.
_OF_BODIES: Final = (400, 401, 408, 413, 415, 429)
_REASONS: Final = {
    200: "the answer",
    304: "what the client has is still so",
    400: "a parameter or the body is not what it should be",
    401: "the token of the service is missing",
    404: "there is nothing of that name",
    408: "the body did not come in time",
    413: "the body, or what it stands for, is larger than may be, or took too long",
    415: "the format of the body is unknown, or not read here",
    429: "too many documents wait",
    503: "it wants no more requests",
}


class Nothing(Parameters):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Address:
    """What may be asked at an address: its parameters, the names in its path, whether it has a body, its answers.

    `others` are media types of answers beside JSON; `also` statuses with the same answer as 200.
    """

    about: str
    parameters: type[BaseModel]
    answer: type[BaseModel] | None
    body: bool = False
    path: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (400, 401)
    others: tuple[str, ...] = ()
    also: tuple[int, ...] = ()
    is_tagged: bool = False
    media: str = _JSON


def _of_document(about: str, parameters: type[BaseModel], answer: type[BaseModel], **more: Any) -> Address:
    return Address(about, parameters, answer, body=True, statuses=_OF_BODIES, **more)


def _of_reference(about: str, answer: type[BaseModel], *path: str) -> Address:
    statuses = (400, 401, 404) if path else (400, 401)
    return Address(about, Told, answer, path=path, statuses=statuses, is_tagged=True)


_SCHEMA = "application/schema+json"
ADDRESSES: Final[Mapping[str, Address]] = {
    "/": Address("The page.", Nothing, None, statuses=(404,), is_tagged=True, media="text/html"),
    "/assets/{name}": Address(
        "A file of the page.", Nothing, None, path=("name",), statuses=(404,), is_tagged=True, media="*/*"
    ),
    "/schema/v1/training-arguments.json": Address(
        "The schema of documents.", SchemaOf, told.Open, is_tagged=True, media=_SCHEMA
    ),
    "/schema/env": Address("The schema of variables.", SchemaOf, told.Open, is_tagged=True, media=_SCHEMA),
    "/fields": _of_reference("All settings.", told.Settings),
    "/fields/{name}": _of_reference("One setting, under any name it has or had.", told.Settings, "name"),
    "/rules": _of_reference("All codes.", told.Rules),
    "/rules/{code}": _of_reference("One code.", told.Rules, "code"),
    "/validate": _of_document(
        "Judge documents.",
        judging.Validate,
        told.Judgement,
        others=("text/plain", "application/sarif+json", "application/xml"),
        also=(413,),
    ),
    "/fixes": _of_document("Edits that mend what is wrong with documents.", judging.Validate, told.Fixes),
    "/complete": _of_document("What fits at a place of a document.", judging.Complete, told.Completion),
    "/plan": _of_document("What a run will do.", documents.Plan, told.Planned),
    "/show": _of_document("All settings of a document.", documents.Show, told.Shown),
    "/shareable": _of_document("A document without secrets.", documents.Show, told.Shareable),
    "/migrate": _of_document("Old names as today's.", documents.Migrate, told.Migrated),
    "/diff": _of_document("Two documents compared.", documents.Diff, told.Comparison),
    "/convert": _of_document("A document in another form.", documents.Convert, told.Converted),
    "/admission": Address(
        "Whether a Kubernetes object may be there.",
        admission.Nothing,
        told.Review,
        body=True,
        statuses=(400, 401, 408, 413, 429),
    ),
    "/healthz": Address("Whether it lives.", Parameters, told.Probe, statuses=()),
    "/readyz": Address("Whether it wants requests.", Parameters, told.Probe, statuses=(), also=(503,)),
    "/metrics": Address("Numbers for Prometheus.", Nothing, None, media=METRICS.partition(";")[0]),
    "/openapi.json": Address("This.", Nothing, told.Open, is_tagged=True),
}


async def description(request: Request) -> Response:
    parameters_of(request, Nothing)
    return kept(request, "openapi", lambda: json.dumps(document(), indent=2) + "\n")


def document() -> Made:
    """The description of all addresses, as OpenAPI 3.1 has it."""
    models: list[type[BaseModel]] = [
        told.Refusal,
        *(one.answer for one in ADDRESSES.values() if one.answer is not None),
    ]
    unique = dict.fromkeys(models)
    _, defined = models_json_schema([(model, "serialization") for model in unique], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "trainspec", "version": __version__, "description": "Settings of training runs, judged."},
        "paths": {path: {"post" if one.body else "get": _operation(path, one)} for path, one in ADDRESSES.items()},
        "components": {
            "schemas": defined["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # A service that was started without a token needs none.
        "security": [{}, {"token": []}],
    }


def _operation(path: str, one: Address) -> Made:
    name = "".join(part.strip("{}").capitalize() for part in path.replace(".", "/").replace("-", "/").split("/"))
    found: Made = {
        "operationId": ("post" if one.body else "get") + (name or "Page"),
        "summary": one.about,
        "parameters": [*_in_path(one.path), *_in_query(one.parameters)],
        "responses": dict(_responses(one)),
    }
    if one.body:
        media = (_JSON,) if one.answer is told.Review else _TEXTS
        schema: Made = {"type": "object"} if one.answer is told.Review else {"type": "string"}
        content = {kind: {"schema": {} if kind == _JSON and len(media) > 1 else schema} for kind in media}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _in_path(names: Iterable[str]) -> list[Made]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(model: type[BaseModel]) -> list[Made]:
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _of_query(one)}
        for name, one in schema.get("properties", {}).items()
    ]


def _of_query(schema: Made) -> Made:
    """A parameter is left out, and never null."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "anyOf", "default")}
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        return {**kept, **options[0]}
    return {**kept, **({"anyOf": options} if options else {})}


def _responses(one: Address) -> Iterable[tuple[str, Made]]:
    refusal = {"schema": {"$ref": _REF.format(model="Refusal")}}
    right: Made = {"schema": {"$ref": _REF.format(model=one.answer.__name__)}} if one.answer is not None else {}
    content = {one.media: right, **{media: {} for media in one.others}}
    yield "200", {"description": _REASONS[200], "content": content}
    if one.is_tagged:
        yield "304", {"description": _REASONS[304]}
    for status in sorted({*one.statuses, *one.also}):
        both = status in one.also and status in one.statuses
        if both:
            schemas = [right["schema"], refusal["schema"]]
            told_then = {**content, one.media: {"schema": {"anyOf": schemas}}}
        else:
            told_then = content if status in one.also else {_JSON: refusal}
        yield str(status), {"description": _REASONS[status], "content": told_then}
