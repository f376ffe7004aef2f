"""Simplified Chinese. A module a subject, each a mapping of English texts to ours; loaded whole when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from trainspec.text.languages.catalogue import Catalogue

TEXTS = (
    *("settings", "choices", "keys", "arguments", "titles", "titles_of_keys"),
    *("rules", "rules_from_logging", "codes", "preflight", "commands", "messages", "messages_of_rules", "fixed"),
)
"""The modules with texts that are looked up as they are."""


@cache
def catalogue() -> Catalogue:
    """The catalogue, made once."""
    from trainspec.text.languages.zh import commands, fixed, messages, messages_of_rules

    texts: dict[str, str] = {}
    for name in TEXTS:
        texts |= import_module(f"{__name__}.{name}").TEXTS
    templates = {**messages.TEMPLATES, **commands.TEMPLATES, **messages_of_rules.TEMPLATES, **fixed.TEMPLATES}
    return Catalogue(texts, templates, fixed.STRUCTURES, first=fixed.FIRST, stop="。")
