"""What a request says: its body within bounds, the format of it, its parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect

from trainspec.service.refusals import refused
from trainspec.service.work.deadlines import within
from trainspec.settings.sources.files import is_named_as_format
from trainspec.text.languages import language_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope

    from trainspec.settings.diagnostics import Diagnostic

P = TypeVar("P", bound=BaseModel)
Language = Literal["en", "zh"]
# Bytes of parameters that are worth keeping what they say.
_SHORT = 256
# Media types, without "application/", "text/" and "x-", and the formats that they stand for.
MEDIA = {"json": "json", "yaml": "yaml", "vnd.yaml": "yaml", "toml": "toml", "dotenv": "env", "env": "env"}


class Parameters(BaseModel):
    """Parameters of a request; one that there is not is refused, as it would be overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parameters_of(request: Request, kind: type[P]) -> P:
    """The parameters of a request. Raises Refused, without saying what was sent."""
    asked: bytes = request.scope["query_string"]
    found: P = (_kept_parameters if len(asked) <= _SHORT else _parameters)(asked, kind)
    return found


def _parameters(asked: bytes, kind: type[P]) -> P:
    pairs = QueryParams(asked).multi_items()
    if len({name for name, _ in pairs}) < len(pairs):
        raise refused(400, "SVC104", "a parameter is given twice", "leave one out")
    try:
        return kind.model_validate(dict(pairs))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        names = [info.alias or field for field, info in kind.model_fields.items()]
        if name not in names:
            raise refused(
                400, "SVC104", "there is no such parameter", f"the parameters are {', '.join(names)}"
            ) from None
        raise refused(400, "SVC104", f"{name} {_why(first['type'], first.get('ctx', {}))}") from None


def _why(fault: str, facts: Mapping[str, Any]) -> str:
    """What is wrong with a parameter, of pydantic's word for it, and never with what was sent."""
    if fault == "missing":
        return "is missing"
    if fault == "literal_error":
        return f"takes {', '.join(_CHOICE.findall(facts['expected']))}"
    if fault == "string_too_short":
        return "is empty"
    if fault == "string_too_long":
        return f"takes at most {facts['max_length']:,} characters"
    if fault.startswith("bool"):
        return "takes true or false"
    bounds = {"greater_than_equal": ("ge", ">="), "less_than_equal": ("le", "<=")}
    if fault in bounds:
        key, sign = bounds[fault]
        return f"takes a whole number {sign} {facts[key]:,}"
    return "takes a whole number" if fault.startswith("int") else "is no text"


# Clients ask many times in the same way.
_kept_parameters = lru_cache(maxsize=256)(_parameters)

# One of the choices that pydantic tells.
_CHOICE = re.compile(r"'([^']*)'")
_LANG = re.compile(rb"(?:^|&)lang=(en|zh)(?:&|$)")
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
# A host as clients name it, whom nobody has vouched for: what it is put into is JSON and an address.
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")


def own_url(request: Request, public: str | None) -> str | None:
    """The URL of this service: the one that it was told, else the one that it is asked at. None where that is none."""
    if public is not None:
        return public.rstrip("/")
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else None


async def body_of(request: Request, most: int, seconds: float) -> bytes:
    """The body, of which no more is read than may be, however it is sent. Raises Refused."""
    headers = dict(request.scope["headers"])
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise refused(415, "SVC103", "the body is packed", "send it as it is, without Content-Encoding")
    told = headers.get(b"content-length", b"")
    if told.isdigit() and (len(told) > 15 or int(told) > most):
        raise _too_large(most)
    try:
        return await within(seconds, _read(request.receive, most))
    except TimeoutError:
        raise refused(408, "SVC102", f"the body did not come within {seconds:g} seconds", Connection="close") from None


async def _read(receive: Receive, most: int) -> bytes:
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part, more = message.get("body", b""), message.get("more_body", False)
        length += len(part)
        if length > most:
            raise _too_large(most)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(most: int) -> Exception:
    return refused(413, "SVC101", f"the body has more than {most:,} bytes", Connection="close")


def format_in(request: Request, said: str | None, name: str) -> str:
    """The format of the body: as the parameter says, else its media type, else the name's ending. Raises Refused."""
    if said is not None:
        return said
    told = dict(request.scope["headers"]).get(b"content-type", b"")
    # What is short is soon seen again; a header of many letters is not worth keeping.
    found = (_kept_format if len(told) <= _SHORT else _format_of_media)(told)
    if found is not None:
        return found
    if is_named_as_format(name):
        from trainspec.settings.sources.files import format_of

        return format_of(name)
    remedy = "send Content-Type: application/yaml, application/json, application/toml or text/x-dotenv, or ?input=yaml"
    raise refused(415, "SVC103", "the body's format is unknown", remedy)


def _format_of_media(told: bytes) -> str | None:
    media = told.partition(b";")[0].strip().lower().decode("latin-1")
    kind = media.removeprefix("application/").removeprefix("text/").removeprefix("x-")
    return MEDIA[kind] if kind in MEDIA and media != kind else None


_kept_format = lru_cache(maxsize=64)(_format_of_media)


def language_of_errors(scope: Scope) -> str:
    """The language that a request is refused in, whatever else is wrong with it: that of its parameter, else the first
    of its header that there is.
    """
    found = _LANG.search(scope.get("query_string", b""))
    if found is not None:
        return found[1].decode()
    asked = dict(scope["headers"]).get(b"accept-language", b"")[:_SHORT].decode("latin-1")
    return _first_of(asked) if asked else "en"


def _first_of(accepted: str) -> str:
    ranked = []
    for number, one in enumerate(accepted.split(",")):
        name, _, quality = one.partition(";")
        share = _QUALITY.fullmatch(quality.strip())
        weight = float(share[1]) if share else 1.0 if not quality.strip() else 0.0
        ranked.append((-weight, number, language_of(name.strip())))
    return next((name for weight, _, name in sorted(ranked, key=lambda one: one[:2]) if weight and name), "en")


def told(diagnostics: Iterable[Diagnostic], lang: str) -> tuple[Diagnostic, ...]:
    """Diagnostics in the language that a request asks for."""
    if lang != "zh":
        return tuple(diagnostics)
    from trainspec.settings.diagnostics.telling import told_in
    from trainspec.text.languages import words_of

    return tuple(told_in(diagnostics, words_of(lang)))
