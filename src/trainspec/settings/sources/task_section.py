"""The task's own settings: the key `task` of a file, variables TRAINSPEC_TASK__WIDTH, flags --task.width.

`task` is reserved in every source: a run's settings are read without it, the task's model reads what lies inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault
from trainspec.settings.sources.layer import Layer, Locate
from trainspec.settings.sources.variables import FILE_SUFFIX, NESTED, TASK, Variables, read_secret, unreadable_secret
from trainspec.settings.values.coercion import Manner
from trainspec.text.redaction import is_secret_name

if TYPE_CHECKING:
    from trainspec.settings.judging.judgement import Verdict
    from trainspec.settings.sources.files import Document
    from trainspec.settings.sources.formats.flags import Use
    from trainspec.settings.values.shape import Shape

Reading = tuple[Layer, list[Diagnostic]]


def without_task(document: Document) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The settings of a document without the task's, and what is wrong with the task's section as such."""
    rest = {name: value for name, value in document.values.items() if name != TASK}
    section = document.values[TASK]
    if section is None or isinstance(section, dict):
        return rest, []
    return rest, [_not_a_mapping(document.source((TASK,)))]


def _not_a_mapping(source: Source) -> Diagnostic:
    evidence = (Evidence(TASK, None, source),)
    message = "task must be a mapping of the task's own settings"
    return Diagnostic("SRC108", CODES["SRC108"].name, "error", message, "", "write task: {width: 64}", evidence)


def without_secret_keys(section: Any, at: str = TASK) -> tuple[Any, list[str]]:
    """The section without what its keys call a secret, and these keys by dotted name; its model is not known here."""
    if isinstance(section, list):
        parts = [without_secret_keys(item, at) for item in section]
        return [kept for kept, _ in parts], [name for _, names in parts for name in names]
    if not isinstance(section, dict):
        return section, []
    kept, secret = {}, []
    for key, item in section.items():
        name = f"{at}.{key}"
        if item is not None and is_secret_name(str(key)):
            secret.append(name)
            continue
        kept[key], inside = without_secret_keys(item, name)
        secret += inside
    return kept, secret


def of_the_task(documents: Iterable[Document]) -> list[Document]:
    """The documents whose task section holds, the weakest first: null lies over what earlier ones say."""
    telling: list[Document] = []
    for document in documents:
        if TASK in document.values:
            telling = [*telling, document] if document.values[TASK] is not None else []
    return telling


def has_task(documents: Iterable[Document], variables: Iterable[Variables]) -> bool:
    """Whether any of these sources says something about a task."""
    in_files = any(document.values[TASK] for document in of_the_task(documents))
    return in_files or any(one.reserved(TASK) or one.nested(TASK) for one in variables)


def read_task(
    shape: Shape, documents: Iterable[Document], variables: Iterable[Variables], uses: Iterable[Use] = ()
) -> tuple[list[Layer], list[Diagnostic]]:
    """What all sources say about the task's settings."""
    from trainspec.settings.judging.models import read_flags

    readings = [_from_document(shape, document) for document in of_the_task(documents)]
    readings += [_from_variables(shape, one) for one in variables]
    readings.append(read_flags(shape, uses))
    return [layer for layer, _ in readings], [item for _, found in readings for item in found]


def judge_task(shape: Shape, layers: Iterable[Layer], diagnostics: Iterable[Diagnostic]) -> Verdict:
    """The task's settings; diagnostics name them task.width."""
    from trainspec.settings.diagnostics.diagnostic import under
    from trainspec.settings.judging.models import judge_sources

    verdict = judge_sources(shape, layers, diagnostics)
    verdict.diagnostics = [under(TASK, item) for item in verdict.diagnostics]
    return verdict


def _from_document(shape: Shape, document: Document) -> Reading:
    from trainspec.settings.judging.models import read_source

    section = document.values[TASK]
    raw = section if isinstance(section, dict) else {}
    return read_source(shape, raw, SourceKind.FILE, Manner.DOCUMENT, lambda path: document.source((TASK, *path)))


def _from_variables(shape: Shape, variables: Variables) -> Reading:
    from trainspec.settings.judging.models import read_source

    raw = variables.nested(TASK)
    found: list[Diagnostic] = []
    for name in [name for name in raw if _names_secret_file(name, shape)]:
        try:
            raw[name.removesuffix(FILE_SUFFIX)] = read_secret(str(raw.pop(name)))
        except SourceError as error:
            found.append(unreadable_secret(name.removesuffix(FILE_SUFFIX), variables, f"{TASK}{NESTED}{name}", error))
    whole = _whole(variables)
    if whole is None:
        found.append(_not_a_mapping(variables.locate((TASK,))))
    prefix = f"{variables.prefix}{TASK}__"
    locate: Locate = lambda path: variables.locate((TASK, *path))  # noqa: E731
    layer, more = read_source(shape, {**(whole or {}), **raw}, variables.kind, Manner.STRINGS, locate, prefix)
    return layer, [*found, *more]


def _names_secret_file(name: str, shape: Shape) -> bool:
    return name not in shape.kinds and name.removesuffix(FILE_SUFFIX) in shape.secrets and name.endswith(FILE_SUFFIX)


def _whole(variables: Variables) -> dict[str, Any] | None:
    """TRAINSPEC_TASK as JSON; None where it is something else."""
    text = variables.reserved(TASK)
    if text is None:
        return {}
    try:
        value = parse_json(text)
    except Fault:
        return None
    return value if isinstance(value, dict) else None
