"""`trainspec init`: a file of settings to begin with."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Command, Option, wants_help

COMMAND = Command(
    "init",
    "[FILE]",
    "Write a file of settings, run.yaml by default, with the line that tells editors its schema, the settings that "
    "most runs begin with, and what each of them means.",
    (Option("force", "write over a file that is there"),),
    examples=("trainspec init", "trainspec init configs/base.yaml"),
)
SCHEMA = "https://trainspec.dev/schemas/trainspec.schema.json"

# Heading -> settings with the values to begin with; the descriptions are those of the settings themselves.
BEGINNING: dict[str, dict[str, object]] = {
    "Where": {"output_dir": "runs/first"},
    "How long, and in what steps": {
        "num_train_epochs": 3.0,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
    },
    "Optimizer and schedule": {
        "learning_rate": 5e-5,
        "weight_decay": 0.0,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.0,
    },
    "Evaluation, checkpoints, logs": {
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": 500,
        "save_total_limit": 2,
        "logging_steps": 50,
        "report_to": "none",
    },
    "Precision and seed": {"bf16": False, "seed": 42},
}


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    if len(given.words) > 1:
        raise CannotRun(mistake("CLI102", "init takes one file", "trainspec init run.yaml"))
    path = given.words[0] if given.words else "run.yaml"
    if not path.endswith((".yaml", ".yml")):
        raise CannotRun(mistake("CLI103", f"{path} is not named .yaml or .yml", "trainspec init run.yaml"))
    _write(path, text(), force=given.has("force"))
    print(f"{path} written; trainspec validate {path} judges it, trainspec explain lists all settings")
    return 0


def text() -> str:
    """The file: the schema's line, then a setting under its description."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    from trainspec.migration.values import as_yaml
    from trainspec.settings.arguments import TrainingArguments

    fields = TrainingArguments.__pydantic_fields__
    yield f"# yaml-language-server: $schema={SCHEMA}"
    yield "#"
    yield "# The settings of a training run. What is left out has its default: trainspec explain lists all settings."
    for heading, settings in BEGINNING.items():
        yield from ("", f"# --- {heading}")
        for name, value in settings.items():
            yield ""
            yield from textwrap.wrap(fields[name].description or name, 100, initial_indent="# ", subsequent_indent="# ")
            yield f"{name}: {as_yaml(value)}"


def _write(path: str, content: str, *, force: bool) -> None:
    from trainspec.migration.local_files import write_whole

    try:
        target = Path(path)
        if force and target.exists():
            write_whole(path, content, permissions_of=path)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        raise CannotRun(mistake("CLI112", f"{path} is there already", "pass --force to write over it")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotRun(mistake("CLI103", f"{path} cannot be written: {reason}")) from None
