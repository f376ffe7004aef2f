"""The settings of a run as the JSON documents that lie in its checkpoints and its output folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainspec.settings.views.dumping import dump
from trainspec.text.redaction import redact_whole_url

if TYPE_CHECKING:
    from trainspec.settings.arguments import TrainingArguments


def settings_document(args: TrainingArguments) -> dict[str, Any]:
    """What the user said, secrets and credentials in URLs left out, whatever a subclass made of `to_dict`."""
    return _without_credentials(dump(args, derived=False, secrets=False))


def resolved_document(args: TrainingArguments) -> dict[str, Any]:
    """Every setting with the value that holds and its source: what was not said means the same years later."""
    provenance, values = args.provenance, _without_credentials(dump(args, derived=True, secrets=False))
    return {name: {"value": value, "source": str(provenance.source(name))} for name, value in values.items()}


def _without_credentials(values: dict[str, Any]) -> dict[str, Any]:
    return {name: redact_whole_url(value) if isinstance(value, str) else value for name, value in values.items()}
