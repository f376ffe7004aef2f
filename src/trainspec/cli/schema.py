"""`trainspec schema`: JSON Schema for editors and tools, rules included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from trainspec.answers.schema import What, app_schema, schema
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.named import settings_or_app
from trainspec.cli.options import Command, Option, wants_help
from trainspec.cli.terminal import LANG, words_for
from trainspec.export.json_schema import Draft
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings

COMMAND = Command(
    "schema",
    "",
    "JSON Schema of a settings file, with every rule that a schema can carry. The rules that none can are listed by "
    "code in its $comment; trainspec validate judges those too.",
    (
        Option("draft", "7, for editors (the default), or 2020-12, for tools", "DRAFT", ("7", "2020-12")),
        Option(
            "for",
            "file (the default), env for TRAINSPEC_* variables, or diagnostics for what validate --format json prints",
            "WHAT",
            ("file", "env", "diagnostics"),
        ),
        Option("path", "print where the schema lies that came with the package, for an editor's configuration"),
        Option("model", "the settings class, or an app of pydantic-settings with one inside, instead", "pkg.mod:Class"),
        LANG,
    ),
    examples=(
        "trainspec schema --path",
        "trainspec schema > run.schema.json",
        "trainspec schema --model mine:MyArguments --draft 2020-12",
    ),
)


def run(argv: Sequence[str]) -> int:
    if wants_help(argv):
        print(COMMAND.help())
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if given.words:
        raise CannotRun(mistake("CLI102", "schema takes no file: it describes files", "see trainspec schema --help"))
    name, what = given.get("model"), cast("What", given.get("for") or "file")
    if given.has("path"):
        if given.get("lang") not in (None, "en"):
            raise CannotRun(mistake("CLI103", "the schemas of the package are in English", "leave --path out"))
        return _path(name, what, given.get("draft"))
    words = words_for(given, "schema")
    model = settings_or_app(name) if name else TrainingArguments
    if issubclass(model, Settings):
        draft: Draft = "2020-12" if given.get("draft") == "2020-12" else "7"
        print(schema(what, model, draft).told_in(words).text, end="")
        return 0
    if given.get("draft") == "7":
        raise CannotRun(mistake("CLI103", "the schema of an app is one of draft 2020-12", "leave --draft out"))
    found = schema("diagnostics", TrainingArguments) if what == "diagnostics" else app_schema(what, model)
    print(found.told_in(words).text, end="")
    return 0


def _path(model: str | None, what: What, draft: str | None) -> int:
    from trainspec.export.installed import schema_path

    if model is not None:
        remedy = f"trainspec schema --model {model} > run.schema.json"
        raise CannotRun(mistake("CLI102", "--path is about the schemas of the package, not of a class", remedy))
    path = schema_path(what, draft or ("7" if what == "file" else "2020-12"))
    if path is None:
        remedy = "leave --draft out, or write the schema into a file: trainspec schema > run.schema.json"
        raise CannotRun(mistake("CLI103", "no file of that kind and draft came with the package", remedy))
    print(path)
    return 0
