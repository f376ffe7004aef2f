"""How much is told of one thing: a screen of it, and that there is more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.diagnostic import Diagnostic, Evidence, Severity, errors_of
from trainspec.settings.diagnostics.source import Source, SourceKind

if TYPE_CHECKING:
    from trainspec.settings.sources.layer import Layer

MOST_TOLD = 50
"""Faults of one setting, and names of one source that match nothing. To find what a name may have meant takes a
millisecond, which nobody waits for thousands of times."""


def first_of(field: str, faults: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The first faults of a setting, made only as far as they are told, and one that says that there are more."""
    rest = iter(faults)
    found = list(islice(rest, MOST_TOLD))
    if len(found) == MOST_TOLD and next(rest, None) is not None:
        why = CODES["VAL108"]
        evidence = (Evidence(field, None, found[0].source),)
        message = f"more is wrong with {field} than these {MOST_TOLD} faults"
        severity: Severity = "error" if errors_of(found) else "warning"
        found.append(Diagnostic("VAL108", why.name, severity, message, why.reason, why.fix, evidence))
    return found


def more_unknown(code: str, unknown: Sequence[str], layer: Layer) -> list[Diagnostic]:
    """How many names of a source match nothing beyond those that are told, where there are more."""
    more = len(unknown) - MOST_TOLD
    if more <= 0:
        return []
    why, name = CODES[code], unknown[MOST_TOLD]
    message = f"{more:,} more names match no setting"
    evidence = (Evidence(f"and {more:,} more", None, layer.locate((name,))),)
    return [Diagnostic(code, why.name, "error", message, why.reason, why.fix, evidence)]


def more_flags(beyond: Sequence[str], remedy: str) -> list[Diagnostic]:
    """How many flags match nothing beyond those that are told, where there are more."""
    if not beyond:
        return []
    why, source = CODES["SRC103"], Source(SourceKind.FLAG, beyond[0])
    evidence = (Evidence(f"and {len(beyond):,} more", None, source),)
    message = f"{len(beyond):,} more flags match no setting"
    return [Diagnostic("SRC103", why.name, "error", message, why.reason, remedy or why.fix, evidence)]
