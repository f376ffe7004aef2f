"""The command line of a training script, as people have it in shell scripts and notebooks, read as settings."""

from __future__ import annotations

import shlex

from trainspec.migration.documents import Found, found_in
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.sources.command_line import command_line_layer
from trainspec.settings.sources.files import source_error


def read_command_line(text: str, name: str = "command line") -> Found:
    """The settings among the flags; flags of the script's own are in `others`. Raises SourceError for bad quotes."""
    try:
        words = shlex.split(text.replace("\\\r\n", " ").replace("\\\n", " "), comments=True)
    except ValueError as error:
        raise source_error("SRC107", f"{name}: {str(error).lower()}", name) from None
    layer, found = command_line_layer(TrainingArguments, _behind_the_script(words))
    # Words that belong to flags of the script's own are not ours to judge.
    return found_in(layer, [item for item in found if item.code != "SRC112" or item.fields])


def _behind_the_script(words: list[str]) -> list[str]:
    """Without what starts the script: `FOO=1 torchrun --nproc_per_node 8 train.py`, `python -m pkg.train`."""
    for number, word in enumerate(words):
        if word.endswith(".py"):
            return words[number + 1 :]
        if word == "-m" and number and words[number - 1].rpartition("/")[2].startswith("python"):
            rest = words[number + 2 :]
            module = words[number + 1] if number + 1 < len(words) else ""
            return _behind_the_script(rest) if module.startswith(("torch.distributed", "accelerate")) else rest
    first = next((number for number, word in enumerate(words) if word.startswith("--")), len(words))
    return words[first:]
