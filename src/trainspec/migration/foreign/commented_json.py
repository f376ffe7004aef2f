"""JSON with comments and commas too many, as DeepSpeed reads it: blanks take their place, so that lines stay."""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|#[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|#[^\n]*|/\*.*?\*/)*[}\]])', re.S)


def without_comments(text: str) -> str:
    """The text as plain JSON, if it was that but for comments."""
    return _TOKEN.sub(lambda found: found[0] if found[0][0] == '"' else re.sub(r"[^\n]", " ", found[0]), text)
