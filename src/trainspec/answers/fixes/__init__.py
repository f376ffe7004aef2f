"""Exact edits that mend what a diagnostic is about: those that judging again finds to do so, and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from trainspec.answers.completion.positions import Lines, Range
from trainspec.answers.fixes.editing import Editor, TomlEditor, TreeEditor, VariablesEditor, variables_in
from trainspec.answers.fixes.hunks import hunks
from trainspec.answers.fixes.remedies import Step, Way, ways
from trainspec.migration.rewriting import secrets_in
from trainspec.migration.surgery import CannotEdit
from trainspec.migration.values import NotWritable
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics import SourceError
from trainspec.settings.sources.files import Document, parse_documents
from trainspec.text.redaction import is_secret_name, redact_url

if TYPE_CHECKING:
    from trainspec.answers.judgement import Judge
    from trainspec.reports.report import Report
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.text.languages import Words

# Nobody reads more. Each way is judged, and so many characters are in a second; of larger texts the first are mended.
_MOST_DIAGNOSTICS, _MOST_WAYS, _MOST_JUDGED = 40, 8, 2**18


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that mend a diagnostic: its number among all that judging says of the text, the title, the edits."""

    diagnostic: int
    title: str
    edits: tuple[tuple[Range, str], ...]

    def to_dict(self) -> dict[str, Any]:
        edits = [{"range": place, "text": text} for place, text in self.edits]
        return {"diagnostic": self.diagnostic, "title": self.title, "edits": edits}


class Fixing:
    """A text in a format (yaml, json, toml, env), judged as often as it takes."""

    def __init__(
        self, text: str, format: str, name: str, judge: Judge, *, at: str | None = None, words: Words = str
    ) -> None:
        self._text, self._format, self._name = text, format, name
        self._judge, self._at, self._words = judge, at, words
        self._judged = 0

    def fixes(self) -> Iterator[Fix]:
        """The fixes of every diagnostic, in the order in which judging tells of them."""
        reports, documents = self._reports(self._text), self._documents(self._text)
        lines, number = Lines(self._text), -1
        for place, report in enumerate(reports):
            document = documents[place] if place < len(documents) else None
            for item in report.diagnostics:
                number += 1
                if self._judged > _MOST_JUDGED:
                    return
                if number >= _MOST_DIAGNOSTICS or (document is None and self._format != "env"):
                    continue
                for title, text in self._mended(item, reports, place, document, lines):
                    edits = self._edits(text, lines)
                    if edits is not None and not self._tells_a_secret(item, edits, documents):
                        yield Fix(number, self._words(title), edits)

    def _tells_a_secret(
        self, item: Diagnostic, edits: tuple[tuple[Range, str], ...], documents: list[Document]
    ) -> bool:
        """Whether an edit writes what stands under the name of a secret: who asks gets back no such value."""
        written = [text for _, text in edits if text]
        if written and item.code == "SRC104" and any(map(_is_secret, item.fields)):
            return True
        secrets = secrets_in(documents)
        return any(secret in text for text in written for secret in secrets)

    def _reports(self, text: str) -> list[Report]:
        self._judged += len(text) + 6000
        if self._format == "env":
            return [self._judge.dotenv(text, self._name)]
        return list(self._judge.text(text, self._format, self._name, at=self._at))

    def _documents(self, text: str) -> list[Document]:
        """The documents up to the first that cannot be read."""
        self._judged += len(text)
        found: list[Document] = []
        try:
            if self._format != "env":
                found.extend(parse_documents(text, self._format, self._name, at=self._at, keep_faults=True))
        except SourceError:
            pass
        return found

    def _mended(
        self, item: Diagnostic, reports: list[Report], place: int, document: Document | None, lines: Lines
    ) -> Iterator[tuple[str, str]]:
        """The texts in which a diagnostic is gone, each with its title."""
        tried, titles = {self._text}, set()
        for title, text in islice(self._tried(item, place, document, lines), _MOST_WAYS):
            if self._judged > _MOST_JUDGED:
                return
            if text in tried:
                continue
            tried.add(text)
            if title not in titles and self._is_gone(item, reports, self._reports(text), place):
                titles.add(title)
                yield title, text

    def _is_gone(self, item: Diagnostic, before: list[Report], after: list[Report], place: int) -> bool:
        """Whether it is said once less; mending what several settings are together must bring up no other error."""
        if len(before) != len(after):
            return False
        old, new = (Counter(map(_key, reports[place].diagnostics)) for reports in (before, after))
        if new[_key(item)] >= old[_key(item)]:
            return False
        errors = Counter(_key(one) for one in after[place].diagnostics if one.severity == "error")
        reveals = item.code.startswith(("SRC", "VAL", "REN")) or item.code[3] == "2"
        return reveals or all(old[key] >= count for key, count in errors.items())

    def _tried(
        self, item: Diagnostic, place: int, document: Document | None, lines: Lines
    ) -> Iterator[tuple[str, str]]:
        if item.code == "SRC104":
            yield from self._of_two(item, place, document, lines)
            return
        if item.code.startswith("REN") and document is not None:
            yield from self._migrated(item, place, document)
        values = document.values if document is not None else variables_in(self._text, self._prefix)
        for way in islice(ways(item, values), 2 * _MOST_WAYS):
            try:
                yield way.title, self._taken(way, place)
            except (CannotEdit, NotWritable, SourceError):
                continue

    @property
    def _prefix(self) -> str:
        return str(getattr(getattr(self._judge, "model", None), "env_prefix", ""))

    def _taken(self, way: Way, place: int) -> str:
        text = self._text
        for step in way.steps:
            text = self._step(text, step, place)
        return text

    def _step(self, text: str, step: Step, place: int) -> str:
        editor = self._editor(text, place)
        path = (*(self._at.split(".") if self._at else ()), *step.path)
        if step.verb == "remove":
            return editor.remove(path)
        return editor.rename(path, step.value) if step.verb == "rename" else editor.put(path, step.value)

    def _editor(self, text: str, place: int) -> Editor:
        if self._format == "env":
            return VariablesEditor(text, self._prefix)
        documents = self._documents(text)
        if place >= len(documents):
            raise CannotEdit("the way it is written does not allow it")
        if self._format == "toml":
            return TomlEditor(text, documents[place].values if not self._at else {})
        return TreeEditor(text, self._format, place)

    def _of_two(
        self, item: Diagnostic, place: int, document: Document | None, lines: Lines
    ) -> Iterator[tuple[str, str]]:
        source = item.source
        if source is None or source.line is None or (document is None and self._format != "env"):
            return
        offset = lines.starts[min(source.line, len(lines.starts)) - 1] + (source.column or 1) - 1
        try:
            found = self._editor(self._text, place).twice(offset)
            places = [lines.position(kept) for kept, _ in found]
            alone = len({one["line"] for one in places}) < len(places)
            for kept, (_, text) in zip(places, found, strict=True):
                yield f"keep column {kept['character'] + 1}" if alone else f"keep line {kept['line'] + 1}", text
        except (CannotEdit, SourceError):
            return

    def _migrated(self, item: Diagnostic, place: int, document: Document) -> Iterator[tuple[str, str]]:
        """As migrating the file edits it."""
        from trainspec.migration.planning import plan
        from trainspec.migration.rewriting import checked, edited_text

        for edit in plan(document).edits:
            if edit.old[:1] != item.fields[:1]:
                continue
            try:
                text = edited_text(self._text, document, place, edit)
                checked(text, document, place, self._at, edit)
            except (CannotEdit, NotWritable, SourceError):
                continue
            yield item.remedy, text

    def _edits(self, text: str, lines: Lines) -> tuple[tuple[Range, str], ...] | None:
        found = hunks(self._text, text)
        # What moves along may be anything: neither a comment nor what looks like a secret is told.
        if not found or any("#" in new or redact_url(new) != new for _, _, new in found):
            return None
        return tuple((lines.range(start, end), new) for start, end, new in found)


def _is_secret(field: str) -> bool:
    name = field.rpartition(".")[2]
    return is_secret_name(name) or field in TrainingArguments.secret_fields()


def _key(item: Diagnostic) -> tuple[str, tuple[str, ...]]:
    return item.code, item.fields
