"""`POST /validate`: documents judged as `trainspec validate` judges them, byte for byte."""

from __future__ import annotations

import os
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from trainspec.answers.faults import NoAnswer
from trainspec.answers.judgement import Judge, Judgement
from trainspec.reports.json_text import in_utf8
from trainspec.service.refusals import Answer, Refused, answer, answer_without_floats, refused, with_found
from trainspec.service.requests import Language, Parameters, body_of, format_in, own_url, parameters_of
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.diagnostics.telling import told_in
from trainspec.settings.sources.files import parse_documents
from trainspec.text.decoding import decoded
from trainspec.text.languages import words_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from trainspec.answers.app import AppJudge
    from trainspec.answers.completion import Format
    from trainspec.service.app import Service
    from trainspec.service.work.judges import Judges

Number = Annotated[int, Field(ge=1, le=10**12)]
Input = Literal["json", "yaml", "toml", "env"]
# How often a document is judged to find what mends it.
_JUDGED = 20
_FORMS = {
    "sarif": ("trainspec.reports.sarif", "application/sarif+json"),
    "junit": ("trainspec.reports.junit", "application/xml"),
}


class Validate(Parameters):
    """The options of `trainspec validate` that are about a document, and its name."""

    name: Annotated[str, Field(min_length=1, max_length=1000)] = "document"
    input: Input | None = None
    format: Literal["json", "text", "sarif", "junit"] = "json"
    lang: Language = "en"
    at: Annotated[str, Field(max_length=1000)] | None = None
    model: str | None = None
    target: Annotated[str, Field(max_length=100)] | None = None
    world_size: Number | None = None
    nodes: Number | None = None
    ignore_unknown: bool = False
    strict: bool = False


async def validate(request: Request) -> Response:
    service: Service = request.app.state.service
    asked = parameters_of(request, Validate)
    limits = service.options.limits
    format = format_in(request, asked.input, asked.name)
    body = await body_of(request, limits.body, limits.seconds)
    # Only reports for other tools say where rules are told of.
    home = own_url(request, service.options.public_url) if asked.format in _FORMS else None
    return await service.work.do(body, _validate, format, asked, home, model=asked.model)


def _validate(judges: Judges, body: bytes, format: str, asked: Validate, home: str | None) -> Response:
    judge = _judge(asked, judges)
    if format != "env":
        documents = parse_documents(body, format, asked.name, at=asked.at, keep_faults=True)
        reports = list(judge.documents(documents, asked.name))
    elif type(judge) is Judge:
        reports = [judge.dotenv(body, asked.name)]
    else:
        raise refused(415, "SVC103", "variables of an app are judged where it runs", "send its file of settings")
    words = words_of(asked.lang)
    for report in reports:
        report.diagnostics = told_in(report.diagnostics, words)
    judgement = Judgement(reports, strict=asked.strict)
    found = [item for report in reports for item in report.diagnostics]
    status = 413 if any(item.code == "SRC109" for item in found) else 200
    if asked.format == "json":
        return answer_without_floats(judgement.to_dict(), status, found)
    if asked.format == "text":
        parts = "\n\n".join(item.render() for item in found) or words("nothing wrong")
        return with_found(Answer(in_utf8(f"{parts}\n"), status, None, "text/plain"), found)
    from trainspec.answers.rule import meanings
    from trainspec.reports.report import Manner

    help_at = f"{home}/rules/{{code}}" if home is not None else ""
    module, media = _FORMS[asked.format]
    manner = Manner(os.getcwd(), asked.strict, 0 if judgement.ok else 1, partial(meanings, words), help_at)
    return with_found(Answer(import_module(module).render(reports, manner) + "\n", status, None, media), found)


async def fixed(request: Request) -> Response:
    """`POST /fixes`: edits that mend what `/validate` says of the same body, asked with the same parameters."""
    service: Service = request.app.state.service
    asked = parameters_of(request, Validate)
    limits = service.options.limits
    format = format_in(request, asked.input, asked.name)
    body = await body_of(request, limits.body, limits.seconds)
    return await service.work.do(body, _fix, format, asked, model=asked.model, often=_JUDGED)


def _fix(judges: Judges, body: bytes, format: str, asked: Validate) -> Response:
    from trainspec.answers.fixes import Fixing

    judge = _judge(asked, judges)
    if format == "env" and type(judge) is not Judge:
        raise refused(415, "SVC103", "variables of an app are judged where it runs", "send its file of settings")
    try:
        fixing = Fixing(decoded(body), format, asked.name, judge, at=asked.at, words=words_of(asked.lang))
    except UnicodeDecodeError:
        raise refused(400, "SVC103", "the body is not UTF-8 text", "save it as UTF-8") from None
    return answer({"fixes": [one.to_dict() for one in fixing.fixes()]})


class Complete(Parameters):
    """A place in a document that is being typed: lines and UTF-16 units from 0, as editors count."""

    line: Annotated[int, Field(ge=0, le=10**7)]
    character: Annotated[int, Field(ge=0, le=10**7)]
    input: Input | None = None
    model: str | None = None
    lang: Language = "en"


async def completed(request: Request) -> Response:
    """`POST /complete`: what stands at a place, and what fits there, however much is still missing."""
    service: Service = request.app.state.service
    asked = parameters_of(request, Complete)
    limits = service.options.limits
    format = format_in(request, asked.input, "document")
    body = await body_of(request, limits.body, limits.seconds)
    return await service.work.do(body, _complete, format, asked, model=asked.model)


def _complete(judges: Judges, body: bytes, format: Format, asked: Complete) -> Response:
    from trainspec.answers.completion import complete

    model = judges.model(asked.model)
    try:
        found = complete(decoded(body), format, asked.line, asked.character, model, words_of(asked.lang))
    except UnicodeDecodeError:
        raise refused(400, "SVC103", "the body is not UTF-8 text", "save it as UTF-8") from None
    except SourceError as error:
        raise Refused(413, *error.diagnostics) from None
    return answer(found.to_dict())


def _judge(asked: Validate, judges: Judges) -> Judge | AppJudge:
    if asked.nodes is not None and not (asked.world_size or asked.target):
        raise refused(400, "SVC104", "nodes alone tells no number of processes", "world_size=16&nodes=2")
    key = (asked.model, asked.target, asked.world_size, asked.nodes, asked.ignore_unknown)
    if key == (None, None, None, None, False):
        return judges.usual
    model = judges.model(asked.model)
    _, target, world_size, nodes, ignore_unknown = key
    try:
        if issubclass(model, Settings):
            return Judge(model, target=target, world_size=world_size, nodes=nodes, ignore_unknown=ignore_unknown)
        from trainspec.answers.app import AppJudge

        return AppJudge(model, target=target, world_size=world_size, nodes=nodes, ignore_unknown=ignore_unknown)
    except NoAnswer as why:
        raise Refused(400, *why.diagnostics) from None
