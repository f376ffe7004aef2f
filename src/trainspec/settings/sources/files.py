"""Configuration files: YAML 1.2, JSON or TOML, local or at any fsspec URL, each value with its place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.formats.limits import LARGEST_FILE, Fault, Marks, Path, Place
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import SCHEMA_KEY, Reading
from trainspec.settings.sources.variables import TASK
from trainspec.settings.values.coercion import Manner
from trainspec.text.decoding import decoded, undecodable
from trainspec.text.reach import out_of_reach
from trainspec.text.redaction import printable, redact_reason, redact_url, shortened

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.storage import StorageError

_AS_UTF8 = "save it as UTF-8"
FORMATS = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}

_PICKLED = "trainspec migrate reads pickled settings"
_COMMENTED = "take its comments and trailing commas out and name it .json, or write it as YAML, which has comments"
_OTHER_FORMATS = {
    **dict.fromkeys((".bin", ".pt", ".pkl"), _PICKLED),
    **dict.fromkeys((".jsonc", ".json5", ".hjson"), _COMMENTED),
    **dict.fromkeys(
        (".sh", ".bash", ".slurm", ".sbatch", ".bat", ".cmd", ".ps1"), "trainspec migrate reads launch scripts"
    ),
    ".env": "name it in TRAINSPEC_ENV_FILE and run trainspec validate --env",
}

File = str | os.PathLike[str]
Files = File | Iterable[File]


class Read(Protocol):
    """What reads the one document of a path."""

    def __call__(self, path: str, *, at: str | None) -> Document: ...


@dataclass
class Document:
    """A parsed mapping with the name of its file and the means to find where a value stands in it."""

    name: str
    values: dict[str, Any]
    text: str
    format: str
    at: Path = ()
    _marks: Marks | None = None
    # Keys that stand twice, told with all else that is wrong.
    faults: list[Diagnostic] = field(default_factory=list)

    def source(self, path: Path) -> Source:
        """Where the value at `path` stands; the nearest mapping around it where the format does not tell."""
        if self._marks is None:
            self._marks = _marks_of(self.text, self.format)
        whole = (*self.at, *path)
        while whole and whole not in self._marks:
            whole = whole[:-1]
        place = self._marks.get(whole)
        return Source(SourceKind.FILE, self.name, place.line if place else None, place.column if place else None)

    def place(self, path: Path) -> Source | None:
        """Where the value at `path` stands; None where it does not stand in the document."""
        found: Any = self.values
        for key in path:
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return self.source(path)


def _marks_of(text: str, format: str) -> Marks:
    if format == "json":
        from trainspec.settings.sources.formats.json_text import json_marks as marks_of
    elif format == "yaml":
        from trainspec.settings.sources.formats.yaml_lines import line_marks as marks_of
    else:
        from trainspec.settings.sources.formats.toml_text import toml_marks as marks_of
    return marks_of(text)


def read_document(path: str, *, at: str | None = None, comments: bool = False) -> Document:
    """One document of a file or URL; with `comments`, JSON may have them, as other programs read it.

    Raises SourceError with a diagnostic: missing, unreadable, not a mapping ...
    """
    if comments and format_of(path) == "json":
        return read_as(path, "json", at=at, comments=True)
    return the_only(read_documents(path, at=at), path)


def read_with_faults(path: str, *, at: str | None = None) -> Document:
    """As read_document, with keys that stand twice among the document's faults, which document_layer tells."""
    return the_only(read_documents(path, at=at, keep_faults=True), path)


def the_only(documents: Iterable[Document], name: str) -> Document:
    """The one document of a file. Raises SourceError where it holds none or several."""
    found = list(documents)
    if len(found) != 1:
        raise source_error("SRC108", f"{name} holds {len(found)} documents where one is expected", name)
    return found[0]


def read_documents(path: str, *, at: str | None = None, keep_faults: bool = False) -> Iterator[Document]:
    """Every document of a file: a YAML stream may hold several. Raises SourceError."""
    format = format_of(path)
    text = read_plain(path)
    yield from parse_documents(text, format, path, at=at, keep_faults=keep_faults)


def read_several(
    files: Files, *, at: str | None = None, read: Read | None = None
) -> tuple[list[Document], list[Diagnostic]]:
    """The document of each file, in the order in which each is laid over those before it, and a warning for each file
    that is named twice, of which the last place counts. `read` is read_document, or what stands in for it.

    Raises SourceError with what is wrong with any of them.
    """
    read = read or read_document
    paths = paths_of(files)
    last = {_identity(path): number for number, path in enumerate(paths)} if len(paths) > 1 else {}
    documents: list[Document] = []
    found: list[Diagnostic] = []
    failures: list[Diagnostic] = []
    for number, path in enumerate(paths):
        if last.get(_identity(path), number) != number:
            found.append(_named_twice(path))
            continue
        try:
            documents.append(read(path, at=at))
        except SourceError as error:
            failures += [_perhaps_several(files, item) for item in error.diagnostics]
    if failures:
        raise SourceError(*failures)
    return documents, found


def _perhaps_several(files: Files, item: Diagnostic) -> Diagnostic:
    """What is wrong with a file; of a name with a comma that is no file, how several are given."""
    if not isinstance(files, str) or "," not in files or item.code not in ("SRC105", "SRC114"):
        return item
    names = ", ".join(f'"{name.strip()}"' for name in files.split(",") if name.strip())
    return replace(item, remedy=printable(redact_url(f"several files are given as a list: [{names}]")))


def paths_of(files: Files) -> list[str]:
    """One file or several, as a list."""
    return [os.fspath(files)] if isinstance(files, str | os.PathLike) else [os.fspath(file) for file in files]


def paths_in(text: str, where: Source) -> list[str]:
    """The files that one text names: paths or URLs with commas between them, or a JSON list of them.

    Every name ends like a format, so that a comma within one is told from a comma behind it. Raises SourceError.
    """
    try:
        return _listed(text) if text.startswith("[") and text.endswith("]") else _split(text)
    except Fault as fault:
        remedy = 'write a.yaml,b.yaml, or, with commas in a name, a JSON list: ["a.yaml?x=1,2", "b.yaml"]'
        raise source_error(fault.code, fault.message, where, remedy=remedy) from None


def _split(text: str) -> list[str]:
    names: list[str] = []
    name = ""
    for part in text.split(","):
        name = f"{name},{part}" if name else part.strip()
        if not name:
            raise Fault("SRC105", "the path of a file is empty: nothing stands beside a comma")
        if _ending(name.rstrip()) in FORMATS:
            names.append(name.rstrip())
            name = ""
    if name and names:
        raise Fault("SRC114", f"{name} is not named .yaml, .yml, .json or .toml, so its format is unknown")
    return [*names, name] if name else names


def _listed(text: str) -> list[str]:
    from trainspec.settings.sources.formats.json_text import parse_json

    names = parse_json(text)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise Fault("SRC107", "a JSON list of config files holds paths and URLs in double quotes, at least one")
    return [name.strip() for name in names]


def _identity(path: str) -> str:
    try:
        return path if "://" in path else os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _named_twice(path: str) -> Diagnostic:
    code = CODES["SRC118"]
    message = printable(redact_url(f"{path} is named twice; only its last place counts"))
    evidence = (Evidence("", None, Source(SourceKind.FILE, path)),)
    return Diagnostic("SRC118", code.name, "warning", message, code.reason, code.fix, evidence)


def _ending(path: str) -> str:
    return os.path.splitext(path.partition("?")[0] if "://" in path else path)[1].lower()


def read_as(
    path: str, format: str, *, encoding: str | None = None, at: str | None = None, comments: bool = False
) -> Document:
    """The one document of a file in a format that its ending need not name. Raises SourceError."""
    text = read_plain(path, encoding)
    if comments and format == "json":
        from trainspec.settings.sources.formats.json_comments import blanked

        text = blanked(text)
    return the_only(parse_documents(text, format, path, at=at), path)


def is_named_as_format(path: str) -> bool:
    """Whether the ending of a path or URL names a format."""
    return _ending(path) in FORMATS


def format_of(path: str) -> str:
    """The format that the ending of a path or URL names. Raises SourceError where it names none."""
    ending = _ending(path)
    if ending not in FORMATS:
        message = f"{path} is not named .yaml, .yml, .json or .toml, so its format is unknown"
        raise source_error("SRC114", message, path, remedy=_OTHER_FORMATS.get(ending, ""))
    return FORMATS[ending]


def read_plain(path: str, encoding: str | None = None) -> str:
    """The text of a file or URL of any kind (a secret, a dotenv file), UTF-8 by default. Raises SourceError."""
    from trainspec.storage import StorageError, read_text

    if not path:
        raise source_error("SRC105", "the path of the file is empty", path)
    if out_of_reach():
        raise source_error("SRC105", f"{path} is not read here: documents are judged alone", path)
    try:
        return read_text(path, LARGEST_FILE, encoding)
    except StorageError as error:
        remedy = _AS_UTF8 if isinstance(error.cause, UnicodeDecodeError) else ""
        raise source_error(_code_of(error), str(error), path, remedy=remedy) from None


def _code_of(error: StorageError) -> str:
    from trainspec.storage.errors import MissingPackage, NotFound, TooLarge

    if isinstance(error, NotFound):
        return "SRC105"
    if isinstance(error, MissingPackage):
        return "SRC111"
    return "SRC109" if isinstance(error, TooLarge) else "SRC106"


def parse_document(text: str | bytes, format: str, name: str) -> Document:
    """The one document of a text. Raises SourceError."""
    return the_only(parse_documents(text, format, name), name)


@dataclass
class _Beside:
    """What a parser tells beside values: keys that stand twice, where they are kept, and what aliases refer to."""

    faults: list[Fault] | None
    referred: set[Path] = field(default_factory=set)

    def taken(self, name: str) -> list[Diagnostic]:
        """The faults so far, no longer here."""
        found = [item for fault in self.faults or () for item in _of_fault(fault, name).diagnostics]
        if self.faults is not None:
            self.faults.clear()
        return found


def parse_documents(
    text: str | bytes, format: str, name: str, *, at: str | None = None, keep_faults: bool = False
) -> Iterator[Document]:
    """Every document of a text in `format` (yaml, json, toml); `at` is a dotted path. Raises SourceError.

    With `keep_faults`, keys that stand twice are among the faults of the document, so that all else is judged too.
    """
    try:
        plain = decoded(text) if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        message = f"cannot read {name}: {undecodable(error.object, error)}"
        raise source_error("SRC106", message, name, remedy=_AS_UTF8) from None
    beside = _Beside([] if keep_faults else None)
    try:
        for values, marks in _parse(plain, format, beside):
            document = _document(values, marks, plain, format, name, at, beside.referred)
            document.faults = beside.taken(name)
            yield document
    except Fault as fault:
        raise SourceError(*beside.taken(name), *_of_fault(fault, name, plain, format).diagnostics) from None
    except RecursionError:
        raise source_error("SRC109", f"{name} nests too deep", name) from None


def _of_fault(fault: Fault, name: str, text: str = "", format: str = "") -> SourceError:
    """The error of a file's fault, in better words than the parser's where the slip behind it is known."""
    from trainspec.settings.sources.formats.slips import slip_in

    slip = slip_in(text, format, fault) if format else None
    message, place = (slip.message or fault.message, slip.place) if slip else (fault.message, fault.place)
    return source_error(fault.code, f"{name}: {message}", name, place, remedy=slip.remedy if slip else "")


def _parse(text: str, format: str, beside: _Beside) -> Iterator[tuple[Any, Marks | None]]:
    if format == "yaml":
        from trainspec.settings.sources.formats.yaml_lines import parse_yaml

        yield from parse_yaml(text, faults=beside.faults, referred=beside.referred)
    elif format == "json":
        from trainspec.settings.sources.formats.json_text import parse_json

        yield parse_json(text, faults=beside.faults), None
    else:
        from trainspec.settings.sources.formats.toml_text import parse_toml

        yield parse_toml(text, faults=beside.faults), None


def _document(
    values: Any, marks: Marks | None, text: str, format: str, name: str, at: str | None, referred: set[Path]
) -> Document:
    steps: Path = tuple(at.split(".")) if at else ()
    for number, step in enumerate(steps):
        if not isinstance(values, dict) or step not in values:
            found = ".".join(steps[:number]) or "the document"
            told = redact_reason(f"{found} has no key {step} (--at {at})", at or "")
            raise Fault("SRC110", told, Place(1, 1))
        values = values[step]
    if values is None:
        values = {}
    if not isinstance(values, dict):
        where = at or "the document"
        place = (marks or {}).get(steps)
        raise Fault("SRC108", f"{where} must be a mapping of settings, not {_noun(values)}", place)
    holders = {path[len(steps)] for path in referred if path[: len(steps)] == steps and len(path) > len(steps)}
    if holders or SCHEMA_KEY in values:
        values = {key: value for key, value in values.items() if key != SCHEMA_KEY and not _holds(key, holders)}
    return Document(name, values, text, format, steps, marks)


def _holds(key: str, holders: set[str]) -> bool:
    """Whether a key only holds what aliases elsewhere stand for, as `x-` keys do in the files of Compose."""
    return key.startswith(("x-", ".")) and key in holders


def _noun(value: Any) -> str:
    return {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}.get(
        type(value), type(value).__name__
    )


def source_error(
    code: str, message: str, where: str | Source, place: Place | None = None, *, remedy: str = ""
) -> SourceError:
    """A SourceError with one diagnostic that points into the file of that name, or at another source."""
    if isinstance(where, str):
        where = Source(SourceKind.FILE, where, place.line if place else None, place.column if place else None)
    explanation = CODES[code]
    evidence = (Evidence("", None, where),)
    shown = shortened(printable(redact_url(message)), 400)
    return SourceError(
        Diagnostic(code, explanation.name, "error", shown, explanation.reason, remedy or explanation.fix, evidence)
    )


def document_layer(
    cls: type[Settings], document: Document, *, ignore_unknown: bool = False
) -> tuple[Layer, list[Diagnostic]]:
    """What a file says, each value with its line."""
    values, found = document.values, list[Diagnostic]()
    if TASK in values and TASK not in cls.__pydantic_fields__:
        from trainspec.settings.sources.task_section import without_task

        values, found = without_task(document)
    reading = Reading(cls, SourceKind.FILE, Manner.DOCUMENT, document.source)
    layer = reading.read(values)
    layer.file = document.name
    if not ignore_unknown:
        return layer, [*document.faults, *found, *reading.diagnostics]
    layer.ignored = tuple(reading.unknown)
    return layer, [*document.faults, *found, *(item for item in reading.diagnostics if item.code != "SRC102")]
