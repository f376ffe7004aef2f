"""Conditions on settings, as data: what the words of `predicates.py` make.

A predicate is data: one object judges settings (as a Python expression that `compilation.py` puts into one function),
tells people what it means (`prose`), and can be rendered into JSON Schema. So a rule is never written twice.

Names may be dotted (`fsdp_config.version`, `optim_args.momentum`): the key of a nested section or of a mapping, absent
when that is. In expressions `v` is the dict of stored values (an absent key counts as its default), `s` the set of
names the user said. Conditions on two settings at once are in `comparisons.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from trainspec.settings.views.derived import words as words_in

if TYPE_CHECKING:
    from trainspec.text.languages import Words

Scalar = str | int | float | bool | None


def _plain(value: Scalar) -> Scalar:
    return value.value if isinstance(value, Enum) else value


def _show(value: Scalar) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def read(values: Mapping[str, Any], *path: str) -> Any:
    """The value at a dotted path, None where a section on the way is absent or only named by a path."""
    value: Any = values.get(path[0])
    for key in path[1:]:
        value = value.get(key) if hasattr(value, "get") else None
    return value


def includes(value: Any, option: str) -> bool:
    """Whether an option setting (one name, words in a text, or a list) contains `option`."""
    if isinstance(value, str):
        return value == option or (option in value and option in words_in(value))
    return isinstance(value, list) and option in value


def includes_any(value: Any, options: tuple[str, ...]) -> bool:
    """Whether an option setting contains one of several."""
    # Each option may be looked for by itself only where there is more than one word.
    if isinstance(value, str) and value.isidentifier():
        return value in options
    return any(includes(value, option) for option in options)


def has_key(value: Any, key: str) -> bool:
    """Whether a mapping setting (a dict, a section, or text like k=v,k2=v2) has `key` set."""
    if isinstance(value, str):
        return any(part.partition("=")[0].strip() == key for part in value.split(","))
    if hasattr(value, "model_fields_set"):
        return key in value.model_fields_set
    return isinstance(value, dict) and key in value


def fits(pattern: str, value: Any) -> bool:
    """Whether a text is as the pattern says, from end to end."""
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


class Predicate:
    """A condition on settings: immutable, equal to another of its class with the same parts.

    Plain classes rather than dataclasses, of which a dozen would cost every process several milliseconds.
    """

    parts_named: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *parts: Any) -> None:
        for name, part in zip(self.parts_named, parts, strict=True):
            object.__setattr__(self, name, part)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.__dict__.values()))})"

    def expression(self) -> str:
        """A Python expression over `v`, `s` and the functions of this module."""
        raise NotImplementedError(type(self))

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        """Whether the condition holds; what `expression` says, slowly."""
        raise NotImplementedError(type(self))

    def prose(self, words: Words = str) -> str:
        """The condition in words."""
        raise NotImplementedError(type(self))

    def names(self) -> tuple[str, ...]:
        """The settings the condition reads, in order, without repeats."""
        raise NotImplementedError(type(self))

    def compares(self) -> bool:
        """Whether two settings are compared somewhere in it, which JSON Schema can say only in part."""
        return False


def value_at(field: str) -> str:
    """The expression that reads a setting, or a key in one."""
    path = field.split(".")
    return f"v[{field!r}]" if len(path) == 1 else f"read(v, {', '.join(map(repr, path))})"


class OfOneField(Predicate):
    """A condition on one setting."""

    parts_named: ClassVar[tuple[str, ...]] = ("field",)
    field: str

    def value(self) -> str:
        """The expression that reads the setting."""
        return value_at(self.field)

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return self.holds_for(read(values, *self.field.split(".")))

    def holds_for(self, value: Any) -> bool:
        """Whether the condition holds for this value of the setting."""
        raise NotImplementedError(type(self))

    def names(self) -> tuple[str, ...]:
        return (self.field,)


class Equals(OfOneField):
    """The value is exactly this one."""

    parts_named = ("field", "to")
    to: Scalar

    def expression(self) -> str:
        to = _plain(self.to)
        return f"{self.value()} {'is' if to is None or isinstance(to, bool) else '=='} {to!r}"

    def holds_for(self, value: Any) -> bool:
        to = _plain(self.to)
        return value is to if to is None or isinstance(to, bool) else bool(value == to)

    def prose(self, words: Words = str) -> str:
        return words("{field} is {value}").format(field=self.field, value=_show(_plain(self.to)))


class OneOf(OfOneField):
    """The value is among these."""

    parts_named = ("field", "of")
    of: tuple[Scalar, ...]

    def expression(self) -> str:
        return f"{self.value()} in {tuple(map(_plain, self.of))!r}"

    def holds_for(self, value: Any) -> bool:
        return value in tuple(map(_plain, self.of))

    def prose(self, words: Words = str) -> str:
        choices = ", ".join(_show(_plain(item)) for item in self.of)
        return words("{field} is one of {choices}").format(field=self.field, choices=choices)


class IsSet(OfOneField):
    """The value is not null."""

    def expression(self) -> str:
        return f"{self.value()} is not None"

    def holds_for(self, value: Any) -> bool:
        return value is not None

    def prose(self, words: Words = str) -> str:
        return words("{field} is set").format(field=self.field)


class IsTruthy(OfOneField):
    """The value is neither null nor false, zero, or empty."""

    def expression(self) -> str:
        return f"bool({self.value()})"

    def holds_for(self, value: Any) -> bool:
        return bool(value)

    def prose(self, words: Words = str) -> str:
        return words("{field} is given").format(field=self.field)


class Said(OfOneField):
    """The user named the setting and did not switch it off: whatever its value, it is meant."""

    def expression(self) -> str:
        value = self.value()
        # The number 0 says something; null, false and what is empty do not.
        return f"({self.field!r} in s and ({value} or {value} == 0 and {value} is not False))"

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return self.field in said and super().holds(values, said)

    def holds_for(self, value: Any) -> bool:
        return bool(value) or (value == 0 and value is not False)

    def prose(self, words: Words = str) -> str:
        return words("{field} is given explicitly").format(field=self.field)


class Above(OfOneField):
    """A number greater than the limit; null is not."""

    parts_named = ("field", "limit")
    limit: float

    def expression(self) -> str:
        return f"({self.value()} is not None and {self.value()} > {self.limit!r})"

    def holds_for(self, value: Any) -> bool:
        return value is not None and bool(value > self.limit)

    def prose(self, words: Words = str) -> str:
        return words("{field} is above {limit}").format(field=self.field, limit=self.limit)


class Below(OfOneField):
    """A number less than the limit; null is not."""

    parts_named = ("field", "limit")
    limit: float

    def expression(self) -> str:
        return f"({self.value()} is not None and {self.value()} < {self.limit!r})"

    def holds_for(self, value: Any) -> bool:
        return value is not None and bool(value < self.limit)

    def prose(self, words: Words = str) -> str:
        return words("{field} is below {limit}").format(field=self.field, limit=self.limit)


class Includes(OfOneField):
    """An option setting contains this option."""

    parts_named = ("field", "option")
    option: str

    def expression(self) -> str:
        return f"includes({self.value()}, {_plain(self.option)!r})"

    def holds_for(self, value: Any) -> bool:
        return includes(value, str(_plain(self.option)))

    def prose(self, words: Words = str) -> str:
        return words("{field} includes {option}").format(field=self.field, option=_plain(self.option))


class Matches(OfOneField):
    """A text that the pattern fits from end to end; null is none.

    The pattern is one of Python's and of ECMA's alike, without anchors, and fits no blank at either end.
    """

    parts_named = ("field", "pattern", "described")
    pattern: str
    described: str

    def expression(self) -> str:
        return f"fits({self.pattern!r}, {self.value()})"

    def holds_for(self, value: Any) -> bool:
        return fits(self.pattern, value)

    def prose(self, words: Words = str) -> str:
        return words("{field} is {what}").format(field=self.field, what=words(self.described))


class HasKey(OfOneField):
    """A mapping setting has this key."""

    parts_named = ("field", "key")
    key: str

    def expression(self) -> str:
        return f"has_key({self.value()}, {self.key!r})"

    def holds_for(self, value: Any) -> bool:
        return has_key(value, self.key)

    def prose(self, words: Words = str) -> str:
        return words("{field} has {key}").format(field=self.field, key=self.key)


class Not(Predicate):
    """The condition does not hold."""

    parts_named = ("inner",)
    inner: Predicate

    def expression(self) -> str:
        return f"(not {self.inner.expression()})"

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return not self.inner.holds(values, said)

    def prose(self, words: Words = str) -> str:
        return words("not ({CONDITION})").format(CONDITION=self.inner.prose(words))

    def names(self) -> tuple[str, ...]:
        return self.inner.names()

    def compares(self) -> bool:
        return self.inner.compares()


class _OfSeveral(Predicate):
    parts_named = ("parts",)
    parts: tuple[Predicate, ...]

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.names()))

    def compares(self) -> bool:
        return any(part.compares() for part in self.parts)

    def joined(self, between: str, in_brackets: type[Predicate], words: Words) -> str:
        """The parts in words; those of the other kind, which would bind otherwise, in brackets."""
        said = ((part.prose(words), isinstance(part, in_brackets)) for part in self.parts)
        return between.join(
            words("({CONDITION})").format(CONDITION=text) if enclosed else text for text, enclosed in said
        )


class AllOf(_OfSeveral):
    """Every part holds."""

    def expression(self) -> str:
        return f"({' and '.join(part.expression() for part in self.parts)})"

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return all(part.holds(values, said) for part in self.parts)

    def prose(self, words: Words = str) -> str:
        return self.joined(words(" and "), AnyOf, words)


class AnyOf(_OfSeveral):
    """At least one part holds."""

    def expression(self) -> str:
        fields = {part.field if isinstance(part, Includes) else None for part in self.parts}
        if len(fields) == 1 and (first := self.parts[0]) and isinstance(first, Includes):
            options = tuple(_plain(part.option) for part in self.parts if isinstance(part, Includes))
            return f"includes_any({first.value()}, {options!r})"
        return f"({' or '.join(part.expression() for part in self.parts)})"

    def holds(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        return any(part.holds(values, said) for part in self.parts)

    def prose(self, words: Words = str) -> str:
        return self.joined(words(" or "), AllOf, words)
