"""Escapes inside words, outside quotes and in each kind of them."""

from __future__ import annotations

import re

_ANSI = dict(zip("abeEfnrtv\\'\"?", "\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))
_ANSI_ESCAPE = re.compile(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|c(.))", re.S
)


def bare(text: str) -> list[tuple[str, bool]]:
    """Runs of a text outside quotes, each with whether a backslash took its letters out of the shell's sight."""
    runs: list[tuple[str, bool]] = []
    position = 0
    while position < len(text):
        if text[position] != "\\" or position + 1 == len(text):
            end = text.find("\\", position + 1)
            end = len(text) if end < 0 else end
            runs.append((text[position:end], False))
            position = end
            continue
        if text[position + 1] != "\n":
            runs.append((text[position + 1], True))
        position += 2
    return runs


def in_double_quotes(text: str) -> str:
    """A text between double quotes: a backslash escapes four letters, and joins lines."""
    return re.sub(r'\\([$`"\\\n])', lambda found: "" if found[1] == "\n" else found[1], text)


def in_heredoc(text: str) -> str:
    """A line of a here-document whose end is not quoted."""
    return re.sub(r"\\([$`\\\n])", lambda found: "" if found[1] == "\n" else found[1], text)


def in_ansi_quotes(text: str) -> str:
    """A text between $' and '."""
    return _ANSI_ESCAPE.sub(_ansi, text)


def _ansi(found: re.Match[str]) -> str:
    letter, octal, byte, short, long, control = found.groups()
    if letter is not None:
        return _ANSI[letter]
    if octal is not None:
        return chr(int(octal, 8) & 0xFF)
    if control is not None:
        return chr(ord(control.upper()) & 0x1F)
    number = int(byte or short or long, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]
