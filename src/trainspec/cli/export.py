"""`trainspec export`: a file of settings in another form, which reads back as the same settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import AT, Command, Option, wants_help
from trainspec.cli.terminal import counted, exit_code, say

# Form -> "module:function". The function takes the document (plain values under today's names, the task's section
# under "task") and the command's options that were given, by name: render(document, *, options) -> str.
FORMATS: dict[str, str] = {
    "env": "trainspec.migration.writing:as_env",
    "yaml": "trainspec.migration.writing:as_yaml_file",
    "toml": "trainspec.migration.writing:as_toml_file",
    "json": "trainspec.migration.writing:as_json_file",
    "cli": "trainspec.migration.writing:as_cli",
    "k8s": "trainspec.deployment.k8s:as_k8s",
    "compose": "trainspec.deployment.compose:as_compose",
}
# The forms that are read back here before they are written, so that none of them says something else.
READ_BACK = frozenset(FORMATS) - {"k8s", "compose"}

# Options that only some forms read; they reach the function as options["name"].
FORM_OPTIONS: tuple[Option, ...] = (
    Option("name", "k8s, compose: what the run is called there; trainspec by default", "NAME"),
    Option("image", "k8s, compose: the image that it runs in", "IMAGE"),
    Option("task", "k8s, compose: the task that it trains; digits by default", "TASK"),
    Option("gpus", "k8s, compose: how many NVIDIA GPUs it gets", "N"),
    Option("as", "k8s, compose: the settings as variables (the default) or as a file", "FORM", ("variables", "file")),
)

COMMAND = Command(
    "export",
    "FILE",
    "The settings that a file says, in another form on stdout: variables (env), flags (cli), yaml, toml, json. Secrets "
    "are never in it. Reading it gives the same settings.",
    (Option("to", "the form", "FORM", tuple(FORMATS)), AT, *FORM_OPTIONS),
    examples=("trainspec export run.yaml --to env > run.env",),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    if given.unknown:
        raise CannotRun(*given.unknown)
    if len(given.words) != 1 or not given.has("to"):
        number = counted(len(given.words), "file")
        raise CannotRun(
            mistake("CLI102", f"export takes one file and a form, not {number}", "trainspec export run.yaml --to env")
        )
    document, code = _document(given.words[0], given.get("at"))
    if document is not None:
        sys.stdout.write(written(document, given.values["to"], given.values))
    return code


def _document(path: str, at: str | None) -> tuple[dict[str, Any] | None, int]:
    """What a valid file says, under today's names."""
    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.judging.ways_in import from_layers
    from trainspec.settings.sources.files import document_layer, read_document
    from trainspec.settings.sources.variables import TASK

    try:
        document = read_document(path, at=at)
    except SourceError as error:
        say(error.diagnostics)
        return None, exit_code(error.diagnostics)
    layer, found = document_layer(TrainingArguments, document)
    verdict = from_layers(TrainingArguments, [layer], found, quiet=True)
    say(verdict.diagnostics)
    if verdict.settings is None:
        return None, exit_code(verdict.diagnostics)
    secrets = sorted(TrainingArguments.secret_fields() & layer.values.keys())
    if secrets:
        print(f"note: secrets are not written: {', '.join(secrets)}", file=sys.stderr)
    task = document.values.get(TASK)
    return {**verdict.settings.to_dict(), **({TASK: task} if task else {})}, 0


def written(document: Mapping[str, Any], form: str, options: Mapping[str, str]) -> str:
    """A document in a form. Raises CannotRun where the form cannot say it."""
    from trainspec.deployment import NotDeployable
    from trainspec.migration.documents import unequal
    from trainspec.migration.values import NotWritable

    module, _, function = FORMATS[form].partition(":")
    try:
        text: str = getattr(import_module(module), function)(document, options=options)
        lost = unequal(document, text, form) if form in READ_BACK else []
    except NotDeployable as why:
        raise CannotRun(mistake("CLI111", str(why))) from None
    except NotWritable as why:
        raise CannotRun(mistake("CLI111", f"{form} cannot say {why}", "choose another form")) from None
    if lost:
        message = f"{form} would not give back {', '.join(lost)} as they are"
        raise CannotRun(mistake("CLI111", message, "choose another form"))
    return text
