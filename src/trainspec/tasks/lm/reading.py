"""The text."""

from __future__ import annotations

from trainspec.storage import StorageError, read_text
from trainspec.tasks.protocol import TaskError

# The characters are held in memory, eight bytes each.
LARGEST_TEXT = 2**30


def text_at(place: str | None) -> str:
    if place is None:
        from pydoc_data.topics import topics

        return "\n\n".join(topics[name] for name in sorted(topics))
    try:
        return read_text(place, LARGEST_TEXT)
    except StorageError as error:
        raise TaskError(f"task 'lm': {error}") from error
