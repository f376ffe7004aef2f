"""What is found wrong: one shape for all of it, the codes, and where a value came from."""

from trainspec.settings.diagnostics.diagnostic import (
    Diagnostic,
    Evidence,
    SettingsDeprecationWarning,
    SettingsWarning,
    Severity,
    SourceError,
    errors_of,
    finding,
)

__all__ = [
    "Diagnostic",
    "Evidence",
    "SettingsDeprecationWarning",
    "SettingsWarning",
    "Severity",
    "SourceError",
    "errors_of",
    "finding",
]
