"""`trainspec show`: the settings that hold for this process, where each comes from, what follows from what."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.loading import Loaded, load_settings, settings_vocabulary, task_vocabulary
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, TASK_OPTION, Command, Option, wants_help
from trainspec.cli.terminal import answer_json, counted, exit_code, say, style
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.layer import Origin, by_strength, sources_in_words
from trainspec.settings.values.masking import shown
from trainspec.settings.views.derived import DERIVATIONS
from trainspec.settings.views.dumping import plain
from trainspec.settings.views.provenance import Entry
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.values.shape import Shape

COMMAND = Command(
    "show",
    "[FILE]",
    f"The settings that hold here: {sources_in_words()} (FILE, or the one that TRAINSPEC_CONFIG names). First what "
    "differs from the defaults, then what follows from it.",
    (Option("all", "also what stands at its default"), AT, IGNORE_UNKNOWN, TASK_OPTION, FORMAT),
    takes_settings=True,
    examples=("trainspec show run.yaml", "TRAINSPEC_BF16=1 trainspec show run.yaml --seed 7 --all"),
)
_VALUE_WIDTH = 36


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    shape = _task_in(argv)
    given = COMMAND.parse(argv, settings_vocabulary(), *([task_vocabulary(shape)] if shape is not None else []))
    if len(given.words) > 1:
        raise CannotRun(mistake("CLI102", f"show takes one file, and {counted(len(given.words), 'word')} stand here"))
    loaded = load_settings(given, given.words[0] if given.words else None, shape)
    if given.get("format") == "json":
        answer_json(_as_json(loaded, shape))
        return exit_code(loaded.diagnostics)
    say(loaded.diagnostics)
    say_notes(loaded)
    if loaded.settings is not None:
        print(_render(loaded.settings, _task_entries(loaded, shape), everything=given.has("all")))
    return exit_code(loaded.diagnostics)


def say_notes(loaded: Loaded) -> None:
    """What is no fault but should be known, to stderr."""
    if loaded.ignored:
        print(f"note: keys that are no settings: {printable(', '.join(loaded.ignored))}", file=sys.stderr)
    if loaded.unchecked_task:
        print("note: the task's settings were not checked; --task NAME does that", file=sys.stderr)


def _task_in(argv: Sequence[str]) -> Shape | None:
    from trainspec.cli.loading import AnyTask
    from trainspec.cli.named import task_named

    name = COMMAND.parse(argv, settings_vocabulary(), AnyTask()).get("task")
    return task_named(name)[1] if name is not None else None


def _sorted_out(settings: TrainingArguments) -> dict[str, dict[str, Entry]]:
    """All settings as said, following from others, or at their defaults."""
    parts: dict[str, dict[str, Entry]] = {"set": {}, "follows": {}, "default": {}}
    for name, entry in settings.provenance.items():
        kind = entry.source.kind
        part = {SourceKind.DEFAULT: "default", SourceKind.DERIVED: "follows"}.get(kind, "set")
        parts[part][name] = entry
    return parts


def _task_entries(loaded: Loaded, shape: Shape | None) -> dict[str, Entry]:
    if loaded.task is None or shape is None:
        return {}
    origin = Origin(by_strength(loaded.task_layers))
    entries = {}
    for name in shape.fields:
        seen = shown(name, getattr(loaded.task, name), secret=name in shape.secrets)
        entries[f"task.{name}"] = Entry(seen, origin.source((name,)) or Source(SourceKind.DEFAULT))
    return entries


def _render(settings: TrainingArguments, task: dict[str, Entry], *, everything: bool) -> str:
    parts = _sorted_out(settings)
    lines = [*_block("set", parts["set"]), *_block("follows", parts["follows"]), *_block("task", task)]
    if everything:
        lines += _block("default", parts["default"])
    else:
        others = counted(len(parts["default"]), "other")
        lines.append(style(f"{others} at their defaults: --all shows them", "dim"))
    return "\n".join(lines)


def _block(title: str, entries: dict[str, Entry]) -> list[str]:
    if not entries:
        return []
    width = max(map(len, entries))
    lines = [style(title, "bold")]
    for name, entry in entries.items():
        source = "" if title == "default" else _source_of(entry)
        lines.append(f"  {name:<{width}}  {entry.value:<{_VALUE_WIDTH}}  {style(source, 'dim')}".rstrip())
    return [*lines, ""]


def _source_of(entry: Entry) -> str:
    over = "".join(f", over {item.value} from {item.source}" for item in entry.overrode)
    return f"{entry.source}{over}"


def _as_json(loaded: Loaded, shape: Shape | None) -> dict[str, Any]:
    found = [item.to_dict() for item in loaded.diagnostics]
    data: dict[str, Any] = {"ok": loaded.settings is not None, "diagnostics": found, "ignored": loaded.ignored}
    if loaded.settings is None:
        return {**data, "settings": None, "task": None}
    settings, secret = loaded.settings, loaded.settings.secret_fields()
    facts = {}
    for name, entry in settings.provenance.items():
        value = None if name in secret else plain(getattr(settings, name))
        follows = list(DERIVATIONS[name].follows_from) if entry.source.kind is SourceKind.DERIVED else []
        facts[name] = {**entry.to_dict(), "value": value, "shown": entry.value, "follows_from": follows}
    task = {name: entry.to_dict() for name, entry in _task_entries(loaded, shape).items()}
    return {**data, "settings": facts, "task": task if shape is not None else None}
