"""Preflight findings about settings, with where their values came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, Severity, finding
from trainspec.settings.diagnostics.preflight_codes import PREFLIGHT_CODES
from trainspec.text.redaction import printable

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def found(
    args: TrainingArguments,
    code: str,
    message: str,
    *fields: str,
    reason: str = "",
    remedy: str = "",
    severity: Severity = "error",
) -> Diagnostic:
    """A finding with one of PREFLIGHT_CODES; its own `reason` where it knows more than the code's.

    Both may quote names from files that somebody else wrote: what a terminal would obey is written as escapes.
    """
    explained = PREFLIGHT_CODES[code]
    return finding(
        code,
        explained.name,
        _harmless(message),
        values={field: getattr(args, field) for field in fields},
        sources={field: args.provenance[field].source for field in fields},
        reason=_harmless(reason) or explained.reason,
        remedy=remedy,
        severity=severity,
    )


def _harmless(text: str) -> str:
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))
