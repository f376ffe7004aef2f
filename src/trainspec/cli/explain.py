"""`trainspec explain`: all there is to know of one setting; without a name, all settings by group."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import FORMAT, Command, wants_help
from trainspec.cli.terminal import answer_json, style
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.command_line import kind_at
from trainspec.settings.sources.renames import REMOVED, RENAMED, RETIRED_VALUES
from trainspec.settings.values.shape import shape_of
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.help_text import default_of, flags_of, group_of, sections_of
from trainspec.text.suggestions import did_you_mean
from trainspec.text.wrapping import wrap

COMMAND = Command(
    "explain",
    "[FIELD]",
    "All there is to know of a setting: type, bounds, default, choices, variable, flag, rules, old names, example. "
    "Keys inside a mapping have dotted names.",
    (FORMAT,),
    examples=("trainspec explain learning_rate", "trainspec explain fsdp_config.min_num_params", "trainspec explain"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    facts = [_explain(word) for word in given.words]
    if given.get("format") == "json":
        answer_json({"settings": facts or [_explain(name) for name in TrainingArguments.field_kinds()]})
    elif facts:
        print("\n\n".join("\n".join(_lines(item)) for item in facts))
    else:
        print("\n".join(_overview()))
    return 0


def _overview() -> Iterator[str]:
    shape = shape_of(TrainingArguments)
    for number, section in enumerate(sections_of(shape)):
        yield from [""] if number else []
        yield style(section.heading, "bold")
        for name in section.names:
            yield from wrap(shape.fields[name].description or "", f"  {name:<32}  ", hang=" " * 36)


def _explain(word: str) -> dict[str, Any]:
    """Facts of a setting under any name it has or had. Raises CannotRun."""
    name = word.replace("-", "_").removeprefix("TRAINSPEC_").replace("__", ".")
    name = name if name in RENAMED or name in REMOVED else name.lower()
    if name in REMOVED:
        gone = REMOVED[name]
        raise CannotRun(mistake("CLI104", f"{name} is no setting any more: {gone.reason}", gone.advice))
    path = tuple(RENAMED[name].successor.split(".")) if name in RENAMED else tuple(name.split("."))
    kinds = TrainingArguments.field_kinds()
    kind = kind_at(kinds, path) if path[0] in kinds else None
    if kind is None:
        raise CannotRun(_unknown(word, path))
    info = _info_at(path)
    whole = ".".join(path)
    flag = flags_of(path[-1], kind, info, parent="".join(f"{part}." for part in path[:-1]))
    derivation = DERIVATIONS.get(whole)
    return {
        "name": whole,
        "asked_for": word,
        "group": group_of(shape_of(TrainingArguments), path[0]),
        "description": info.description or "",
        "type": kind.expected,
        "choices": [plain(choice) for choice in kind.choices],
        "default": default_of(whole, info).removeprefix("default: "),
        "follows_from": list(derivation.follows_from) if derivation is not None else [],
        "keys": list(shape_of(kind.section).kinds) if kind.section is not None else [],
        "variable": TrainingArguments.env_prefix + "__".join(path).upper(),
        "flag": flag,
        "example": plain(info.examples[0]) if info.examples else None,
        "rules": [f"{rule.code} {rule.name}" for rule in TrainingArguments.rules() if _mentions(rule.fields, whole)],
        "old_names": [old for old, renamed in RENAMED.items() if renamed.successor == whole],
        "old_values": [str(value) for value in RETIRED_VALUES.get(whole, ())],
    }


def _info_at(path: tuple[str, ...]) -> Any:
    info = TrainingArguments.__pydantic_fields__[path[0]]
    for depth in range(1, len(path)):
        above = kind_at(TrainingArguments.field_kinds(), path[:depth])
        section = above.section if above is not None else None
        if section is not None:
            info = section.model_fields[path[depth]]
    return info


def _mentions(fields: Sequence[str], name: str) -> bool:
    return any(field == name or field.startswith(f"{name}.") for field in fields)


def _unknown(word: str, path: tuple[str, ...]) -> Any:
    kinds = TrainingArguments.field_kinds()
    above = kind_at(kinds, path[:-1]) if len(path) > 1 and path[0] in kinds else None
    if above is not None and above.section is not None:
        parent = ".".join(path[:-1])
        remedy = did_you_mean(path[-1], shape_of(above.section).kinds, f"{parent}.{{}}")
        return mistake("CLI104", f"{parent} has no key {path[-1][:40]}", remedy)
    remedy = did_you_mean(path[0], (*kinds, *RENAMED)) or "trainspec explain lists all settings"
    return mistake("CLI104", f"there is no setting {word[:40]}", remedy)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    yield style(facts["name"], "bold") + style(f"  {facts['group']}", "dim")
    if facts["asked_for"] in facts["old_names"]:
        yield f"  {facts['asked_for']} is its old name"
    yield from wrap(facts["description"], "  ") if facts["description"] else []
    rows = [
        ("type", facts["type"]),
        ("default", facts["default"]),
        ("follows", f"from {', '.join(facts['follows_from'])} where it is not set" if facts["follows_from"] else ""),
        ("keys", ", ".join(facts["keys"])),
        ("flag", facts["flag"]),
        ("variable", facts["variable"]),
        ("example", _written(facts["name"], facts["example"])),
        ("old names", ", ".join(facts["old_names"])),
        ("old values", ", ".join(facts["old_values"])),
        *(("rules" if number == 0 else "", rule) for number, rule in enumerate(facts["rules"])),
    ]
    for label, text in rows:
        yield from wrap(text, f"  {label:<11} ", hang=" " * 14) if text else []


def _written(name: str, example: Any) -> str:
    """An example as it stands in a YAML file."""
    if example is None:
        return ""
    head, *rest = name.split(".")
    text = json.dumps(example, ensure_ascii=False)
    for key in reversed(rest):
        text = f"{{{key}: {text}}}"
    return f"{head}: {text}"
