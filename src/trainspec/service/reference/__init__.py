"""What does not depend on a document: schemas, settings, rules; each made once, with a tag to ask by again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from starlette.responses import Response

from trainspec.answers.explain import explain, explain_all
from trainspec.answers.faults import NoAnswer
from trainspec.answers.rule import meaning_of, meanings
from trainspec.answers.schema import Schema, app_schema, schema
from trainspec.reports.json_text import json_text
from trainspec.service.refusals import Refused, refused
from trainspec.service.requests import Language, Parameters, own_url, parameters_of
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics.telling import told_in
from trainspec.text.languages import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request

    from trainspec.service.app import Service


# In what is kept, in the place of the address under which somebody asks for it.
_ADDRESS_HERE = "urn:trainspec:here"


class SchemaOf(Parameters):
    """The draft (7 for editors), the class, and the language of titles and descriptions."""

    draft: Literal["7", "2020-12"] | None = None
    model: str | None = None
    lang: Language | None = None


class Told(Parameters):
    """The language that facts are told in."""

    lang: Language = "en"


async def file_schema(request: Request) -> Response:
    return _schema(request, "file")


async def env_schema(request: Request) -> Response:
    return _schema(request, "env")


async def fields(request: Request) -> Response:
    told = parameters_of(request, Told).lang
    return kept(request, f"fields {told}", lambda: _listed("settings", explain_all(words_of(told))))


async def field(request: Request) -> Response:
    words = words_of(parameters_of(request, Told).lang)
    try:
        facts = explain(request.path_params["name"], words)
    except NoAnswer as why:
        raise Refused(404, *told_in(why.diagnostics, words)) from None
    return _tagged(request, json_text({"settings": [facts.to_dict()]}) + "\n")


async def rules(request: Request) -> Response:
    told = parameters_of(request, Told).lang
    return kept(request, f"rules {told}", lambda: _listed("rules", meanings(words_of(told)).values()))


async def rule(request: Request) -> Response:
    words = words_of(parameters_of(request, Told).lang)
    try:
        found = meaning_of(request.path_params["code"], meanings(words))
    except NoAnswer as why:
        raise Refused(404, *told_in(why.diagnostics, words)) from None
    return _tagged(request, json_text({"rules": [found.to_dict()]}) + "\n")


def _schema(request: Request, what: Literal["file", "env"]) -> Response:
    asked = parameters_of(request, SchemaOf)
    service = _service(request)
    model = service.work.judges.model(asked.model)
    if not issubclass(model, Settings) and asked.draft == "7":
        raise refused(400, "SVC104", "the schema of an app is one of draft 2020-12", "leave draft out")

    def made() -> Schema:
        found = schema(what, model, asked.draft or "7") if issubclass(model, Settings) else app_schema(what, model)
        return found.at(_ADDRESS_HERE).told_in(words_of(asked.lang or "en"))

    text = _keep(service, f"{what} {asked.draft} {asked.model} {asked.lang}", lambda: made().text)
    return _tagged(request, text.replace(_ADDRESS_HERE, _address(request, asked), 1), "application/schema+json")


def _address(request: Request, asked: SchemaOf) -> str:
    """Where the schema is: this service's own address of it, and a name that is none where nobody knows that."""
    home = own_url(request, _service(request).options.public_url)
    said = urlencode(asked.model_dump(exclude_none=True))
    return f"{home or 'urn:trainspec'}{request.url.path}{'?' if said else ''}{said}"


def _listed(what: str, facts: Iterable[Any]) -> str:
    return json_text({what: [item.to_dict() for item in facts]}) + "\n"


def kept(request: Request, key: str, make: Callable[[], str]) -> Response:
    """A text that is made once, with its tag."""
    return _tagged(request, _keep(_service(request), key, make))


def _keep(service: Service, key: str, make: Callable[[], str]) -> str:
    if key not in service.kept:
        service.kept[key] = make()
    return service.kept[key]


def _tagged(request: Request, text: str, media: str = "application/json") -> Response:
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type=media)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
