"""The tokens that open a service, from a file that nobody else may change."""

from __future__ import annotations

import os
import stat

from trainspec.answers.faults import NoAnswer, mistake


def tokens_in(path: str) -> tuple[str, ...]:
    """The tokens of a file, one a line, of which each is enough. Raises NoAnswer."""
    from trainspec.settings.diagnostics import SourceError
    from trainspec.settings.sources.files import read_plain

    try:
        found = tuple(filter(None, map(str.strip, read_plain(path).splitlines())))
    except SourceError as error:
        raise NoAnswer(*error.diagnostics) from None
    if not found:
        raise NoAnswer(mistake("SVC121", "the file of --token-file holds no token", "write one into it"))
    if not all(token.isascii() and token.isprintable() and " " not in token for token in found):
        raise NoAnswer(
            mistake("SVC121", "a token of --token-file has blanks or letters that no header can hold", "one a line")
        )
    if _mode(path) & stat.S_IWOTH:
        raise NoAnswer(mistake("SVC121", f"anybody may write a token of theirs into {path}", f"chmod o-w {path}"))
    return found


def others_may_read(path: str) -> bool:
    """Whether everybody on this machine may read the file."""
    return bool(_mode(path) & stat.S_IROTH)


def _mode(path: str) -> int:
    """The permissions of a local file; none where they are no matter of this machine."""
    return os.stat(path).st_mode if os.name == "posix" and "://" not in path else 0
