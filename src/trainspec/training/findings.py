"""Preflight findings about settings, with where their values came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, Severity, finding

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def found(
    args: TrainingArguments,
    code: str,
    name: str,
    message: str,
    *fields: str,
    reason: str = "",
    remedy: str = "",
    severity: Severity = "error",
) -> Diagnostic:
    return finding(
        code,
        name,
        message,
        values={field: getattr(args, field) for field in fields},
        sources={field: args.provenance[field].source for field in fields},
        reason=reason,
        remedy=remedy,
        severity=severity,
    )
