"""TargetRule: what settings may ask of a declared machine, or of a declared number of processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainspec.settings.targets.checks import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRule:
    """A combination of settings and machine that cannot work (or does nothing); `check` returns the message."""

    code: str
    name: str
    reason: str
    fix: str
    fields: tuple[str, ...]
    check: Callable[[Any, Place], str | None]
    severity: Severity = "error"
