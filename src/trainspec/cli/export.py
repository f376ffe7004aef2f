"""`trainspec export`: a file of settings in another form, which reads back as the same settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trainspec.answers.export import FORMATS, export
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.options import AT, Command, Option, wants_help
from trainspec.cli.terminal import counted, exit_code, say

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
    from trainspec.answers.documents import judged
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.sources.files import read_document

    try:
        document = read_document(given.words[0], at=given.get("at"))
    except SourceError as error:
        say(error.diagnostics)
        return exit_code(error.diagnostics)
    found = export(judged(document), given.values["to"], given.values)
    say(found.diagnostics)
    if found.secrets:
        print(f"note: secrets are not written: {', '.join(found.secrets)}", file=sys.stderr)
    if found.refusal is not None:
        raise CannotRun(found.refusal)
    if found.text is None:
        return exit_code(found.diagnostics)
    sys.stdout.write(found.text)
    return 0
