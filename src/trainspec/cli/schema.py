"""`trainspec schema`: JSON Schema for editors and tools, rules included."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import cast

from trainspec.answers.schema import Schema, What, app_schema, schema
from trainspec.cli.faults import CannotRun, mistake
from trainspec.cli.named import settings_or_app
from trainspec.cli.options import Command, Given, Option, wants_help
from trainspec.cli.terminal import LANG, schema_base, words_for
from trainspec.export.json_schema import Draft
from trainspec.reports.report import shown_file
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
        Option(
            "base",
            "name it by its address in this folder, where the files of schemas/ are published; without it "
            "TRAINSPEC_SCHEMA_BASE, and where neither is given it has a name and no address",
            "URL",
        ),
        Option("schemastore", "write what SchemaStore's catalogue wants of a schema into this folder", "DIR"),
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
        print(COMMAND.help(argv))
        return 0
    given = COMMAND.parse(argv)
    given.settle()
    if given.words:
        raise CannotRun(mistake("CLI102", "schema takes no file: it describes files", "see trainspec schema --help"))
    if (folder := given.get("schemastore")) is not None:
        return _schemastore(folder, given)
    what = cast("What", given.get("for") or "file")
    if given.has("path"):
        return _path(given, what)
    made, draft = _made(given, what)
    if (base := schema_base(given.get("base"))) is not None:
        from trainspec.export.places import file_at

        own = "" if what == "diagnostics" else (given.get("model") or "").replace(":", ".")
        made = made.at(file_at(base, what, draft, own))
    print(made.told_in(words_for(given, "schema")).text, end="")
    return 0


def _made(given: Given, what: What) -> tuple[Schema, str]:
    """The schema, and its draft."""
    name, draft = given.get("model"), given.get("draft")
    model = settings_or_app(name) if name else TrainingArguments
    if what == "diagnostics":
        return schema("diagnostics", TrainingArguments), "2020-12"
    if issubclass(model, Settings):
        chosen: Draft = "2020-12" if draft == "2020-12" else "7"
        return schema(what, model, chosen), chosen
    if draft == "7":
        raise CannotRun(mistake("CLI103", "the schema of an app is one of draft 2020-12", "leave --draft out"))
    return app_schema(what, model), "2020-12"


def _path(given: Given, what: What) -> int:
    from trainspec.export.places import schema_path

    if given.get("lang") not in (None, "en"):
        raise CannotRun(mistake("CLI103", "the schemas of the package are in English", "leave --path out"))
    if (model := given.get("model")) is not None:
        remedy = f"trainspec schema --model {model} > run.schema.json"
        raise CannotRun(mistake("CLI102", "--path is about the schemas of the package, not of a class", remedy))
    path = schema_path(what, given.get("draft") or ("7" if what == "file" else "2020-12"))
    if path is None:
        remedy = "leave --draft out, or write the schema into a file: trainspec schema > run.schema.json"
        raise CannotRun(mistake("CLI103", "no file of that kind and draft came with the package", remedy))
    print(path)
    return 0


def _schemastore(folder: str, given: Given) -> int:
    from pathlib import Path

    from trainspec.export.schemastore import CATALOG_ENTRY, VALIDATION_ENTRY, files

    try:
        for name, text in files().items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotRun(mistake("CLI103", f"{shown_file(folder)} cannot be written: {reason}")) from None
    words = words_for(given)
    print(
        words("{file} written, as SchemaStore's repository has it").format(file=shown_file(os.path.join(folder, "src")))
    )
    for name, place in (
        (CATALOG_ENTRY, "src/api/json/catalog.json"),
        (VALIDATION_ENTRY, "src/schema-validation.jsonc"),
    ):
        print(words("{name} is to be put into {file} there").format(name=name, file=place))
    return 0
