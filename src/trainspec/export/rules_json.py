"""`rules.json`: every rule and code with what it found, why it is wrong and what to write, for other programs.

The codes of the command line itself are not among them: `trainspec rule` explains those too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from trainspec.export.json_schema import expressed
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.arguments.generation_rules import RULES as SEQ2SEQ_RULES
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics.codes import CODES, Explanation
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.rules.rule import Rule
from trainspec.settings.targets.rules import TARGET_RULES
from trainspec.text.languages import Words

# Of the shape of the file.
VERSION = 1
KINDS = {
    "rule": "what settings may be together",
    "target": "settings against a declared machine",
    "code": "values, names and sources",
    "preflight": "what a run needs of this machine, its data and its folder",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A code; what only some kinds have is empty or null in the others."""

    code: str
    name: str
    kind: str
    message: str
    reason: str
    fix: str
    severity: str | None = None
    fields: tuple[str, ...] = ()
    condition: str | None = None
    in_schema: bool = False


def render(model: type[Settings] = TrainingArguments) -> dict[str, Any]:
    """All codes of a settings class, sorted."""
    return {"version": VERSION, "kinds": KINDS, "rules": [asdict(entry) for entry in entries(model)]}


def entries(model: type[Settings] = TrainingArguments, words: Words = str) -> list[Entry]:
    """Every code there is for a settings class, its own rules included, sorted by code, told in these words."""
    told = (
        replace(one, message=words(one.message), reason=words(one.reason), fix=words(one.fix))
        for one in _entries(model, words)
    )
    return sorted(told, key=lambda entry: entry.code)


def _entries(model: type[Settings], words: Words) -> Iterator[Entry]:
    carried = {rule.code for rule in expressed(model)}
    yield from (_rule(rule, rule.code in carried, words) for rule in model.rules())
    yield from _explained(CODES, "code")
    if issubclass(model, TrainingArguments):
        known = {rule.code for rule in model.rules()}
        yield from (_rule(rule, False, words) for rule in SEQ2SEQ_RULES if rule.code not in known)
        yield from _explained(PREFLIGHT_CODES, "preflight")
        yield from _targets()


def _rule(rule: Rule, in_schema: bool, words: Words) -> Entry:
    # Beside a function, the condition only says when the function is asked.
    condition = rule.when.prose(words) if rule.when is not None and rule.is_data else None
    return Entry(
        code=rule.code,
        name=rule.name,
        kind="rule",
        message=rule.message,
        reason=rule.reason,
        fix=rule.fix,
        severity=rule.severity,
        fields=rule.fields,
        condition=condition,
        in_schema=in_schema,
    )


def _targets() -> Iterator[Entry]:
    for rule in TARGET_RULES:
        yield Entry(
            code=rule.code,
            name=rule.name,
            kind="target",
            message=rule.name.replace("-", " "),
            reason=rule.reason,
            fix=rule.fix,
            severity=rule.severity,
            fields=rule.fields,
        )


def _explained(codes: Mapping[str, Explanation], kind: str) -> Iterator[Entry]:
    for code, text in codes.items():
        yield Entry(code=code, name=text.name, kind=kind, message=text.meaning, reason=text.reason, fix=text.fix)
