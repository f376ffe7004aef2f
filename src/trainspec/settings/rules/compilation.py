"""All rules of a settings class as one Python function.

Judging is then a few microseconds whatever the number of rules: conditions are straight-line code over the dict of
stored values, and the rules that begin with `said(...)` are only reached through the names the user gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from trainspec.settings.rules.predicates import AllOf, Predicate, Said, has_key, includes, read
from trainspec.settings.rules.rule import Rule

Values = dict[str, Any]
Hit = tuple[int, "str | bool | None"]
Judge = Callable[[Values, Set[str], Any], list[Hit]]
Test = Callable[[Values, Set[str], Any], "str | bool | None"]


class _Off:
    """What a user writes to say nothing (null, false, empty), which is no wish that could be without effect.

    A container for expressions rather than a tuple, because 0 == False and the number 0 does say something.
    """

    def __contains__(self, value: object) -> bool:
        return value is None or value is False or value == "" or value == [] or value == {}


def _namespace(rules: Sequence[Rule]) -> dict[str, Any]:
    names: dict[str, Any] = {"read": read, "includes": includes, "has_key": has_key, "OFF": _Off(), "bool": bool}
    names.update({f"check{index}": rule.check for index, rule in enumerate(rules) if rule.check is not None})
    return {**names, "__builtins__": {}}


def _first_said(when: Predicate | None) -> str | None:
    """The setting that must have been said for the condition to hold, where the condition starts with that."""
    first = when.parts[0] if isinstance(when, AllOf) else when
    return first.field if isinstance(first, Said) and "." not in first.field else None


def _statement(index: int, rule: Rule, hits: str = "hits") -> list[str]:
    condition = rule.when.expression() if rule.when is not None else "True"
    if rule.check is None:
        return [f"if {condition}: {hits}.append(({index}, None))"]
    return [f"if {condition}:", f"    m = check{index}(a)", f"    if m: {hits}.append(({index}, m))"]


def compile_rules(rules: Sequence[Rule]) -> Judge:
    """The function (stored values, said names, settings) -> indexes of the rules broken, with their messages."""
    lines = ["def judge(v, s, a):", "    hits = []"]
    said_by_name: dict[str, list[tuple[int, Rule]]] = {}
    for index, rule in enumerate(rules):
        name = _first_said(rule.when)
        if name is None:
            lines += [f"    {line}" for line in _statement(index, rule)]
        else:
            said_by_name.setdefault(name, []).append((index, rule))
    lines += [
        "    for name in s:",
        "        group = SAID.get(name)",
        "        if group is not None: group(v, s, a, hits)",
    ]
    lines += ["    return hits"]
    groups: list[str] = []
    for name, members in said_by_name.items():
        groups.append(f"def said_{name}(v, s, a, hits):")
        groups += [f"    {line}" for index, rule in members for line in _statement(index, rule)]
    namespace = _namespace(rules)
    exec(compile("\n".join([*groups, *lines]), "<rules>", "exec"), namespace)  # noqa: S102 - our own expressions
    namespace["SAID"] = {name: namespace[f"said_{name}"] for name in said_by_name}
    judge: Judge = namespace["judge"]
    return judge
