"""What a code means: what it found, why it is wrong, what to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.answers.faults import NoAnswer, command_codes, mistake, shown_word
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.arguments.generation_rules import RULES as SEQ2SEQ_RULES
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.targets.rules import TARGET_RULES
from trainspec.text.suggestions import nearest

if TYPE_CHECKING:
    from trainspec.text.languages import Words


@dataclass(slots=True)
class Meaning:
    """A code as people read it: a rule about several settings, or a fault of one value, name, source or command."""

    code: str
    name: str
    found: str
    reason: str
    fix: str
    severity: str | None = None
    fields: tuple[str, ...] = ()
    condition: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "name": self.name,
            "severity": self.severity,
            "found": self.found,
            "reason": self.reason,
            "fix": self.fix,
            "fields": list(self.fields),
            "condition": self.condition or None,
        }


def meanings(words: Words = str) -> dict[str, Meaning]:
    """Every code there is, sorted, with its meaning in these words."""
    found = {
        code: Meaning(code, item.name, item.meaning, item.reason, item.fix)
        for code, item in {**CODES, **PREFLIGHT_CODES, **command_codes()}.items()
    }
    for machine in TARGET_RULES:
        said = machine.name.replace("-", " ")
        found[machine.code] = Meaning(
            machine.code, machine.name, said, machine.reason, machine.fix, machine.severity, machine.fields
        )
    for rule in (*TrainingArguments.rules(), *SEQ2SEQ_RULES):
        condition = rule.when.prose(words) if rule.when is not None and rule.is_data else ""
        found[rule.code] = Meaning(
            rule.code, rule.name, rule.message, rule.reason, rule.fix, rule.severity, rule.fields, condition
        )
    for meaning in found.values():
        meaning.found, meaning.reason, meaning.fix = map(words, (meaning.found, meaning.reason, meaning.fix))
    return dict(sorted(found.items()))


def meaning_of(word: str, known: dict[str, Meaning]) -> Meaning:
    """The meaning, among the known ones, of a code or of its name in words. Raises NoAnswer."""
    by_name = {item.name: item for item in known.values()}
    item = known.get(word.upper()) or by_name.get(word.lower())
    if item is None:
        near = nearest(word, known) or nearest(word, (name.replace("-", "_") for name in by_name))
        remedy = f"did you mean {near.replace('_', '-')}?" if near else "trainspec rule lists all codes"
        raise NoAnswer(mistake("CLI104", f"there is no code {shown_word(word)}", remedy))
    return item
