"""A settings class takes in what people put among its bases and into its body, as a dataclass would."""

# ruff: noqa: UP006, UP035, UP045
import abc
import copy
import dataclasses
import warnings
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any, ClassVar, Generic, List, Optional, Protocol, TypeVar

import pytest

from trainspec import Settings, TrainingArguments

T = TypeVar("T")


@dataclass
class Root:
    x: int = 1

    def __post_init__(self) -> None:
        self.order = ["Root"]


@dataclass
class Left(Root):
    x: int = 2
    items: List[str] = field(default_factory=lambda: ["a"], metadata={"help": "Some."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.order.append("Left")


@dataclass
class Right(Root):
    z: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self.order.append("Right")


@dataclass
class Diamond(Left, Right, TrainingArguments):
    w: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.order.append("Diamond")


class Undecorated(Left, TrainingArguments):
    pass


class Below(Diamond):
    z: float = 0.75


@dataclass
class Behind(TrainingArguments, Left):
    y: int = 1


@dataclass
class Sampled:
    seed: int = 7
    optim: str = "sgd"


@dataclass
class Before(Sampled, TrainingArguments):
    pass


@dataclass
class After(TrainingArguments, Sampled):
    pass


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("cls", [Diamond, Undecorated, Below, Behind])
def test_the_fields_of_mixins_are_settings(cls: type[Any]) -> None:
    args = cls("out", x=5, learning_rate=1.0)
    assert (args.x, args.items, args.learning_rate, args.output_dir) == (5, ["a"], 1.0, "out")
    assert cls().x == cls.from_dict({}).x == cls.x == 2
    assert cls().items is not cls().items and cls.model_fields["items"].description == "Some."
    assert args == cls("out", x=5, learning_rate=1.0) != cls("out", x=6, learning_rate=1.0)
    assert repr(args).startswith(f"{cls.__name__}(") and "learning_rate=1.0" in repr(args)
    with pytest.raises(ValueError, match="x must be a whole number"):
        cls(x="many")


def test_every_post_init_of_a_chain_runs_once() -> None:
    assert Diamond().order == ["Root", "Right", "Left", "Diamond"]
    assert dataclasses.replace(Diamond(), x=3).order == ["Root", "Right", "Left", "Diamond"]
    assert not hasattr(Behind(), "order")  # as in Python: TrainingArguments' own comes first and calls nobody


def test_which_of_two_defaults_holds_is_as_with_dataclasses() -> None:
    assert (Before().seed, Before().optim, After().seed) == (7, "sgd", 42)
    assert Before.seed == 7 and After.seed == 42
    with pytest.raises(ValueError, match="optim must be one of"):
        Before(optim="sdg")


def test_what_follows_from_other_settings_follows_under_a_mixin_too() -> None:
    @dataclass
    class Evaluates:
        do_eval: Optional[bool] = None
        logging_steps: float = 25.0

    @dataclass
    class Mixed(Evaluates, TrainingArguments):
        logging_steps: float = 50

    class Child(Mixed):
        pass

    for cls in (Mixed, Child):
        args = cls(eval_strategy="steps")
        assert (args.do_eval, args.eval_steps, cls.logging_steps, type(args.logging_steps)) == (True, 50, 50, int)


def test_an_abstract_mixin_and_a_protocol() -> None:
    class Runs(abc.ABC):
        @abc.abstractmethod
        def run(self) -> int: ...

    class Walks(Protocol):
        x: int

        def walk(self) -> int: ...

    @dataclass
    class Abstract(Runs, TrainingArguments):
        x: int = 1

    @dataclass
    class Real(Abstract, Walks):
        def run(self) -> int:
            return self.x

        def walk(self) -> int:
            return self.x + 1

    with pytest.raises(TypeError, match="abstract"):
        Abstract()  # type: ignore[abstract]
    assert (Real(x=3).run(), Real(x=3).walk()) == (3, 4)


def test_a_generic_mixin_and_a_generic_class() -> None:
    @dataclass
    class Holds(Generic[T]):
        item: Optional[T] = None

    @dataclass
    class Mixed(Holds[int], TrainingArguments):
        x: int = 1

    @dataclass
    class Own(TrainingArguments, Generic[T]):
        item: Optional[T] = None

    assert (Mixed(item=3).item, Own[int](item=3).item) == (3, 3)
    with pytest.raises(ValueError, match="whole number"):
        Own[int](item="x")  # type: ignore[arg-type]


def test_init_only_arguments_class_variables_and_keyword_marks() -> None:
    @dataclass
    class Marked(TrainingArguments):
        _: KW_ONLY
        a: int
        LIMIT: ClassVar[int] = 9
        scale: InitVar[Optional[int]] = None
        must: "InitVar[int]" = field(kw_only=True)

        def __post_init__(self, scale: Optional[int], must: int) -> None:
            self.given = (scale, must)

    args = Marked(a=1, must=2, scale=3)
    assert (args.given, args.LIMIT, "must" in Marked.model_fields) == ((3, 2), 9, False)
    assert dataclasses.replace(args, must=4).given == (None, 4) == args.replace(must=4).given
    assert copy.copy(args).given == (3, 2)
    args.a = 5
    assert args.given == (3, 2)
    for call in (lambda: Marked(a=1), lambda: Marked.from_dict({"a": 1})):  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="Marked needs the argument must, which only its constructor takes"):
            call()
    with pytest.raises(ValueError, match="must be specified with replace"):
        dataclasses.replace(args, a=3)


def test_a_frozen_mixin_stays_frozen_and_the_rest_does_not() -> None:
    @dataclass(frozen=True)
    class Frozen:
        x: int = 1

    class Mixed(Frozen, TrainingArguments):
        pass

    args = Mixed(x=3)
    args.seed = 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        args.x = 4  # type: ignore[misc]
    assert (args.x, args.seed) == (3, 4)


def _slotted_mixin() -> Any:
    @dataclass(slots=True)
    class Slotted:
        x: int = 1

    return type(Settings)("Mixed", (Slotted, TrainingArguments), {"__module__": __name__})


def _slotted() -> Any:
    @dataclass(slots=True)
    class Slotted(TrainingArguments):
        x: int = 1

    return Slotted


def _frozen() -> Any:
    return dataclass(frozen=True)(type(Settings)("Frozen", (TrainingArguments,), {"__module__": __name__}))


REFUSED: dict[str, tuple[Any, str]] = {
    "slots of a mixin": (_slotted_mixin, "Mixed cannot take in Slotted, .* leave slots=True out of Slotted"),
    "slots": (_slotted, "Slotted cannot have slots: .* leave slots=True out of @dataclass"),
    "frozen": (_frozen, "cannot inherit frozen dataclass from a non-frozen one"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_the_reason(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make()


def test_a_constructor_of_ones_own() -> None:
    class Remembers:
        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            self.__dict__["given"] = sorted(settings)

    @dataclass
    class Mixed(Remembers, TrainingArguments):
        x: int = 1

    @dataclass
    class Own(TrainingArguments):
        x: int = 1

        def __init__(self, special: int = 3, **settings: Any) -> None:
            super().__init__(**settings)
            self.special = special

    assert Mixed(x=2).given == ["x"] and Mixed.from_dict({"x": 3}).x == 3
    assert (Own(special=4, x=2).special, Own(special=4, x=2).x) == (4, 2)


def test_a_class_in_a_function_may_name_what_stands_there() -> None:
    @dataclass
    class Inner:
        a: int = 1

    @dataclass
    class Local(TrainingArguments):
        inner: "Inner" = field(default_factory=Inner)
        several: "List[Inner]" = field(default_factory=list)

    assert Local.from_dict({"inner": {"a": 2}, "several": [{"a": 3}]}).several == [Inner(3)]
