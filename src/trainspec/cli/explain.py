"""`trainspec explain`: all there is to know of one setting; without a name, all settings by group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from trainspec.answers.explain import Facts, explain, explain_all, overview
from trainspec.cli.options import FORMAT, Command, wants_help
from trainspec.cli.terminal import LANG, answer_json, style, words_for
from trainspec.text.languages import Words
from trainspec.text.wide import padded
from trainspec.text.wrapping import wrap

COMMAND = Command(
    "explain",
    "[FIELD]",
    "All there is to know of a setting: type, bounds, default, choices, variable, flag, rules, old names, example. "
    "Keys inside a mapping have dotted names.",
    (LANG, FORMAT),
    examples=("trainspec explain learning_rate", "trainspec explain fsdp_config.min_num_params", "trainspec explain"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    words = words_for(given)
    facts = [explain(word, words) for word in given.words]
    if given.get("format") == "json":
        answer_json({"settings": [item.to_dict() for item in facts or explain_all(words)]})
    elif facts:
        print("\n\n".join("\n".join(_lines(item, words)) for item in facts))
    else:
        print("\n".join(_overview(words)))
    return 0


def _overview(words: Words) -> Iterator[str]:
    for number, group in enumerate(overview(words)):
        yield from [""] if number else []
        yield style(group.heading, "bold")
        for name, about in group.settings.items():
            yield from wrap(about, f"  {name:<32}  ", hang=" " * 36)


def _lines(facts: Facts, words: Words) -> Iterator[str]:
    yield style(facts.name, "bold") + style(f"  {facts.group}", "dim")
    if facts.asked_for in facts.old_names:
        yield f"  {words('{name} is its old name').format(name=facts.asked_for)}"
    yield from wrap(facts.description, "  ") if facts.description else []
    rows = [
        ("type", facts.type),
        # Where the type only counts them.
        ("choices", ", ".join(map(str, facts.choices)) if _only_counted(facts) else ""),
        ("default", facts.default),
        ("follows", _follows(facts, words)),
        ("layers", facts.layers),
        ("keys", ", ".join(facts.keys)),
        ("flag", facts.flag),
        ("variable", facts.variable),
        ("example", _written(facts.name, facts.example)),
        ("old names", ", ".join(facts.old_names)),
        ("old values", ", ".join(facts.old_values)),
        *(("rules" if number == 0 else "", rule) for number, rule in enumerate(facts.rules)),
    ]
    for label, text in rows:
        yield from wrap(text, f"  {padded(words(label), 11)} ", hang=" " * 14) if text else []


def _only_counted(facts: Facts) -> bool:
    """Whether the type tells the number of the choices alone."""
    return bool(facts.choices) and not all(str(choice) in facts.type for choice in facts.choices)


def _follows(facts: Facts, words: Words) -> str:
    names = ", ".join(facts.follows_from)
    return words("from {names} where it is not set").format(names=names) if names else ""


def _written(name: str, example: Any) -> str:
    """An example as it stands in a YAML file."""
    if example is None:
        return ""
    head, *rest = name.split(".")
    text = json.dumps(example, ensure_ascii=False)
    for key in reversed(rest):
        text = f"{{{key}: {text}}}"
    return f"{head}: {text}"
