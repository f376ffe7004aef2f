"""The vocabulary in which rules say their conditions: `all_of(on("bf16"), on("fp16"))`.

Each word makes a predicate of `conditions.py`: data that judges settings, tells people what it means, and can be
rendered into JSON Schema.
"""

from __future__ import annotations

from trainspec.settings.rules.comparisons import AtLeast, Differs, DiffersFromPair, Exceeds
from trainspec.settings.rules.conditions import (
    Above,
    AllOf,
    AnyOf,
    Below,
    Equals,
    HasKey,
    Includes,
    IsSet,
    IsTruthy,
    Matches,
    Not,
    OneOf,
    Predicate,
    Said,
    Scalar,
)


def equals(field: str, to: Scalar) -> Equals:
    return Equals(field, to)


def on(field: str) -> Equals:
    """The switch is true."""
    return Equals(field, True)


def off(field: str) -> Equals:
    """The switch is false."""
    return Equals(field, False)


def one_of(field: str, *of: Scalar) -> OneOf:
    return OneOf(field, of)


def is_set(field: str) -> IsSet:
    return IsSet(field)


def is_null(field: str) -> Equals:
    return Equals(field, None)


def given(field: str) -> IsTruthy:
    return IsTruthy(field)


def said(field: str) -> Said:
    return Said(field)


def above(field: str, limit: float) -> Above:
    return Above(field, limit)


def below(field: str, limit: float) -> Below:
    return Below(field, limit)


def option(field: str, name: str) -> Includes:
    return Includes(field, name)


def key(field: str, name: str) -> HasKey:
    return HasKey(field, name)


def matches(field: str, pattern: str, described: str) -> Matches:
    """The text fits the pattern from end to end; `described` says in words what such a text is."""
    return Matches(field, pattern, described)


def is_count(field: str) -> AllOf:
    """An interval in updates, rather than a share of them."""
    return all_of(above(field, 0), negate(below(field, 1)))


def is_fraction(field: str) -> AllOf:
    """An interval as a share of all updates."""
    return all_of(above(field, 0), below(field, 1))


def exceeds(field: str, other: str) -> Exceeds:
    """One setting is above another."""
    return Exceeds(field, other)


def at_least(field: str, other: str) -> AtLeast:
    """One setting is not below another."""
    return AtLeast(field, other)


def differs(field: str, other: str) -> Differs:
    """One setting is not what another is, and neither is null."""
    return Differs(field, other)


def differs_from_pair(field: str, first: str, second: str) -> DiffersFromPair:
    """A list is not what two settings say."""
    return DiffersFromPair(field, first, second)


def negate(inner: Predicate) -> Not:
    return Not(inner)


def all_of(*parts: Predicate) -> AllOf:
    return AllOf(parts)


def any_of(*parts: Predicate) -> AnyOf:
    return AnyOf(parts)


def implies(premise: Predicate, conclusion: Predicate) -> AnyOf:
    """Where the premise holds, so does the conclusion."""
    return AnyOf((Not(premise), conclusion))
