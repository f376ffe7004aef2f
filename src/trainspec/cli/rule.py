"""`trainspec rule`: what a code means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainspec.cli.faults import CannotRun, command_codes, mistake
from trainspec.cli.options import FORMAT, Command, wants_help
from trainspec.cli.terminal import answer_json, style
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.settings.targets.rules import TARGET_RULES
from trainspec.text.suggestions import nearest
from trainspec.text.wrapping import wrap

COMMAND = Command(
    "rule",
    "[CODE]",
    "What a code means: what it found, why it is wrong, what to write. Without a code, all of them.",
    (FORMAT,),
    examples=("trainspec rule PRE101", "trainspec rule"),
)


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


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    known = meanings()
    chosen = [_find(word, known) for word in given.words] or list(known.values())
    if given.get("format") == "json":
        answer_json({"rules": [item.to_dict() for item in chosen]})
    elif given.words:
        print("\n\n".join(_render(item) for item in chosen))
    else:
        width = max(len(item.name) for item in chosen)
        print("\n".join(f"{item.code}  {item.name:<{width}}  {item.found}" for item in chosen))
    return 0


def meanings() -> dict[str, Meaning]:
    """Every code there is, sorted, with its meaning."""
    found = {
        code: Meaning(code, item.name, item.meaning, item.reason, item.fix)
        for code, item in {**CODES, **PREFLIGHT_CODES, **command_codes()}.items()
    }
    for machine in TARGET_RULES:
        words = machine.name.replace("-", " ")
        found[machine.code] = Meaning(
            machine.code, machine.name, words, machine.reason, machine.fix, machine.severity, machine.fields
        )
    for rule in TrainingArguments.rules():
        condition = rule.when.prose() if rule.when is not None and rule.is_data else ""
        found[rule.code] = Meaning(
            rule.code, rule.name, rule.message, rule.reason, rule.fix, rule.severity, rule.fields, condition
        )
    return dict(sorted(found.items()))


def _find(word: str, known: dict[str, Meaning]) -> Meaning:
    by_name = {item.name: item for item in known.values()}
    item = known.get(word.upper()) or by_name.get(word.lower())
    if item is None:
        near = nearest(word, known) or nearest(word, (name.replace("-", "_") for name in by_name))
        remedy = f"did you mean {near.replace('_', '-')}?" if near else "trainspec rule lists all codes"
        raise CannotRun(mistake("CLI104", f"there is no code {word[:40]}", remedy))
    return item


def _render(item: Meaning) -> str:
    severity = f" ({item.severity})" if item.severity else ""
    rows = [("found", item.found), ("fields", ", ".join(item.fields)), ("when", item.condition)]
    rows += [("why", item.reason), ("fix", item.fix)]
    lines = [style(f"{item.code} {item.name}{severity}", "bold")]
    for label, text in rows:
        lines += wrap(text, f"  {label + ':':<8}", hang=" " * 10) if text else []
    return "\n".join(lines)
