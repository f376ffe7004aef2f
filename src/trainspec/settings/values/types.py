"""The value types that settings share: strict, finite, and the same in every source.

Strict means that a boolean is never a number nor a number a boolean. Sources that can only hold strings are
parsed before validation (`coercion.py`), so strictness here needs no exceptions.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from trainspec.settings.values.choices import Choice

Flag: TypeAlias = Annotated[bool, Strict()]
Whole: TypeAlias = Annotated[int, Strict()]
Number: TypeAlias = Annotated[float, Strict()]
# No control characters: a NUL or a line break in a name or path is a paste accident, never a wish.
Text: TypeAlias = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name: TypeAlias = Annotated[str, StringConstraints(strict=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]*$")]

Positive: TypeAlias = Annotated[int, Strict(), Field(ge=1)]
NonNegative: TypeAlias = Annotated[int, Strict(), Field(ge=0)]
MinusOneOrMore: TypeAlias = Annotated[int, Strict(), Field(ge=-1)]
NonNegativeNumber: TypeAlias = Annotated[float, Strict(), Field(ge=0)]
PositiveNumber: TypeAlias = Annotated[float, Strict(), Field(gt=0)]
Probability: TypeAlias = Annotated[float, Strict(), Field(ge=0, le=1)]
BelowOne: TypeAlias = Annotated[float, Strict(), Field(ge=0, lt=1)]
ExitCode: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=255)]
Seed: TypeAlias = Annotated[int, Strict(), Field(ge=0, lt=2**32)]
Fraction: TypeAlias = Annotated[float, Strict(), Field(gt=0, lt=1)]
Interval: TypeAlias = NonNegative | Fraction


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("literal_error", "a boolean is no number")
    return value


# A literal 1 would take true, which Python holds for equal.
NumberedChoice = BeforeValidator(_no_boolean)


class OptionWords(AfterValidator):
    """A text of several options, parted by blanks or commas: every word must be one of the choices."""

    choices: type[Choice]

    def __init__(self, choices: type[Choice]) -> None:
        object.__setattr__(self, "choices", choices)
        object.__setattr__(self, "func", self._check)

    def _check(self, text: str) -> str:
        wrong = [word for word in text.replace(",", " ").split() if word not in tuple(self.choices)]
        if wrong:
            raise PydanticCustomError("not_an_option", "{word} is not an option", {"word": wrong[0]})
        return text


# pydantic asks a factory for its signature, and that of `list` and `dict` is text, which takes a tokenizer to read.
def no_items() -> list[Any]:
    """An empty list."""
    return []


def no_keys() -> dict[str, Any]:
    """An empty mapping."""
    return {}
