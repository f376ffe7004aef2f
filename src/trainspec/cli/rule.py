"""`trainspec rule`: what a code means."""

from __future__ import annotations

from collections.abc import Sequence

from trainspec.answers.rule import Meaning, meaning_of, meanings
from trainspec.cli.options import FORMAT, Command, wants_help
from trainspec.cli.terminal import LANG, answer_json, style, words_for
from trainspec.text.languages import Words
from trainspec.text.wide import padded
from trainspec.text.wrapping import wrap

COMMAND = Command(
    "rule",
    "[CODE]",
    "What a code means: what it found, why it is wrong, what to write. Without a code, all of them.",
    (LANG, FORMAT),
    examples=("trainspec rule PRE101", "trainspec rule"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    words = words_for(given)
    known = meanings(words)
    chosen = [meaning_of(word, known) for word in given.words] or list(known.values())
    if given.get("format") == "json":
        answer_json({"rules": [item.to_dict() for item in chosen]})
    elif given.words:
        print("\n\n".join(_render(item, words) for item in chosen))
    else:
        width = max(len(item.name) for item in chosen)
        print("\n".join(f"{item.code}  {item.name:<{width}}  {item.found}" for item in chosen))
    return 0


def _render(item: Meaning, words: Words) -> str:
    severity = f" ({words(item.severity)})" if item.severity else ""
    rows = [("found", item.found), ("fields", ", ".join(item.fields)), ("when", item.condition)]
    rows += [("why", item.reason), ("fix", item.fix)]
    lines = [style(f"{item.code} {item.name}{severity}", "bold")]
    for label, text in rows:
        lines += wrap(text, f"  {padded(words(label) + words(':'), 8)}", hang=" " * 10) if text else []
    return "\n".join(lines)
