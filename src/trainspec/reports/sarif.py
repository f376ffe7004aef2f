"""SARIF 2.1.0, which code scanning services read: results at their places, the rules behind them with help."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

from trainspec import __version__
from trainspec.reports.report import Manner, Meaning, Report, details, place_of
from trainspec.settings.diagnostics import Diagnostic
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.text.redaction import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
# What fingerprints are made of is part of their name: a change of it is a new version.
FINGERPRINT = "trainspecFinding/v1"


def render(reports: Sequence[Report], manner: Manner) -> str:
    """One run, with the rules that it has results of; ASCII, which is right whatever encoding it is written in."""
    meanings = manner.meanings()
    found = [(report, item) for report in reports for item in report.diagnostics]
    firsts = {item.code: item for _, item in reversed(found)}
    codes = sorted(firsts)
    seen: Counter[str] = Counter()
    run = {
        "tool": {
            "driver": {
                "name": "trainspec",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(firsts[code], meanings.get(code), manner.help_at) for code in codes],
            }
        },
        "invocations": [{"executionSuccessful": manner.code != 2, "exitCode": manner.code}],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root folder of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, item, codes.index(item.code), manner, seen) for report, item in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(first: Diagnostic, meaning: Meaning | None, help_at: str) -> dict[str, Any]:
    """A rule by what is known of its code; of a rule of somebody's own, by what it said here."""
    found = meaning.found if meaning is not None else first.message
    reason = (meaning.reason if meaning is not None else first.reason) or found
    fix = (meaning.fix if meaning is not None else first.remedy) or "see the message"
    text = f"{found}.\nWhy: {reason}.\nFix: {fix}."
    markdown = f"**{first.code} {first.name}**: {found}.\n\n*Why:* {reason}.\n\n*Fix:* {fix}."
    # Of somebody's own rule nothing is told there.
    address = {"helpUri": help_at.format(code=first.code.lower())} if help_at and meaning is not None else {}
    return {
        "id": first.code,
        "name": "".join(part.capitalize() for part in first.name.split("-")),
        "shortDescription": {"text": found},
        "fullDescription": {"text": reason},
        **address,
        "help": {"text": text, "markdown": markdown},
        "defaultConfiguration": {"level": first.severity},
        "properties": {"tags": ["configuration", first.code.rstrip("0123456789")]},
    }


def _result(report: Report, item: Diagnostic, index: int, manner: Manner, seen: Counter[str]) -> dict[str, Any]:
    file, source = place_of(report, item)
    mark = _fingerprint(report, item, manner)
    seen[mark] += 1
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": index,
        "level": item.severity,
        "message": {"text": details(item)},
        "locations": [_location(file, source, item, manner)],
        "partialFingerprints": {FINGERPRINT: f"{mark}:{seen[mark]}"},
    }
    others = _related(report, item, source, manner)
    return {**result, "relatedLocations": others} if others else result


def _fingerprint(report: Report, item: Diagnostic, manner: Manner) -> str:
    """The same for the same fault of the same document, wherever its lines have moved to."""
    paths = [manner.path(file) if report.of_file else file for file in report.files]
    parts = [item.code, *sorted(item.fields), *map(printable, paths), str(report.number)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _location(file: str | None, source: Source | None, item: Diagnostic, manner: Manner) -> dict[str, Any]:
    names = [{"fullyQualifiedName": field, "kind": "member"} for field in item.fields if field]
    if file is None:
        first = item.source
        where = first.name if first is not None and first.name else "environment"
        return {"logicalLocations": names or [{"fullyQualifiedName": where, "kind": "variable"}]}
    place: dict[str, Any] = {"artifactLocation": _artifact(file, manner)}
    if source is not None and source.line is not None:
        column = {"startColumn": source.column} if source.column is not None else {}
        place["region"] = {"startLine": source.line, **column}
    return {"physicalLocation": place, **({"logicalLocations": names} if names else {})}


def _related(report: Report, item: Diagnostic, first: Source | None, manner: Manner) -> list[dict[str, Any]]:
    """The other places that the finding is about, such as the second of two settings that exclude each other."""
    places: list[dict[str, Any]] = []
    for evidence in item.evidence:
        source = evidence.source
        if source is None or source is first or source.kind is not SourceKind.FILE or source.line is None:
            continue
        alone = Diagnostic(item.code, item.name, item.severity, item.message, evidence=(evidence,))
        file, _ = place_of(report, alone)
        place = _location(file, source, alone, manner)
        text = evidence.field if evidence.value is None else f"{evidence.field} = {evidence.value}"
        places.append({"id": len(places) + 1, **place, "message": {"text": text or item.message}})
    return places


def _artifact(file: str, manner: Manner) -> dict[str, Any]:
    path = manner.path(file)
    if "://" in path:
        return {"uri": quote(printable(path), safe=":/?#[]@!$&'()*+,;=%")}
    if os.path.isabs(path):
        return {"uri": Path(os.fsdecode(os.fsencode(path))).as_uri()}
    return {"uri": quote_from_bytes(os.fsencode(path), safe="/"), "uriBaseId": ROOT}
