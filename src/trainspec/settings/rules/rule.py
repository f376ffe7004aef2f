"""Rule: what several settings may be together, declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainspec.settings.diagnostics import Severity
from trainspec.settings.rules.conditions import Predicate

Check = Callable[[Any], "str | bool | None"]
Tell = Callable[[Any], str]
Concerned = Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A forbidden (or pointless) combination.

    `when` says the combination as data. What no schema can say (a multiple of another field) is the function
    `check`, which gets the settings and returns a message (or True for `message`) where they are wrong, else None
    or False; `when` then only limits when it is called. A rule never raises, logs, reads the machine or changes a
    value.

    `tell` words the message of settings that `when` already found to be wrong, with their values in it; it decides
    nothing. `shown` are the settings that a finding shows, where the condition names more than a person needs;
    `concerned` tells which settings, and keys of what they hold, are the ones that are wrong this time, where a rule
    is about many.
    `idle` is the setting that the rule finds to be without effect: where its value is the default, as full dumps hold
    it, nothing is lost, and the finding is a note.
    """

    code: str
    name: str
    message: str
    reason: str
    fix: str
    when: Predicate | None = None
    check: Check | None = None
    tell: Tell | None = None
    also: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    concerned: Concerned | None = None
    severity: Severity = "error"
    idle: str = ""

    def __post_init__(self) -> None:
        if self.when is None and self.check is None:
            raise TypeError(f"rule {self.code}: a rule needs `when`, `check`, or both")
        if self.check is not None and self.tell is not None:
            raise TypeError(f"rule {self.code}: `check` words its own message; `tell` is for rules that are data")
        if not self.fields:
            raise TypeError(f"rule {self.code}: a rule names its fields (`also=` for those only `check` reads)")

    @property
    def fields(self) -> tuple[str, ...]:
        """The settings the rule is about: those of its condition, then those only its function reads."""
        if self.shown:
            return self.shown
        named = self.when.names() if self.when is not None else ()
        return tuple(dict.fromkeys((*named, *self.also)))

    @property
    def names_inside(self) -> tuple[str, ...]:
        """The dotted names that the condition or its function reads: keys of what a setting holds."""
        named = self.when.names() if self.when is not None else ()
        return tuple(name for name in (*named, *self.also) if "." in name)

    @property
    def is_data(self) -> bool:
        """Whether the condition is data from end to end, and no function has a say."""
        return self.check is None

    @property
    def in_schema(self) -> bool:
        """Whether JSON Schema can say the whole condition."""
        return self.when is not None and self.is_data and not self.when.compares()

    def __call__(self, settings: Any) -> str | bool | None:
        """The function of a rule made by `@rule`, called as the method it was written as."""
        return self.check(settings) if self.check is not None else None


def rule(
    code: str,
    *,
    fields: tuple[str, ...],
    reason: str,
    fix: str,
    message: str = "",
    name: str = "",
    when: Predicate | None = None,
    severity: Severity = "error",
) -> Callable[[Check], Rule]:
    """Make a method of a settings class a rule of it and of its subclasses.

    The method returns None or False where all is well, else the message (or True for `message`). `code` is letters and
    three digits, of your own family (`ACME101`); `fields` are the settings it reads.
    """

    def declare(check: Check) -> Rule:
        return Rule(
            code=code,
            name=name or check.__name__.strip("_").replace("_", "-"),
            message=message or (check.__doc__ or check.__name__).strip().splitlines()[0],
            reason=reason,
            fix=fix,
            when=when,
            check=check,
            also=fields,
            severity=severity,
        )

    return declare
