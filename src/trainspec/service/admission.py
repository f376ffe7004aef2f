"""`POST /admission`: Kubernetes asks whether a ConfigMap or a TrainJob may be there, and is told what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from trainspec.answers.judgement import Judge
from trainspec.service.refusals import answer, refused
from trainspec.service.requests import Parameters, body_of, parameters_of
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.judging.likeness import looks_like_settings
from trainspec.settings.sources.files import format_of, is_named_as_format
from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault
from trainspec.text.decoding import decoded

if TYPE_CHECKING:
    from starlette.requests import Request

    from trainspec.service.app import Service
    from trainspec.service.work.judges import Judges

_PREFIX = "TRAINSPEC_"
# What kubectl shows of a warning.
_LONGEST_WARNING = 256


class Nothing(Parameters):
    """No parameters."""


async def admission(request: Request) -> Response:
    service: Service = request.app.state.service
    parameters_of(request, Nothing)
    limits = service.options.limits
    body = await body_of(request, limits.body, limits.seconds)
    return await service.work.do(body, _reviewed)


def _reviewed(judges: Judges, body: bytes) -> Response:
    try:
        review = parse_json(decoded(body))
    except (Fault, UnicodeDecodeError, RecursionError):
        raise _no_review() from None
    asked = review.get("request") if isinstance(review, dict) else None
    if not isinstance(asked, dict) or not isinstance(asked.get("uid"), str):
        raise _no_review()
    found = list(_judged(asked.get("object")))
    errors = [item for item in found if item.severity == "error"]
    told: dict[str, Any] = {"uid": asked["uid"], "allowed": not errors}
    if errors:
        message = "\n".join(f"{item.code} {item.message}" for item in errors)
        told["status"] = {"code": 422, "reason": "Invalid", "message": message}
    warned = [f"{item.code} {item.message}"[:_LONGEST_WARNING] for item in found if item.severity == "warning"]
    told |= {"warnings": warned} if warned else {}
    return answer({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": told}, found=found)


def _no_review() -> Exception:
    return refused(400, "SVC104", "the body is no AdmissionReview of admission.k8s.io/v1")


def _judged(thing: Any) -> Iterator[Diagnostic]:
    """What is wrong with the settings that an object carries; nothing where it carries none, or is deleted."""
    if not isinstance(thing, dict):
        return
    if thing.get("kind") == "ConfigMap":
        data = thing.get("data")
        pairs = {key: text for key, text in data.items() if isinstance(text, str)} if isinstance(data, dict) else {}
        for key, text in pairs.items():
            if is_named_as_format(key) and looks_like_settings(text, key, TrainingArguments):
                for report in Judge(TrainingArguments).text(text, format_of(key), key):
                    yield from report.diagnostics
        yield from _variables(Judge(TrainingArguments), pairs, "data")
    elif thing.get("kind") == "TrainJob":
        trainer = _inside(thing, "spec", "trainer")
        entries = trainer.get("env")
        named = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        pairs = {str(one.get("name")): one["value"] for one in named if isinstance(one.get("value"), str)}
        nodes, each = trainer.get("numNodes", 1), trainer.get("numProcPerNode")
        counted = all(type(number) is int and 0 < number < 10**6 for number in (nodes, each))
        size = {"world_size": nodes * each, "nodes": nodes} if counted else {}
        yield from _variables(Judge(TrainingArguments, **size), pairs, "spec.trainer.env")


def _inside(value: Any, *path: str) -> dict[str, Any]:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _variables(judge: Judge, pairs: dict[str, str], place: str) -> list[Diagnostic]:
    ours = [(name, value) for name, value in pairs.items() if name.upper().startswith(_PREFIX)]
    return judge.variables(ours, place).diagnostics if ours else []
