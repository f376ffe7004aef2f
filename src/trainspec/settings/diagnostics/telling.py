"""Diagnostics in other languages: what is told is translated, what it is about stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics.diagnostic import Diagnostic

if TYPE_CHECKING:
    from trainspec.text.languages import Words


@dataclass(frozen=True)
class _Told(Diagnostic):
    """A diagnostic whose texts are in the language of `words`, as its labels will be."""

    words: Words = field(default=str, compare=False, repr=False)

    def _said(self, text: str) -> str:
        return self.words(text)


def told_in(diagnostics: Iterable[Diagnostic], words: Words) -> list[Diagnostic]:
    """The diagnostics in these words. A text of theirs that nobody has translated is told in English, whole."""
    if words is str:
        return list(diagnostics)
    return [
        _Told(
            item.code,
            item.name,
            item.severity,
            words(item.message),
            words(item.reason),
            words(item.remedy),
            item.evidence,
            words,
        )
        for item in diagnostics
    ]
