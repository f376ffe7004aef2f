"""What answers are made of, as models: what `/openapi.json` says of them; tests hold every answer to it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from trainspec.answers.completion.offers import Item
from trainspec.answers.completion.positions import Range
from trainspec.answers.explain import Facts

Severity = Literal["error", "warning", "note"]


class Model(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


class Answer(Model):
    """The whole of one."""

    version: Literal[1]


class Source(Model):
    """Where a value came from; line and column from 1."""

    kind: str
    name: str
    line: int | None
    column: int | None


class Evidence(Model):
    """A setting that a diagnostic is about, with its value as it may be shown."""

    field: str
    value: str | None
    source: Source | None


class Diagnostic(Model):
    """A fault or a notice: what was seen, why it is wrong, what to write."""

    code: str
    name: str
    severity: Severity
    message: str
    reason: str
    remedy: str
    fields: list[str]
    evidence: list[Evidence]


class Refusal(Answer):
    """A request without an answer, and why."""

    ok: Literal[False]
    diagnostics: list[Diagnostic]


class Report(Model):
    """What was found in one document."""

    file: str
    under: list[str]
    document: int
    ok: bool
    task: str | None
    ignored: list[str]
    diagnostics: list[Diagnostic]


class Summary(Model):
    """How much was found in all of them."""

    files: int
    documents: int
    errors: int
    warnings: int
    notes: int


class Judgement(Answer):
    """What `trainspec validate --format json` prints."""

    ok: bool
    files: list[Report]
    summary: Summary


class Edit(Model):
    """A text in place of a range."""

    range: Range
    text: str


class Fix(Model):
    """Edits that mend a diagnostic, by its number among all of the judgement."""

    diagnostic: int
    title: str
    edits: list[Edit]


class Fixes(Answer):
    """All that is known to mend something."""

    fixes: list[Fix]


class At(Model):
    """What stands at a place."""

    kind: Literal["key", "value"]
    path: list[str]
    name: str
    title: str
    description: str
    type: str
    default: str
    range: Range


class Completion(Answer):
    """What stands at a place, and what fits there."""

    at: At | None
    replace: Range
    items: list[Item]


class Planned(Answer):
    """The plan of a run, and where they are asked for what many processes cost, its course and its strategies."""

    model_config = ConfigDict(extra="ignore")

    ok: bool
    plan: dict[str, JsonValue] | None
    diagnostics: list[Diagnostic]


class Said(Model):
    """What a document says of a setting."""

    value: JsonValue
    shown: str
    source: Source


class Shown(Answer):
    """All settings, where they are valid, and what the documents say; where they are not, what holds of the rest."""

    ok: bool
    diagnostics: list[Diagnostic]
    ignored: list[str]
    settings: dict[str, dict[str, JsonValue]] | None
    task: dict[str, dict[str, JsonValue]] | None
    rest: dict[str, dict[str, JsonValue]] | None
    said: dict[str, Said]


class Shareable(Answer):
    """A document without secrets."""

    text: str
    left_out: list[str]
    lines_left_out: int


class Difference(Model):
    """A setting that differs, on either side."""

    setting: str
    a: dict[str, JsonValue]
    b: dict[str, JsonValue]


class Comparison(Answer):
    """All differences, where both are valid."""

    same: bool | None
    differences: list[Difference] | None
    diagnostics: list[Diagnostic]


class Converted(Answer):
    """A document in another form, or None with what stands against it."""

    text: str | None
    secrets: list[str]
    diagnostics: list[Diagnostic]


class Migrated(Answer):
    """A file's changes to today's names, or the settings of what launches a run."""

    model_config = ConfigDict(extra="ignore")

    ok: bool | None = None
    changed: bool | None = None
    refused: bool | None = None
    changes: list[str] | None = None
    diff: str | None = None
    diagnostics: list[Diagnostic] | None = None
    sets: list[dict[str, JsonValue]] | None = None


class Settings(Answer):
    """Settings, with all there is to know of each."""

    settings: list[Facts]


class Rule(Model):
    """A code, and what it means."""

    code: str
    name: str
    severity: Severity | None
    found: str
    reason: str
    fix: str
    fields: list[str]
    condition: str | None


class Rules(Answer):
    """Codes, with their meaning."""

    rules: list[Rule]


class Probe(Answer):
    """Whether all is well."""

    ok: bool


class Review(Answer):
    """An AdmissionReview with its response."""

    apiVersion: Literal["admission.k8s.io/v1"]  # noqa: N815 - Kubernetes' own
    kind: Literal["AdmissionReview"]
    response: dict[str, JsonValue]


class Open(BaseModel):
    """An object with names of its own."""

    model_config = ConfigDict(extra="allow")
