"""JSON Schema of what `trainspec validate --format json` prints, and of every diagnostic in it."""

from __future__ import annotations

from typing import Any, get_args

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import Severity
from trainspec.settings.diagnostics.source import SourceKind

Schema = dict[str, Any]

# Of the shape of the output; a change that readers would notice makes it a new one.
VERSION = 1
# Rules of users have codes of their own families.
_CODE = r"^[A-Z][A-Z0-9]*[0-9]{3}$"


def render(model: type[Settings] = TrainingArguments) -> Schema:
    """The schema, the same for every settings class: codes of its own rules are codes like any others."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:trainspec:diagnostics:{VERSION}",
        "title": "Findings of trainspec validate",
        "description": "What trainspec validate --format json prints: a report for each document, and the numbers.",
        "$comment": "Generated.",
        **_object(
            {
                "version": {"const": VERSION, "description": "Version of this shape."},
                "ok": _of("boolean", "Whether the exit code is 0: no error, and under --strict no warning either."),
                "files": _list("report", "A report for each document, in the order in which they were judged."),
                "summary": _summary(),
            }
        ),
        "$defs": {
            "report": _report(),
            "diagnostic": diagnostic(),
            "evidence": _evidence(),
            "source": _source(),
        },
    }


def diagnostic() -> Schema:
    """The schema of `Diagnostic.to_dict()`, which refers to the others in `$defs`."""
    return _described(
        "A fault or a notice.",
        {
            "code": {**_of("string", "Its permanent code; trainspec rule CODE explains it."), "pattern": _CODE},
            "name": _of("string", "Its name in kebab case."),
            "severity": {
                "type": "string",
                "enum": list(get_args(Severity)),
                "description": "An error makes the document invalid, a warning does not.",
            },
            "message": _of("string", "What was seen, in a sentence."),
            "reason": _of("string", "Why it is wrong; may be empty."),
            "remedy": _of("string", "What to write instead; may be empty."),
            "fields": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Dotted names of the settings it is about, in the order of the evidence.",
            },
            "evidence": _list("evidence", "The values it is about, each with its source."),
        },
    )


def _report() -> Schema:
    return _described(
        "What judging one document found.",
        {
            "file": _of("string", "Path or URL as it was named, or environment."),
            "under": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The files that it was laid over, the weakest first: with --together, else none.",
            },
            "document": {**_of("integer", "Which document of the file, from 1."), "minimum": 1},
            "ok": _of("boolean", "Whether the document is valid."),
            "task": {
                "enum": ["checked", "unchecked", None],
                "description": "Whether its task section was checked; null where it has none and none was asked for.",
            },
            "ignored": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Keys that are no settings, passed over by --ignore-unknown.",
            },
            "diagnostics": _list("diagnostic", "What was found."),
        },
    )


def _evidence() -> Schema:
    return _described(
        "One value that a diagnostic is about.",
        {
            "field": _of("string", "Dotted name of the setting, or the name that was written."),
            "value": _or_null("string", "The value as JSON-like text, without secrets; null where it is not shown."),
            "source": {
                "anyOf": [{"$ref": "#/$defs/source"}, {"type": "null"}],
                "description": "Where it stands; null where that is not known.",
            },
        },
    )


def _source() -> Schema:
    return _described(
        "The place of a value.",
        {
            "kind": {
                "type": "string",
                "enum": [kind.value for kind in SourceKind],
                "description": "The kind of source, of which later ones override earlier ones.",
            },
            "name": _of("string", "Path, URL, variable, flag; may be empty."),
            "line": {**_or_null("integer", "Line, from 1."), "minimum": 1},
            "column": {**_or_null("integer", "Column, from 1."), "minimum": 1},
        },
    )


def _summary() -> Schema:
    counts = {
        "files": "How many files were judged.",
        "documents": "How many documents they hold.",
        "errors": "How many errors were found.",
        "warnings": "How many warnings were found.",
        "notes": "How many notes there are: of what a script's own calls may bring to life.",
    }
    return _described("The numbers.", {name: {**_of("integer", about), "minimum": 0} for name, about in counts.items()})


def _described(about: str, properties: dict[str, Schema]) -> Schema:
    return {"description": about, **_object(properties)}


def _object(properties: dict[str, Schema]) -> Schema:
    """Every key is always there, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _of(kind: str, about: str) -> Schema:
    return {"type": kind, "description": about}


def _or_null(kind: str, about: str) -> Schema:
    return {"type": [kind, "null"], "description": about}


def _list(name: str, about: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "description": about}
