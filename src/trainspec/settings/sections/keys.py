"""How sections with many keys declare one in a line: default, description, example."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def key(default: Any, description: str, example: Any, **bounds: Any) -> Any:
    """A pydantic field; `bounds` are those of `pydantic.Field` (ge, gt, le, lt, min_length, max_length)."""
    return Field(default=default, description=description, examples=[example], **bounds)
