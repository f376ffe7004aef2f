"""Answers as JSON under the version of their shape: the same bytes from a command and from the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The shape of what --format json prints.
JSON_VERSION = 1


def json_text(data: Mapping[str, Any]) -> str:
    """The answer as text, without the line break at its end."""
    import json

    return json.dumps({"version": JSON_VERSION, **data}, indent=2, ensure_ascii=False)
