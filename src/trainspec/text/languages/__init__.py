"""The languages that fixed words are told in. English stands where it is used; others are catalogues beside this page.

Names, codes, values and code are the same in all of them. A text that nobody has translated is shown in English, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

LANGUAGES: Final = ("en", "zh")
VARIABLE: Final = "TRAINSPEC_LANG"

Words = Callable[[str], str]
"""What a text of ours is in a language; of a text with {placeholders}, one with the same."""

# As the C library reads them, the first that says something.
_OF_THE_SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def words_of(language: str) -> Words:
    """The words of a language of LANGUAGES; its catalogue is loaded when it is asked for."""
    if language == "en":
        # In English every text is itself, which is what `str` makes of it.
        return str
    from importlib import import_module

    words: Words = import_module(f"{__name__}.{language}").catalogue()
    return words


def language_of(name: str) -> str | None:
    """The language that a person or a locale names: zh, zh_CN.UTF-8, zh-Hans, en, C; None where it is none of ours."""
    head, *rest = name.partition(".")[0].partition("@")[0].lower().replace("-", "_").split("_")
    if head in ("c", "posix"):
        return "en"
    # Traditional characters are another way to write, which the catalogue is not in.
    return head if head in LANGUAGES and not (head == "zh" and _TRADITIONAL.intersection(rest)) else None


def words_asked_for(environ: Mapping[str, str]) -> Words:
    """The words of the language that our variable names, whatever the locale: of what goes into logs, too."""
    return words_of(language_of(environ.get(VARIABLE) or "") or "en")


def language_of_system(environ: Mapping[str, str]) -> str:
    """The language of who reads terminals here, as the locale's variables say; English where they say none of ours."""
    named = next((environ[name] for name in _OF_THE_SYSTEM if environ.get(name)), "")
    return language_of(named) or "en"
