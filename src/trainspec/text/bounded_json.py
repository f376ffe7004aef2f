"""JSON that somebody else may have written: bounded in bytes, values and depth before anything is built of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes, and values, of one document. Those of a state grow with the run (a log entry per update) or with the model.
LARGEST_DOCUMENT, MOST_VALUES = 16 << 20, 1_000_000
LARGEST_STATE, MOST_STATE_VALUES = 256 << 20, 16_000_000


def too_large(data: bytes, *, of_a_run: bool = False) -> str | None:
    """Why a document is not parsed; None where it may be. Nothing in it takes more memory than these say."""
    largest, most = (LARGEST_STATE, MOST_STATE_VALUES) if of_a_run else (LARGEST_DOCUMENT, MOST_VALUES)
    if len(data) > largest:
        return f"it has {len(data):,} bytes, no such document has more than {largest:,}"
    # Each value but the first follows a comma or opens something: counted without building any.
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    return f"it has about {values:,} values, no such document has more than {most:,}" if values > most else None


def parse_json(
    data: bytes, *, of_a_run: bool = False, object_hook: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """The value in a JSON document. Raises ValueError for one that is too large, nested too deeply, or no JSON."""
    problem = too_large(data, of_a_run=of_a_run)
    if problem:
        raise ValueError(problem)
    try:
        return json.loads(data, object_hook=object_hook)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
