"""Conditions on two settings at once: one is above another, or they differ.

They judge and read like all others. JSON Schema has no word for them, and says only what follows where one side is
absent and so has its default; a rule with one of them stays among those that the schema lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any, ClassVar

from trainspec.settings.rules.conditions import (
    Above,
    AllOf,
    Below,
    Equals,
    IsSet,
    Not,
    Predicate,
    read,
    value_at,
)

if TYPE_CHECKING:
    from trainspec.text.languages import Words

_NUMBERS = (int, float)


def is_above(value: Any, other: Any) -> bool:
    """Whether both are numbers and the first is greater."""
    return isinstance(value, _NUMBERS) and isinstance(other, _NUMBERS) and value > other


def is_at_least(value: Any, other: Any) -> bool:
    """Whether both are numbers and the first is not smaller."""
    return isinstance(value, _NUMBERS) and isinstance(other, _NUMBERS) and value >= other


def differs(value: Any, other: Any) -> bool:
    """Whether both are there and unlike."""
    return value is not None and other is not None and bool(value != other)


class OfTwoFields(Predicate):
    """A condition on two settings, of each of which null is no value."""

    parts_named: ClassVar[tuple[str, ...]] = ("field", "other")
    field: str
    other: str

    @property
    def others(self) -> tuple[str, ...]:
        """The settings that the first one is compared with: one, or the items of a list."""
        return (self.other,)

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return self.holds_for(read(values, *self.field.split(".")), read(values, *self.other.split(".")))

    def holds_for(self, value: Any, other: Any) -> bool:
        """Whether the condition holds for these values of the two."""
        raise NotImplementedError(type(self))

    def beside(self, default: Any) -> Predicate:
        """What the first setting must be where the other one has this default."""
        raise NotImplementedError(type(self))

    def against(self, default: Any) -> Predicate:
        """What the other setting must be where the first one has this default."""
        raise NotImplementedError(type(self))

    def names(self) -> tuple[str, ...]:
        return (self.field, *self.others)

    def compares(self) -> bool:
        return True


class Exceeds(OfTwoFields):
    """A number greater than another setting's; null is not."""

    def expression(self) -> str:
        return f"is_above({value_at(self.field)}, {value_at(self.other)})"

    def holds_for(self, value: Any, other: Any) -> bool:
        return is_above(value, other)

    def beside(self, default: Any) -> Predicate:
        return Above(self.field, default)

    def against(self, default: Any) -> Predicate:
        return Below(self.other, default)

    def prose(self, words: Words = str) -> str:
        return words("{field} is above {other}").format(field=self.field, other=self.other)


class AtLeast(OfTwoFields):
    """A number not smaller than another setting's; null is not."""

    def expression(self) -> str:
        return f"is_at_least({value_at(self.field)}, {value_at(self.other)})"

    def holds_for(self, value: Any, other: Any) -> bool:
        return is_at_least(value, other)

    def beside(self, default: Any) -> Predicate:
        return AllOf((IsSet(self.field), Not(Below(self.field, default))))

    def against(self, default: Any) -> Predicate:
        return AllOf((IsSet(self.other), Not(Above(self.other, default))))

    def prose(self, words: Words = str) -> str:
        return words("{field} is at least {other}").format(field=self.field, other=self.other)


class Differs(OfTwoFields):
    """Another value than another setting's; null differs from nothing."""

    def expression(self) -> str:
        return f"differs({value_at(self.field)}, {value_at(self.other)})"

    def holds_for(self, value: Any, other: Any) -> bool:
        return differs(value, other)

    def beside(self, default: Any) -> Predicate:
        return AllOf((IsSet(self.field), Not(Equals(self.field, default))))

    def against(self, default: Any) -> Predicate:
        return AllOf((IsSet(self.other), Not(Equals(self.other, default))))

    def prose(self, words: Words = str) -> str:
        return words("{field} is not {other}").format(field=self.field, other=self.other)


class DiffersFromPair(OfTwoFields):
    """Another list than that of two other settings' values; null differs from nothing."""

    parts_named = ("field", "first", "second")
    first: str
    second: str

    @property
    def others(self) -> tuple[str, ...]:
        return (self.first, self.second)

    def expression(self) -> str:
        return f"differs({value_at(self.field)}, [{value_at(self.first)}, {value_at(self.second)}])"

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return differs(read(values, *self.field.split(".")), [read(values, name) for name in self.others])

    def beside(self, default: Any) -> Predicate:
        return AllOf((IsSet(self.field), Not(Equals(self.field, default))))

    def prose(self, words: Words = str) -> str:
        return words("{field} is not {first} and {second}").format(
            field=self.field, first=self.first, second=self.second
        )
