"""Old names and values as today's: in the text of a file, or what any source says in another form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trainspec.answers.export import written
from trainspec.answers.faults import NoAnswer, mistake
from trainspec.migration.documents import Found
from trainspec.migration.rewriting import Change, difference, rewrite
from trainspec.settings.diagnostics import Diagnostic, errors_of
from trainspec.text.languages import Words
from trainspec.text.redaction import redacted
from trainspec.text.tokens import hide_tokens

_MARK = "\ufeff"
_THEIRS = "transformers.training_args.TrainingArguments"


@dataclass(frozen=True, slots=True)
class Migration:
    """A text before and after, what changed in it, what could not be brought up to date, and what not be edited.

    Where an old and a new name contradict each other, all is `refused` and nothing changed. The JSON is without the
    texts, which hold whatever the file holds, secrets too.
    """

    before: str
    after: str
    changes: tuple[Change, ...]
    left: tuple[Diagnostic, ...]
    stuck: tuple[Diagnostic, ...]
    refused: bool
    # What stands under the names of secrets, which no view of the texts shows.
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def ok(self) -> bool:
        """Whether nothing is left to be done by hand."""
        return not self.stuck and not errors_of(self.left)

    def difference(self, name: str, *, around: int = 3) -> Iterator[str]:
        """The lines of a unified diff of the text under this name, with so many lines around each change."""
        texts = self.before.removeprefix(_MARK), self.after.removeprefix(_MARK)
        return difference(*texts, name, self.secrets, around=around)

    def to_dict(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "changed": self.changed,
            "refused": self.refused,
            "changes": [str(change) for change in self.changes],
            "diagnostics": [item.to_dict() for item in (*self.left, *self.stuck)],
        }


def migrate(text: str, format: str, name: str, at: str | None = None) -> Migration:
    """The text of a file of settings (yaml, json, toml) with today's names. Raises SourceError where it is none."""
    mark = _MARK if text.startswith(_MARK) else ""
    done = rewrite(text.removeprefix(mark), format, name, at)
    stuck = tuple(
        mistake("CLI109", f"{source}: {'.'.join(edit.old)} cannot be rewritten: {why}", f"by hand: {edit}")
        for source, edit, why in done.stuck
    )
    return Migration(
        text, mark + done.text, tuple(done.changes), tuple(done.left), stuck, done.refused, frozenset(done.secrets)
    )


@dataclass(frozen=True, slots=True)
class Converted:
    """One set of settings in a form, or None with the form's refusal.

    `found` says what was read: names that are no settings, secrets left out, what could not be brought along.
    """

    text: str | None
    found: Found
    refusal: Diagnostic | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """Names that are no settings."""
        return tuple(self.found.others)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Settings that are left out, since they are secrets."""
        return tuple(self.found.secrets)

    @property
    def left(self) -> tuple[Diagnostic, ...]:
        """What could not be brought along."""
        return tuple(self.found.left)

    @property
    def told(self) -> tuple[Diagnostic, ...]:
        """What is worth knowing, though nothing is left to do."""
        return tuple(self.found.told)

    @property
    def ok(self) -> bool:
        """Whether nothing is left to be done by hand."""
        return not self.found.left and self.refusal is None

    def notes(self, words: Words = str) -> Iterator[str]:
        """What was read, and what of it is no setting, in these words."""
        yield from map(words, self.found.notes)
        if self.found.made_by not in ("", _THEIRS):
            yield words("settings of the class {name}").format(name=self.found.made_by)
        if self.others:
            yield words("no settings, left out: {names}").format(names=", ".join(self.others))
        if self.secrets:
            yield words("secrets are not written: {names}").format(names=", ".join(self.secrets))

    def to_dict(self) -> dict[str, Any]:
        diagnostics = [*self.left, *self.told, *([self.refusal] if self.refusal is not None else [])]
        return {
            "ok": self.ok,
            "text": self.text,
            "settings": {hide_tokens(name): redacted(name, value) for name, value in self.found.values.items()},
            "others": list(self.others),
            "secrets": list(self.secrets),
            "notes": list(self.notes()),
            **self.found.facts,
            "diagnostics": [item.to_dict() for item in diagnostics],
        }


def _without_secret_keys(one: Found) -> Found:
    """The same without what stands under the name of a secret inside settings, which is told as any secret is."""
    from trainspec.settings.sources.task_section import without_secret_keys

    pairs = {name: without_secret_keys(value, name) for name, value in one.values.items()}
    hidden = [path for _, paths in pairs.values() for path in paths]
    return replace(one, values={name: value for name, (value, _) in pairs.items()}, secrets=[*one.secrets, *hidden])


def convert(found: Sequence[Found], form: str, name: str) -> Iterator[Converted]:
    """Every set of settings of the source called `name` in a form; only yaml can say several. Raises NoAnswer."""
    if len(found) > 1 and form != "yaml":
        raise NoAnswer(mistake("CLI111", f"{name} holds {len(found)} sets of settings, which only yaml can say"))
    for number, one in enumerate(map(_without_secret_keys, found)):
        try:
            yield Converted(("---\n" if number else "") + written(one.values, form, {}), one)
        except NoAnswer as why:
            yield Converted(None, one, why.diagnostics[0])
