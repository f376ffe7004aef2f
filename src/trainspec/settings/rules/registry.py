"""All rules."""

from trainspec.settings.rules.rule import Rule

ALL_RULES: tuple[Rule, ...] = ()
