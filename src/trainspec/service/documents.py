"""What follows from documents: their plan, their migration, their difference, another form of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from trainspec.answers.diff import Comparison, against_defaults, compare
from trainspec.answers.documents import Judged, judged, judged_variables
from trainspec.answers.export import READ_BY, export
from trainspec.answers.faults import NoAnswer, mistake
from trainspec.answers.migrate import convert, migrate
from trainspec.answers.plan import Planned, Scale, plan, with_compared, with_course
from trainspec.answers.sharing import shareable
from trainspec.answers.show import Shown, known_keys, rest_of, said_in
from trainspec.service.refusals import Refused, answer, refused
from trainspec.service.requests import Language, Parameters, body_of, format_in, parameters_of, told
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import Document, parse_documents
from trainspec.text.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from trainspec.migration.documents import Found
    from trainspec.service.app import Service
    from trainspec.service.work.judges import Judges

Number = Annotated[int, Field(ge=1, le=10**12)]
Rows = Annotated[int, Field(ge=0, le=10**15)]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
Input = Literal["json", "yaml", "toml"]
Text = Input | Literal["env"]
_SCRIPTS = {"cli": "command line", "bat": "script", "powershell": "script", "notebook": "notebook", "python": "file"}


class Plan(Parameters):
    """What a plan is made for; several documents of a stream are laid over one another.

    `course` asks for what a picture of the run needs, `best` which save turns out the best in it; `compare` for the
    strategies side by side.
    """

    name: Name = "document"
    input: Text | None = None
    rows: Rows | None = None
    eval_rows: Rows | None = None
    world_size: Number | None = None
    nodes: Number | None = None
    target: Annotated[str, Field(max_length=100)] | None = None
    params: Number | None = None
    sequence_length: Number | None = None
    course: bool = False
    best: Number | None = None
    compare: Literal["strategies"] | None = None
    lang: Language = "en"


class Show(Parameters):
    """What is shown; several documents of a stream are laid over one another."""

    name: Name = "document"
    input: Text | None = None
    lang: Language = "en"


class Migrate(Parameters):
    """What is sent, a file of settings or what launches a run, and the form that is asked for: none edits a file."""

    name: Name = "document"
    input: Input | Literal["cli", "bat", "powershell", "notebook", "python"] | None = None
    to: Literal["yaml", "toml", "json", "env", "cli"] | None = None


class Diff(Parameters):
    """Two documents of one stream of YAML are compared; or one with the defaults; or two of any forms, of which the
    first is so many bytes of the body.
    """

    name: Name = "document"
    input: Text | None = None
    to: Literal["defaults"] | None = None
    first: Annotated[int, Field(ge=0, le=10**9)] | None = None
    other_name: Name = "other"
    other_input: Text | None = None
    lang: Language = "en"


Form = Literal["env", "yaml", "toml", "json", "cli", "k8s", "compose", "slurm", "ray"]


class Convert(Parameters):
    """A form and its options, as `trainspec export` takes them."""

    to: Form
    document: Name = "document"
    input: Text | None = None
    lang: Language = "en"
    target: Annotated[str, Field(max_length=100)] | None = None
    name: Annotated[str, Field(max_length=100)] | None = None
    task: Annotated[str, Field(max_length=200)] | None = None
    image: Annotated[str, Field(max_length=500)] | None = None
    gpus: Annotated[str, Field(max_length=20)] | None = None
    nproc: Annotated[str, Field(max_length=20)] | None = None
    nodes: Annotated[str, Field(max_length=20)] | None = None
    kind: Literal["job", "pytorchjob", "trainjob"] | None = None
    grace: Annotated[str, Field(max_length=20)] | None = None
    max_restarts: Annotated[str, Field(max_length=20)] | None = None
    as_: Annotated[Literal["variables", "file"] | None, Field(alias="as")] = None
    merge: Literal["true"] | None = None


async def plan_of(request: Request) -> Response:
    asked = parameters_of(request, Plan)
    format = format_in(request, asked.input, asked.name)
    return await _done(request, _plan, format, asked, beside=asked.course)


async def shown(request: Request) -> Response:
    asked = parameters_of(request, Show)
    format = format_in(request, asked.input, asked.name)
    return await _done(request, _show, format, asked)


async def shared(request: Request) -> Response:
    asked = parameters_of(request, Show)
    format = format_in(request, asked.input, asked.name)
    return await _done(request, _share, format, asked)


async def migrated(request: Request) -> Response:
    asked = parameters_of(request, Migrate)
    format = format_in(request, asked.input, asked.name)
    return await _done(request, _migrate, format, asked)


async def difference(request: Request) -> Response:
    asked = parameters_of(request, Diff)
    alone = asked.to is None and asked.first is None
    format = "yaml" if alone else format_in(request, asked.input, asked.name)
    other = format_in(request, asked.other_input, asked.other_name) if asked.first is not None else format
    return await _done(request, _diff, format, asked, other)


async def converted(request: Request) -> Response:
    asked = parameters_of(request, Convert)
    format = format_in(request, asked.input, asked.document)
    return await _done(request, _convert, format, asked)


async def _done(request: Request, make: Callable[..., dict[str, Any]], *given: Any, beside: bool = False) -> Response:
    service: Service = request.app.state.service
    limits = service.options.limits
    body = await body_of(request, limits.body, limits.seconds)
    return await service.work.do(body, _made, make, *given, beside=beside)


def _made(judges: Judges, body: bytes, make: Callable[..., dict[str, Any]], *given: Any) -> Response:
    try:
        return answer(make(body, *given))
    except SourceError as error:
        large = any(item.code == "SRC109" for item in error.diagnostics)
        raise Refused(413 if large else 400, *error.diagnostics) from None
    except NoAnswer as why:
        raise Refused(400, *why.diagnostics) from None
    except UnicodeDecodeError:
        raise refused(400, "SVC103", "the body is not UTF-8 text", "save it as UTF-8") from None


def _documents(body: bytes, format: str, name: str) -> list[Document]:
    if format == "env":
        raise refused(415, "SVC103", "variables are no document here", "POST /validate judges them")
    return list(parse_documents(body, format, name))


def _settings(body: bytes, format: str, name: str) -> Judged:
    if format == "env":
        return judged_variables(decoded(body), name)
    return judged(*_documents(body, format, name))


def _plan(body: bytes, format: str, asked: Plan) -> dict[str, Any]:
    one = _settings(body, format, asked.name)
    found = tuple(one.diagnostics)
    if one.settings is None:
        return Planned(None, told(found, asked.lang)).to_dict()
    made = plan(one.settings, found, rows=asked.rows, eval_rows=asked.eval_rows, scale=_scale(asked))
    made = with_course(made, one.settings, asked.best) if asked.course else made
    made = with_compared(made, one.settings) if asked.compare is not None else made
    return replace(made, diagnostics=told(made.diagnostics, asked.lang)).to_dict()


def _share(body: bytes, format: str, asked: Show) -> dict[str, Any]:
    return shareable(decoded(body), format, asked.name).to_dict()


def _show(body: bytes, format: str, asked: Show) -> dict[str, Any]:
    """As the command shows it; and where the documents are not valid, what they say, and what holds of the rest."""
    one = _settings(body, format, asked.name)
    found = Shown(one.settings, told(one.diagnostics, asked.lang)).to_dict()
    found["rest"] = rest_of(one) if one.settings is None else None
    return {**found, "said": {name: item.to_dict() for name, item in said_in(one).items()}}


def _scale(asked: Plan) -> Scale | None:
    if asked.world_size in (None, 1) and not (asked.nodes or asked.target or asked.params or asked.sequence_length):
        return None
    from trainspec.plan.scale.model import of_number
    from trainspec.settings.targets.checks import Place
    from trainspec.settings.targets.machines import parse_target

    try:
        target = parse_target(asked.target) if asked.target is not None else None
    except ValueError:
        raise refused(400, "SVC104", "target names no machine that is known", "such as h100x8, a100, cpu") from None
    if asked.nodes is not None and asked.world_size is None and (target is None or not target.count):
        raise refused(400, "SVC104", "nodes alone tells no number of processes", "world_size=16&nodes=2")
    place = Place.of(target, asked.world_size, asked.nodes)
    size = of_number(asked.params, 0) if asked.params is not None else None
    if size is not None and asked.sequence_length is not None:
        size = size.with_sequence(asked.sequence_length)
    return Scale(place.world or 1, place.nodes, target, size)


def _migrate(body: bytes, format: str, asked: Migrate) -> dict[str, Any]:
    text = decoded(body)
    if format == "env":
        raise refused(415, "SVC103", "variables are not migrated here", "POST /validate judges them")
    if format not in _SCRIPTS:
        if asked.to is None:
            done = migrate(text, format, asked.name)
            # What is not changed may hold anything, under any name: it is not told.
            return {**done.to_dict(), "diff": "".join(done.difference(asked.name, around=0))}
        from trainspec.migration.documents import found_in_file
        from trainspec.migration.foreign.reading import found_in_foreign

        documents = _documents(body, format, asked.name)
        found = [found_in_foreign(document) or found_in_file(document) for document in documents]
    elif format == "python":
        from trainspec.migration.calls import read_calls

        found = read_calls(text, asked.name)
    else:
        from trainspec.migration.scripts.reading import read_script

        found = [read_script(text, asked.name, format, is_file=False)]
    tellable = [_of_known_keys(one) for one in found]
    return {"sets": [one.to_dict() for one in convert(tellable, asked.to or "yaml", asked.name)]}


def _of_known_keys(one: Found) -> Found:
    """The same without what stands under keys that nobody knows inside settings: it may be anything."""
    kinds = TrainingArguments.field_kinds()
    values = {name: known_keys(value, kinds[name]) if name in kinds else value for name, value in one.values.items()}
    return replace(one, values=values)


def _diff(body: bytes, format: str, asked: Diff, other: str) -> dict[str, Any]:
    found = _compared(body, asked, format, other)
    return replace(found, diagnostics=told(found.diagnostics, asked.lang)).to_dict()


def _compared(body: bytes, asked: Diff, format: str, other: str) -> Comparison:
    if asked.first is not None:
        if asked.to is not None or asked.first > len(body):
            raise NoAnswer(mistake("SVC104", "first is no length of a first document here", "leave first or to out"))
        a = _settings(body[: asked.first], format, asked.name)
        return compare(a, _settings(body[asked.first :], other, asked.other_name))
    if asked.to is not None:
        return against_defaults(_settings(body, format, asked.name))
    documents = _documents(body, "yaml", asked.name)
    if len(documents) != 2:
        raise NoAnswer(mistake("SVC104", f"two documents are compared, not {len(documents)}", "put --- between them"))
    return compare(*(judged(document) for document in documents))


def _convert(body: bytes, format: str, asked: Convert) -> dict[str, Any]:
    said = asked.model_dump(exclude_none=True, by_alias=True, exclude={"to", "document", "input", "lang"})
    options = {name: value for name, value in said.items() if name in READ_BY or name == "target"}
    made = export(_settings(body, format, asked.document), asked.to, options)
    refusal = told([made.refusal], asked.lang)[0] if made.refusal is not None else None
    return replace(made, diagnostics=told(made.diagnostics, asked.lang), refusal=refusal).to_dict()
