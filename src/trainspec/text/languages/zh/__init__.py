"""Simplified Chinese. A module a subject, each a mapping of English texts to ours; loaded whole when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from trainspec.text.languages.catalogue import Catalogue

TEXTS = (
    *("settings", "choices", "keys", "arguments", "titles", "titles_of_keys"),
    *("rules", "rules_from_logging", "codes", "preflight", "commands", "fixed"),
)
"""The modules with texts that are looked up as they are."""


@cache
def catalogue() -> Catalogue:
    """The catalogue, made once."""
    from trainspec.text.languages.zh import fixed

    texts: dict[str, str] = {}
    for name in TEXTS:
        texts |= import_module(f"{__name__}.{name}").TEXTS
    return Catalogue(texts, fixed.TEMPLATES, fixed.STRUCTURES, stop="。")
