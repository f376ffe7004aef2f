"""What type variables of mixins stand for, and which choices of its type a field declared."""

# ruff: noqa: UP006, UP035, UP045
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, List, Literal, Optional, TypeVar

import pytest

from trainspec import SettingsParser, TrainingArguments

T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Pair(Generic[T, U]):
    first: Optional[T] = None
    rest: dict[str, U] = field(default_factory=dict)


@dataclass
class Half(Pair[int, T], Generic[T]):
    more: "List[T] | None" = None


@pytest.mark.parametrize(
    ("mixin", "wrong", "said"),
    [
        (Pair[int, float], {"first": "x"}, "first must be a whole number, or null"),
        (Pair[int, float], {"rest": {"a": "x"}}, "rest.a must be a finite number"),
        (Half[str], {"first": "x"}, "first must be a whole number, or null"),
        (Half[str], {"rest": {"a": 1}}, "rest.a must be text"),
        (Half[float], {"more": ["x"]}, "more must be a list, each item a finite number, or null"),
    ],
)
def test_type_variables_of_a_mixin_stand_for_what_the_class_says(mixin: Any, wrong: dict[str, Any], said: str) -> None:
    class Given(mixin, TrainingArguments):  # type: ignore[misc]
        pass

    with pytest.raises(ValueError, match=said):
        Given(**wrong)


def test_type_variables_that_nobody_gave_stay_open() -> None:
    @dataclass
    class Open(Half, TrainingArguments):  # type: ignore[type-arg]
        pass

    args = Open(first=3, rest={"a": "b"}, more=[1.5])  # type: ignore[dict-item]
    assert (args.first, args.rest, args.more) == (3, {"a": "b"}, [1.5])
    with pytest.raises(ValueError, match="first must be a whole number"):
        Open(first="x")  # type: ignore[arg-type]


def test_a_generic_dataclass_as_a_field_is_settable_and_strict() -> None:
    @dataclass
    class Holds(TrainingArguments):
        pair: Pair[int, float] = field(default_factory=Pair)

    line = ["--pair.first", "3", "--pair.rest.a", "2.5"]
    (args,) = SettingsParser(Holds).parse_args_into_dataclasses(line, look_for_args_file=False)
    assert args.pair == Pair(3, {"a": 2.5})
    with pytest.raises(ValueError, match="pair has no key frist"):
        Holds(pair={"frist": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"pair\.first must be what T stands for, or null, not"):
        Holds(pair={"first": "x"})  # type: ignore[arg-type]


class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"
    PALE = "pale"


@pytest.mark.parametrize("name", ["shade", "word", "lr_scheduler_type"])
def test_declared_choices_narrow_those_of_the_type(name: str) -> None:
    @dataclass
    class Narrow(TrainingArguments):
        shade: Shade = field(default=Shade.DARK, metadata={"choices": ["dark", Shade.PALE]})
        word: Literal["dark", "light", "pale"] = field(default="dark", metadata={"choices": ["dark", "pale"]})
        lr_scheduler_type: str = field(default="linear", metadata={"choices": ["linear", "cosine"]})

    own, wrong = ("linear, cosine", "constant") if name == "lr_scheduler_type" else ("dark, pale", "light")
    with pytest.raises(ValueError, match=f'{name} must be one of {own}, not "{wrong}"') as caught:
        Narrow(**{name: wrong})
    assert f"did you mean {wrong}" not in str(caught.value)
    assert "".join(own.partition(", ")[2:]) in str(SettingsParser(Narrow).format_help())
