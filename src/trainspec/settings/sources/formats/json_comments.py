"""JSON with comments, as people write for programs that take it, such as DeepSpeed's configurations."""

from __future__ import annotations

import re

# A text is passed over whole: // within one, as in a URL, begins no comment.
_TEXT_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


def blanked(text: str) -> str:
    """The text with blanks for its comments, so that everything else stays at its line and column."""
    return _TEXT_OR_COMMENT.sub(lambda found: _blanks(found[0]) if found[0][0] == "/" else found[0], text)


def _blanks(comment: str) -> str:
    return "".join("\n" if letter == "\n" else " " for letter in comment)
