"""The rules of a settings class, compiled so that judging costs microseconds whatever their number.

Every condition is false while all settings have their defaults, so a rule can only be broken through a setting the user
named. For each rule the settings are found through which that can happen (its triggers); judging then walks the names
the user gave, and each name leads to one function with the conditions of its rules as straight-line code, compiled
when the name is first met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from trainspec.settings.rules.comparisons import OfTwoFields, differs, is_above, is_at_least
from trainspec.settings.rules.conditions import (
    AllOf,
    AnyOf,
    OfOneField,
    Predicate,
    Said,
    fits,
    has_key,
    includes,
    includes_any,
    read,
)
from trainspec.settings.rules.rule import Rule

Values = dict[str, Any]
Hit = tuple[int, "str | bool | None"]
Judge = Callable[[Values, Set[str], Any], list[Hit]]
Group = Callable[[Values, Set[str], Any, list[Hit]], None]

_NOBODY: Set[str] = frozenset()

READERS: dict[str, Any] = {
    "read": read,
    "includes": includes,
    "includes_any": includes_any,
    "has_key": has_key,
    "fits": fits,
    "is_above": is_above,
    "is_at_least": is_at_least,
    "differs": differs,
    "bool": bool,
}
"""What the expressions of predicates call."""


def triggers(when: Predicate | None, defaults: Mapping[str, Any]) -> frozenset[str] | None:
    """Settings of which at least one must have been said for the condition to hold; None where nothing can be told."""
    if when is None:
        return None
    if isinstance(when, OfOneField):
        field = when.field.partition(".")[0]
        alone = isinstance(when, Said) or not when.holds(defaults, _NOBODY)
        return frozenset({field}) if alone else None
    if isinstance(when, OfTwoFields):
        # Null compares with nothing, so a side that is null by default has to be said.
        null = [name for name in when.names() if read(defaults, *name.split(".")) is None]
        return frozenset({null[0].partition(".")[0]}) if null else _all_heads(when, defaults)
    if isinstance(when, AllOf):
        known = [found for part in when.parts if (found := triggers(part, defaults)) is not None]
        # The fewer triggers, the less often the rule is looked at.
        return min(known, key=len, default=None)
    if isinstance(when, AnyOf):
        each = [triggers(part, defaults) for part in when.parts]
        return None if None in each else frozenset().union(*(found for found in each if found is not None))
    return _all_heads(when, defaults)


def _all_heads(when: Predicate, defaults: Mapping[str, Any]) -> frozenset[str] | None:
    fields = {name.partition(".")[0] for name in when.names()}
    return frozenset(fields) if not when.holds(defaults, _NOBODY) else None


def compile_rules(rules: Sequence[Rule], defaults: Mapping[str, Any]) -> Judge:
    """The function (stored values, said names, settings) -> rules broken, by index, with their messages."""
    always: list[int] = []
    waiting: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        found = triggers(rule.when, defaults)
        if found is None:
            always.append(index)
        for field in found or ():
            waiting.setdefault(field, []).append(index)
    first = _compile(rules, always) if always else None
    groups: dict[str, Group] = {}
    for field, indexes in waiting.items():
        groups[field] = _once_met(rules, field, indexes, groups)

    def judge(values: Values, said: Set[str], settings: Any) -> list[Hit]:
        hits: list[Hit] = []
        if first is not None:
            first(values, said, settings, hits)
        for group in filter(None, map(groups.get, said)):
            group(values, said, settings, hits)
        # A rule with several triggers may have been met through each of them.
        return sorted(dict(hits).items()) if len(hits) > 1 else hits

    return judge


def _once_met(rules: Sequence[Rule], field: str, indexes: Sequence[int], groups: dict[str, Group]) -> Group:
    """What stands for a field's function until it is first called, which puts the compiled one in its place."""

    def group(values: Values, said: Set[str], settings: Any, hits: list[Hit]) -> None:
        # Two threads may both get here: each makes the whole function, and it does not matter whose is kept.
        groups[field] = compiled = _compile(rules, indexes)
        compiled(values, said, settings, hits)

    return group


def _compile(rules: Sequence[Rule], indexes: Sequence[int]) -> Group:
    lines = ["def group(v, s, a, hits):"]
    names: dict[str, Any] = {**READERS, "__builtins__": {}}
    for index in indexes:
        rule = rules[index]
        condition = rule.when.expression() if rule.when is not None else "True"
        if rule.tell is not None:
            names[f"tell{index}"] = rule.tell
            lines.append(f"    if {condition}: hits.append(({index}, tell{index}(a)))")
        elif rule.check is None:
            lines.append(f"    if {condition}: hits.append(({index}, None))")
        else:
            names[f"check{index}"] = rule.check
            lines += [
                f"    if {condition}:",
                f"        m = check{index}(a)",
                f"        if m: hits.append(({index}, m))",
            ]
    exec(compile("\n".join(lines), "<rules>", "exec"), names)  # noqa: S102 - expressions of our own predicates
    group: Group = names["group"]
    return group
