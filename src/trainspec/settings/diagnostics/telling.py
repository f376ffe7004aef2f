"""Diagnostics in other languages: what is told is translated, what it is about stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics.diagnostic import Diagnostic

if TYPE_CHECKING:
    from trainspec.text.languages import Words


class _Told(Diagnostic):
    """A diagnostic whose texts are in the language of its words, as its labels will be.

    No dataclass of its own, which every command would take milliseconds to make.
    """

    def _said(self, text: str) -> str:
        words: Words = self.__dict__["words"]
        return words(text)


def told_in(diagnostics: Iterable[Diagnostic], words: Words) -> list[Diagnostic]:
    """The diagnostics in these words. A text of theirs that nobody has translated is told in English, whole."""
    if words is str:
        return list(diagnostics)
    return [_told(item, words) for item in diagnostics]


def _told(item: Diagnostic, words: Words) -> Diagnostic:
    message, reason, remedy = words(item.message), words(item.reason), words(item.remedy)
    told = _Told(item.code, item.name, item.severity, message, reason, remedy, item.evidence)
    object.__setattr__(told, "words", words)
    return told
