"""All rules there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainspec.settings.rules import (
    batch,
    best_model,
    checkpoint,
    data,
    debug,
    deepspeed,
    device,
    evaluation,
    hub,
    logging,
    mesh,
    optimizer,
    parallel,
    performance,
    precision,
    run,
    schedule,
)

if TYPE_CHECKING:
    from trainspec.settings.rules.rule import Rule

FAMILIES: dict[str, tuple[Rule, ...]] = {
    "RUN": run.RULES,
    "BAT": batch.RULES,
    "EVL": evaluation.RULES,
    "OPT": optimizer.RULES,
    "SCH": schedule.RULES,
    "LOG": logging.RULES,
    "CKP": checkpoint.RULES,
    "BST": best_model.RULES,
    "DAT": data.RULES,
    "PRF": performance.RULES,
    "PRE": precision.RULES,
    "PAR": (*parallel.RULES, *mesh.RULES),
    "DSP": deepspeed.RULES,
    "DEV": device.RULES,
    "HUB": hub.RULES,
    "DBG": debug.RULES,
}


def _all_rules() -> tuple[Rule, ...]:
    rules = tuple(rule for family in FAMILIES.values() for rule in family)
    if len({rule.code for rule in rules}) != len(rules):
        raise ValueError("two rules have one code")
    return rules


ALL_RULES: tuple[Rule, ...] = _all_rules()
"""Every rule, in the order in which findings are shown."""
