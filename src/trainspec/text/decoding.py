"""Bytes of files as text: UTF-8, and by their first bytes what other systems write."""

from __future__ import annotations

import codecs

# The longer marks first: the one of UTF-32 begins like the one of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 or UTF-32 told by a byte-order mark or by where the zeros of its first
    character stand (YAML 1.2, section 5.2), without the mark. Raises UnicodeDecodeError.
    """
    head = data[:4]
    # Nearly all begin with four letters, marks or blanks of ASCII, which no other encoding does.
    return data.decode("utf-8" if head.isascii() and 0 not in head else encoding_of(data))


def encoding_of(data: bytes) -> str:
    """The name of the encoding that the first four bytes tell."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in data[:4])
    if zeros == (True, True, True, False):
        return "utf-32-be"
    if zeros == (False, True, True, True):
        return "utf-32-le"
    if zeros[:2] == (True, False):
        return "utf-16-be"
    return "utf-16-le" if zeros[:2] == (False, True) else "utf-8-sig"


def undecodable(data: bytes, error: UnicodeDecodeError) -> str:
    """Why bytes are no text, with the line and what the byte would be in the encoding of old Windows files."""
    line = data.count(b"\n", 0, error.start) + 1
    if encoding_of(data) != "utf-8-sig":
        return f"it is not {error.encoding.upper()} text (at byte {error.start})"
    byte = data[error.start : error.start + 1]
    letter = byte.decode("cp1252", "replace")
    guess = f": it would be {letter} in Windows-1252" if letter.isprintable() and letter != "\ufffd" else ""
    return f"it is not UTF-8 text (line {line}, byte {error.start}{guess})"
