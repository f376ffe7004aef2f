"""A file of settings with today's names and values, one edit after the other, each checked to say what it should."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from trainspec.migration.planning import Edit, edited, plan
from trainspec.migration.surgery import CannotEdit, Surgeon
from trainspec.migration.trees import json_tree, yaml_trees
from trainspec.migration.values import NotWritable, as_json, as_yaml
from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source
from trainspec.settings.sources.files import Document, parse_documents, source_error
from trainspec.text.languages import Words
from trainspec.text.redaction import HIDDEN, is_secret_name, printable, redact_url, show_value

# Each edit takes an old name away, or an old value; no file has so many.
_MOST_EDITS = 1000
# Each edit reads all of the text twice; so many characters take seconds.
_MOST_READ = 2**21
# Shorter words are in many others.
_SHORTEST_WORD = 3
_BREAKS, _TAB, _TAB_ITSELF = "\r\n", "\\x09", "\t"


@dataclass(slots=True)
class Change:
    """An edit that was made, and where in the file."""

    edit: Edit
    source: Source

    def __str__(self) -> str:
        return self.told()

    def told(self, words: Words = str) -> str:
        """Where it is, and what becomes of it, in these words."""
        edit = self.edit
        name = ".".join(edit.new or edit.old)
        if isinstance(edit.value, str | int | float | bool | list):
            edit = Edit(edit.old, edit.new, show_value(name, edit.value))
        return printable(f"{self.source}{words(': ')}{edit.told(words)}")


@dataclass(slots=True)
class Rewritten:
    """The new text, what changed in it, what could not be brought up to date, and what could not be edited."""

    text: str
    changes: list[Change] = field(default_factory=list)
    left: list[Diagnostic] = field(default_factory=list)
    stuck: list[tuple[Source, Edit, str]] = field(default_factory=list)
    refused: bool = False
    secrets: set[str] = field(default_factory=set)


def rewrite(text: str, format: str, name: str, at: str | None = None) -> Rewritten:
    """The text with today's names. Raises SourceError where it cannot be read.

    Where an old and a new name have different values, nothing is changed.
    """
    done = Rewritten(text)
    done.secrets |= secrets_in(_parse(text, format, name, None))
    number = 0
    while number < len(documents := _parse(done.text, format, name, at)):
        _rewrite_document(done, documents[number], number, at)
        number += 1
    if done.refused:
        done.text, done.changes = text, []
    return done


def _parse(text: str, format: str, name: str, at: str | None) -> list[Document]:
    return list(parse_documents(text, format, name, at=at))


def _rewrite_document(done: Rewritten, document: Document, number: int, at: str | None) -> None:
    stuck: list[Edit] = []
    original, found = document, plan(document)
    for _ in range(_MOST_EDITS):
        edit = next((edit for edit in found.edits if edit not in stuck), None)
        if (len(done.changes) + len(done.stuck)) * len(done.text) > _MOST_READ:
            raise source_error("SRC109", f"{document.name} is too large for so many edits in place", document.name)
        if edit is None or found.conflicting:
            break
        try:
            text = edited_text(done.text, document, number, edit)
            document_after = checked(text, document, number, at, edit)
        except (CannotEdit, NotWritable) as why:
            stuck.append(edit)
            done.stuck.append((document.source(edit.old), edit, str(why)))
            continue
        # Lines are told as the user has them, not as edits move them.
        place = original if edit.old[0] in original.values else document
        done.changes.append(Change(edit, place.source(edit.old)))
        done.text, document = text, document_after
        found = plan(document)
    done.left += found.left
    done.refused |= found.conflicting


def edited_text(text: str, document: Document, number: int, edit: Edit) -> str:
    """The text with an edit made in one of its documents. Raises CannotEdit or NotWritable."""
    if document.format == "toml":
        from trainspec.migration.toml_surgery import edit_toml

        return edit_toml(text, document.at, document.values, edit)
    is_json = document.format == "json"
    root = json_tree(text) if is_json else list(yaml_trees(text))[number]
    for key in document.at:
        found = root.child(key)
        if found is None:
            raise CannotEdit("it comes from an anchor or a merge key")
        root = found[1]
    return Surgeon(text, root, as_json if is_json else as_yaml).make(edit)


def checked(text: str, document: Document, number: int, at: str | None, edit: Edit) -> Document:
    """The document after the edit. Raises CannotEdit where it does not say what it should, or others changed."""
    before = _parse(document.text, document.format, document.name, at)
    try:
        after = _parse(text, document.format, document.name, at)
    except SourceError:
        raise CannotEdit("the way it is written does not allow it") from None
    wanted = [edited(item.values, edit) if index == number else item.values for index, item in enumerate(before)]
    if not same(wanted, [item.values for item in after]):
        raise CannotEdit("other settings would change with it")
    return after[number]


def same(one: Any, other: Any) -> bool:
    """Equal in value and type: 1, 1.0 and true are three things."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    # nan, which equals nothing, says the same as nan.
    return type(one) is type(other) and (bool(one == other) or repr(one) == repr(other) == "nan")


def difference(before: str, after: str, name: str, secrets: Iterable[str] = (), *, around: int = 3) -> Iterator[str]:
    """The lines of a unified diff, without `secrets`, which stand in the texts, and what looks like one; with so many
    lines `around` each change.
    """
    from difflib import unified_diff

    hidden = _pattern_of(secrets)
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in unified_diff(*lines, f"a/{name}", f"b/{name}", n=around):
        shown = redact_url(hidden.sub(HIDDEN, line) if hidden is not None else line)
        ends = line.endswith("\n")
        shown = f"{shown[:1]}{printable(shown[1:].rstrip(_BREAKS)).replace(_TAB, _TAB_ITSELF)}\n"
        yield shown if ends else f"{shown}\\ No newline at end of file\n"


def secrets_in(documents: Iterable[Document]) -> set[str]:
    """The texts that stand under the names of secrets, at any depth."""
    return {text for document in documents for text in _secret_texts(document.values, hidden=False)}


def _secret_texts(value: Any, *, hidden: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _secret_texts(item, hidden=hidden or is_secret_name(str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _secret_texts(item, hidden=hidden)
    elif hidden and value is not None and not isinstance(value, bool):
        yield str(value)


def _pattern_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """What finds each, and each word of one that is written over several lines."""
    words = {word for text in secrets for word in (text.strip(), *text.split()) if len(word) >= _SHORTEST_WORD}
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True)))) if words else None
