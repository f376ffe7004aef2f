"""`trainspec show`: the settings that hold for this process, where each comes from, what follows from what."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainspec.answers.show import Shown, task_entries
from trainspec.cli.files import files_named
from trainspec.cli.loading import Loaded, load_settings, settings_vocabulary, task_vocabulary
from trainspec.cli.options import AT, FORMAT, IGNORE_UNKNOWN, TASK_OPTION, Command, Option, wants_help
from trainspec.cli.terminal import LANG, answer_json, counted, exit_code, say, style, told, words_for
from trainspec.settings.sources.layer import sources_in_words
from trainspec.settings.views.provenance import Entry, parts
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.values.shape import Shape
    from trainspec.text.languages import Words

COMMAND = Command(
    "show",
    "[FILE...]",
    f"The settings that hold here: {sources_in_words()} (FILE, or what TRAINSPEC_CONFIG names; of several files, each "
    "is laid over those before it). First what differs from the defaults, then what follows from it.",
    (
        Option("all", "also what stands at its default"),
        Option("env", "taken as in validate, and without effect: TRAINSPEC_* variables always count here"),
        AT,
        IGNORE_UNKNOWN,
        TASK_OPTION,
        LANG,
        FORMAT,
    ),
    takes_settings=True,
    examples=(
        "trainspec show run.yaml",
        "trainspec show base.yaml site.yaml",
        "TRAINSPEC_BF16=1 trainspec show run.yaml --seed 7 --all",
    ),
)
_VALUE_WIDTH = 36


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    shape = _task_in(argv)
    given = COMMAND.parse(argv, settings_vocabulary(), *([task_vocabulary(shape)] if shape is not None else []))
    loaded = load_settings(given, files_named(given), shape)
    words = words_for(given)
    loaded.diagnostics = told(loaded.diagnostics, words)
    shown = _shown(loaded, shape)
    if given.get("format") == "json":
        answer_json(shown.to_dict())
        return exit_code(loaded.diagnostics)
    say(loaded.diagnostics)
    say_notes(loaded, words)
    if shown.settings is not None:
        print(_render(shown.settings, shown.task or {}, words, everything=given.has("all")))
    return exit_code(loaded.diagnostics)


def say_notes(loaded: Loaded, words: Words = str) -> None:
    """What is no fault but should be known, to stderr."""
    if loaded.ignored:
        said = words("note: keys that are no settings: {keys}")
        print(said.format(keys=printable(", ".join(loaded.ignored))), file=sys.stderr)
    if loaded.unchecked_task:
        print(words("note: the task's settings were not checked; --task NAME does that"), file=sys.stderr)


def _task_in(argv: Sequence[str]) -> Shape | None:
    from trainspec.cli.loading import AnyTask
    from trainspec.cli.named import task_named

    name = COMMAND.parse(argv, settings_vocabulary(), AnyTask()).get("task")
    return task_named(name)[1] if name is not None else None


def _shown(loaded: Loaded, shape: Shape | None) -> Shown:
    task = None
    if shape is not None:
        task = task_entries(shape, loaded.task, loaded.task_layers) if loaded.task is not None else {}
    return Shown(loaded.settings, loaded.diagnostics, loaded.ignored, task)


def _render(settings: TrainingArguments, task: dict[str, Entry], words: Words, *, everything: bool) -> str:
    found = parts(settings)
    blocks = {"set": found.said, "follows": found.follows, "task": task}
    if everything:
        blocks["default"] = found.default
    lines = [line for title, entries in blocks.items() for line in _block(title, entries, words)]
    if not everything:
        rest = words("{others} at their defaults: --all shows them")
        lines.append(style(rest.format(others=counted(len(found.default), "other", words)), "dim"))
    return "\n".join(lines)


def _block(title: str, entries: Mapping[str, Entry], words: Words) -> list[str]:
    if not entries:
        return []
    width = max(map(len, entries))
    lines = [style(words(title), "bold")]
    for name, entry in entries.items():
        source = "" if title == "default" else _source_of(entry, words)
        lines.append(f"  {name:<{width}}  {entry.value:<{_VALUE_WIDTH}}  {style(source, 'dim')}".rstrip())
    return [*lines, ""]


def _source_of(entry: Entry, words: Words) -> str:
    over = words(", over {value} from {source}")
    overrode = (over.format(value=item.value, source=words(str(item.source))) for item in entry.overrode)
    return words(str(entry.source)) + "".join(overrode)
