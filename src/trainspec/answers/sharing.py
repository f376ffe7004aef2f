"""A document without what may be secret in it: for a link, which anybody may come to see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from trainspec.answers.faults import NoAnswer, mistake
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.command_line import kind_at
from trainspec.settings.sources.files import Document, document_layer, parse_documents
from trainspec.settings.sources.formats.limits import LINE_ENDS
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.sources.variables import NESTED
from trainspec.settings.values.shape import shape_of
from trainspec.text.redaction import is_secret_name, redact_url, redacted

Path = tuple[str, ...]
# Shorter ones are parts of many a word.
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Shareable:
    """The text that may be shared, the settings that are not in it, and how many other lines are not."""

    text: str
    left_out: tuple[str, ...] = ()
    lines_left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "left_out": list(self.left_out), "lines_left_out": self.lines_left_out}


@dataclass
class _Found:
    """What is left out: the settings by name, the lines (from 0) that they stand in, and the secrets themselves."""

    names: list[str] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    def take(self, path: Path, value: Any) -> None:
        # What is left out may be a secret in the name itself.
        self.names.append(redact_url(".".join(path)))
        self.secrets.update(text for text in map(str, _leaves(value)) if len(text) >= _SHORTEST)


def shareable(text: str, format: str, name: str) -> Shareable:
    """The document without secrets, else as it stands; written anew where a secret shares its line with others.

    A text under a name that is no setting is left out too: it may be a secret under a slip of the pen. Raises
    SourceError for what cannot be read, NoAnswer where a secret would still stand in it.
    """
    found = _Found()
    if format == "env":
        kept = _variables(text, found)
    else:
        documents = list(parse_documents(text, format, name))
        wanted = [_without_secrets(document, found) for document in documents]
        kept = _lines(text, found.lines)
        if not _says(kept, format, name, wanted):
            kept = _anew(wanted, format)
    kept, lines = _without_likely(kept)
    if any(secret in kept for secret in found.secrets):
        remedy = "take it out of comments, and give it by its own setting alone"
        raise NoAnswer(mistake("SVC132", "a secret of this document stands in it elsewhere, too", remedy))
    return Shareable(kept, tuple(dict.fromkeys(found.names)), lines)


def _without_secrets(document: Document, found: _Found) -> dict[str, Any]:
    """The values that may be shared; what may not is added to what is found, with its lines."""
    _, diagnostics = document_layer(TrainingArguments, document)
    unknown = {item.fields[0] for item in diagnostics if item.code == "SRC102"}
    places = sorted((document.source(path).line or 1, path) for path in _paths(document.values))
    last = len(_split(document.text))

    def kept(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            inner = {}
            for key, item in value.items():
                whole = (*path, str(key))
                if _may_be_secret(whole, item, unknown):
                    found.take(whole, item)
                    begin = document.source(whole).line or 1
                    after = (line for line, other in places if line > begin and other[: len(whole)] != whole)
                    found.lines.update(range(begin - 1, min([*after, last + 1]) - 1))
                else:
                    inner[key] = kept(item, whole)
            return inner
        return value

    result: dict[str, Any] = kept(document.values, ())
    return result


def _may_be_secret(path: Path, value: Any, unknown: set[str]) -> bool:
    if value is None or isinstance(value, bool):
        return False
    name = RENAMED[path[0]].successor if path[0] in RENAMED else path[0]
    shape = shape_of(TrainingArguments)
    if is_secret_name(path[-1]) or name in shape.secrets:
        return True
    known = TrainingArguments.model_fields.keys() | shape.spellings.keys() | {"task"}
    is_unknown = ".".join(path) in unknown or name not in known
    if not isinstance(value, int | float) and (is_unknown or _is_no_key(path)):
        return True
    plain = [value] if isinstance(value, str) else list(value) if isinstance(value, list) else []
    return redact_url(path[-1]) != path[-1] or redacted("", plain) != plain


def _is_no_key(path: Path) -> bool:
    """Whether a setting that is a mapping has no key of that name."""
    kinds = TrainingArguments.field_kinds()
    above = kind_at(kinds, path[:-1]) if len(path) > 1 and path[0] in kinds else None
    return above is not None and above.section is not None and path[-1] not in shape_of(above.section).kinds


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, str(key))
            yield from _paths(item, (*path, str(key)))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif not isinstance(value, bool) and value is not None:
        yield value


def _split(text: str) -> list[str]:
    """The lines of a text with their ends, as places in it are counted."""
    ends = [found.end() for found in LINE_ENDS.finditer(text)]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)]) if start < end]


def _lines(text: str, gone: Iterable[int]) -> str:
    out = set(gone)
    return "".join(line for number, line in enumerate(_split(text)) if number not in out)


def _says(text: str, format: str, name: str, wanted: list[dict[str, Any]]) -> bool:
    """Whether a text says these documents and nothing else."""
    from trainspec.settings.diagnostics import SourceError

    try:
        return [document.values for document in parse_documents(text, format, name)] == wanted
    except SourceError:
        return False


def _anew(documents: list[dict[str, Any]], format: str) -> str:
    from trainspec.answers.export import written

    return "---\n".join(written(document, format, {}) for document in documents)


def _variables(text: str, found: _Found) -> str:
    """The lines of variables that are ours and no secrets, and of comments."""
    from trainspec.settings.sources.dotenv import bindings

    prefix = TrainingArguments.env_prefix
    parts = []
    for binding in bindings(text):
        if binding.key is None or binding.value is None:
            parts.append(binding.original.string if binding.key is None and not binding.error else "")
            continue
        ours = binding.key.upper().startswith(prefix)
        path = tuple(binding.key[len(prefix) :].lower().split(NESTED)) if ours else (binding.key,)
        value = _plain(binding.value)
        if not ours or _may_be_secret(path, value, set()) or redacted(binding.key, value) != value:
            found.take(path, value)
        else:
            parts.append(binding.original.string)
    return "".join(parts)


def _plain(text: str) -> Any:
    """A mapping or a list that a variable holds as JSON; else its text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _without_likely(text: str) -> tuple[str, int]:
    """The text without comments that look as if a secret was in them, and how many lines that are."""
    lines = _split(text)
    kept = [line for line in lines if redact_url(line) == line]
    return "".join(kept), len(lines) - len(kept)
