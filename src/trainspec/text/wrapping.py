"""Text in lines of the terminal's width."""

from __future__ import annotations

NARROWEST, WIDEST = 40, 100


def wrap(text: str, indent: str = "", *, hang: str | None = None) -> list[str]:
    """The text in lines behind `indent`, those after the first behind `hang`; words and flags stay whole."""
    import textwrap

    after = indent if hang is None else hang
    if not (text.isascii() and indent.isascii()):
        from trainspec.text.wide import is_wide, lines_of

        if is_wide(indent + text):
            return lines_of(text, terminal_width(), indent, after)
    lines = textwrap.wrap(
        text,
        terminal_width(),
        initial_indent=indent,
        subsequent_indent=after,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return lines or [""]


def terminal_width() -> int:
    """Columns to write into: the terminal's, within reason."""
    import shutil

    return max(NARROWEST, min(shutil.get_terminal_size((88, 24)).columns, WIDEST))
