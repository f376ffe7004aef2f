"""Text with signs that take two columns, as Chinese has them: its width, and lines of it."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

# What no line begins with: it stays with the sign before it.
_CLOSING = "，。；：、！？）》”’"
_OPENING = "（《“‘"
# Compiled where it is used: that takes longer than most commands have to wrap.
_PIECES = rf"\s+|[{_OPENING}]*[^\x00-\u2e7f][{_CLOSING}]*|[\x00-\u2e7f]+?(?=\s|[^\x00-\u2e7f]|$)[{_CLOSING}]*"


def is_wide(text: str) -> bool:
    """Whether some sign of it may take two columns."""
    return not text.isascii() and any(east_asian_width(sign) in "WF" for sign in text)


def width_of(text: str) -> int:
    """The columns that it takes."""
    return len(text) if text.isascii() else sum(1 + (east_asian_width(sign) in "WF") for sign in text)


def padded(text: str, columns: int) -> str:
    """The text with blanks behind it, so that it takes so many columns."""
    return text + " " * (columns - width_of(text))


def lines_of(text: str, columns: int, indent: str, hang: str) -> list[str]:
    """The text in lines of at most so many columns; words between blanks stay whole, wide signs may be parted."""
    lines, line = [], indent
    begun = False
    for piece in re.findall(_PIECES, text):
        if piece.isspace():
            line += " " * begun
        elif begun and width_of(line) + width_of(piece) > columns:
            lines.append(line.rstrip())
            line = hang + piece
        else:
            line, begun = line + piece, True
    return [*lines, line.rstrip()]
