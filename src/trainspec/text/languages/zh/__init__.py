"""Simplified Chinese. A module a subject, each a mapping of English texts to ours; loaded whole when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from trainspec.text.languages.catalogue import Catalogue

TEXTS = (
    *("settings.fields", "settings.choices", "settings.keys", "settings.arguments"),
    *("settings.titles", "settings.titles_of_keys"),
    *("rules", "rules_from_logging", "codes", "preflight", "commands", "messages", "messages_of_rules", "fixed"),
    *("help.judging", "help.running", "told.commands", "told.mistakes", "told.service"),
    *("found.data", "found.model", "found.parallel", "found.mesh", "found.resuming", "found.search"),
)
"""The modules with texts that are looked up as they are; some have templates, too."""


def mappings(name: str) -> Iterator[Mapping[str, str]]:
    """The mappings of that name of all modules that have one."""
    for module in TEXTS:
        found = import_module(f"{__name__}.{module}")
        if hasattr(found, name):
            yield getattr(found, name)


@cache
def catalogue() -> Catalogue:
    """The catalogue, made once."""
    from trainspec.text.languages.zh import fixed

    texts = {english: chinese for one in mappings("TEXTS") for english, chinese in one.items()}
    templates = {english: chinese for one in mappings("TEMPLATES") for english, chinese in one.items()}
    return Catalogue(texts, templates, fixed.STRUCTURES, first=fixed.FIRST, stop="。")
