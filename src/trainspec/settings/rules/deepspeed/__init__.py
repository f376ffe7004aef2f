"""DSP: DeepSpeed's configuration, and what its engine does in its own way."""

from trainspec.settings.rules.deepspeed import configuration, engine
from trainspec.settings.rules.rule import Rule

RULES: tuple[Rule, ...] = (*configuration.RULES, *engine.RULES)
