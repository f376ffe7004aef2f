"""Whole processes: `trainspec validate` from start to exit, and what a thousand files add."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from benchmarks.documents import DOCUMENT
from benchmarks.timing import Row, best_process_seconds, environment, milliseconds

TRAINSPEC = str(Path(sys.executable).with_name("trainspec"))
TRANSFORMERS = "from transformers import TrainingArguments; TrainingArguments('out', report_to='none')"
FILES = (250, 500, 1000)


def validate_rows() -> list[Row]:
    """One file, against importing pydantic-settings, and against what transformers takes to build its settings."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "run.yaml"
        file.write_text(yaml.safe_dump(DOCUMENT))
        ours_command = (TRAINSPEC, "validate", str(file))
        commands = (ours_command, (sys.executable, "-c", "import pydantic_settings"))
        ours, imported = best_process_seconds(commands, 20, environment())
        (transformers,) = best_process_seconds(((sys.executable, "-c", TRANSFORMERS),), 3, environment())
    mine = milliseconds(ours)
    yardstick = f"`import pydantic_settings`: {milliseconds(imported)}"
    theirs = f"transformers' TrainingArguments: {milliseconds(transformers)}"
    return [
        Row("`trainspec validate run.yaml`, whole process", mine, yardstick, ours / imported, 1.5),
        Row("the same against transformers", mine, theirs, transformers / ours, 10, at_least=True),
    ]


def plan_row() -> Row:
    """What ten thousand processes hold and send, as a whole process that ends."""
    world = ("--target", "h100x8", "--nodes", "1250")
    command = (TRAINSPEC, "plan", *world, "--params", "70e9", "--fsdp", "full_shard", "--rows", "1000000000")
    (seconds,) = best_process_seconds((command,), 20, environment())
    what = "`trainspec plan` for 10,000 ranks and 70 billion parameters, whole process"
    return Row(what, milliseconds(seconds), "a fixed bound", seconds * 1000, 300, unit="ms")


def many_files_rows() -> list[Row]:
    """Up to a thousand files in one command: the rate after start, and whether it stays the same."""
    with TemporaryDirectory() as folder:
        names = [Path(folder) / f"run{number:04}.yaml" for number in range(max(FILES))]
        for number, name in enumerate(names):
            name.write_text(yaml.safe_dump({**DOCUMENT, "seed": number}))
        commands = [(TRAINSPEC, "validate", *map(str, names[:count])) for count in (1, *FILES)]
        start, *times = best_process_seconds(commands, 4, environment())
    rates = [(count - 1) / (seconds - start) for count, seconds in zip(FILES, times, strict=True)]
    shown = ", ".join(f"{count}: {rate:.0f}/s" for count, rate in zip(FILES, rates, strict=True))
    return [
        Row("1,000 YAML files in one command, after start", shown, "a fixed bound", rates[-1], 500, True, "files/s"),
        Row("the same, rate of 250 files over rate of 1,000", shown, "linear: 1", rates[0] / rates[-1], 1.3),
    ]
