"""`trainspec init`: a file of settings to begin with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from trainspec.answers.init import SCHEMA, beginning, template
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import Command, Option, wants_help
from trainspec.cli.terminal import LANG, words_for
from trainspec.reports.report import shown_file
from trainspec.storage.regular import read_regular

COMMAND = Command(
    "init",
    "[FILE]",
    "Write a file of settings, run.yaml by default, with the settings that most runs begin with and what each of them "
    f"means, and beside it {SCHEMA}, to which its first line points editors. A name that ends with .env gets every "
    "variable, commented out.",
    (
        Option("force", "write over a file that is there"),
        Option(
            "model", "for .env: the settings class, or an app of pydantic-settings with one inside", "pkg.mod:Class"
        ),
        LANG,
    ),
    examples=("trainspec init", "trainspec init configs/base.yaml", "trainspec init app.env --model mine:App"),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if len(given.words) > 1:
        raise CannotRun(mistake("CLI102", "init takes one file", "trainspec init run.yaml"))
    path = given.words[0] if given.words else "run.yaml"
    shown, words = shown_file(path), words_for(given)
    if path.endswith(".env"):
        _write(path, _template(given.get("model")), force=given.has("force"))
        print(words("{file} written: every variable, commented out").format(file=shown))
        return 0
    if given.get("model") is not None:
        raise CannotRun(mistake("CLI102", "--model is for a file of variables", "trainspec init app.env --model ..."))
    if not path.endswith((".yaml", ".yml")):
        message = f"{shown} is not named .yaml, .yml or .env"
        raise CannotRun(mistake("CLI103", message, "trainspec init run.yaml"))
    made = beginning()
    schema = _place_of_schema(path)
    _write(path, made.text, force=given.has("force"))
    _write(schema, made.schema, force=True)
    print(words("{file} written, and beside it {name} for editors").format(file=shown, name=SCHEMA))
    print(words("trainspec validate {file} judges it, trainspec explain lists all settings").format(file=shown))
    return 0


def _place_of_schema(path: str) -> str:
    """Beside the file. A schema of ours that is there is brought up to date; what is not ours is left alone."""
    beside = os.path.join(os.path.dirname(path), SCHEMA)
    try:
        ours = "urn:trainspec:" in read_regular(Path(beside), 400).decode(errors="replace")
    except FileNotFoundError:
        ours = True
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise CannotRun(mistake("CLI112", f"{shown_file(beside)} is there already, and none of ours", "move it"))
    return beside


def _template(place: str | None) -> str:
    from trainspec.settings.arguments import TrainingArguments

    if place is None:
        return template(TrainingArguments).text
    from trainspec.cli.named import settings_or_app

    return template(settings_or_app(place)).text


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
        raise CannotRun(
            mistake("CLI112", f"{shown_file(path)} is there already", "pass --force to write over it")
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotRun(mistake("CLI103", f"{shown_file(path)} cannot be written: {reason}")) from None
