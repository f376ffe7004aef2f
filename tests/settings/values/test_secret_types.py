"""One place says what a secret is: by type, however it is wrapped, and wherever in a model it lies."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import pytest
from pydantic import BaseModel, Field, RootModel, Secret, SecretBytes, SecretStr
from typing_extensions import TypeAliasType

from trainspec import TrainingArguments
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.secret_types import holds_secret, is_secret, is_secret_value
from trainspec.settings.values.shape import shape_of

T = TypeVar("T")
S = TypeVar("S", bound=SecretStr)


class Key(SecretStr):
    pass


class Birthday(Secret[date]):
    pass


class Plain(BaseModel):
    name: str = ""
    again: Optional[Plain] = None  # noqa: UP045 - as scripts write it


class Login(BaseModel):
    user: str = ""
    key: Key | None = None


class Tree(BaseModel):
    children: list[Tree] = []
    login: Login | None = None


@dataclasses.dataclass
class Account:
    name: str = ""
    token: SecretStr | None = None


@dataclasses.dataclass
class Box(Generic[T]):
    item: T


class Typed(TypedDict):
    name: str
    token: SecretStr


class Named(NamedTuple):
    name: str
    token: SecretStr


class Rooted(RootModel[SecretStr]):
    pass


SECRETS: dict[str, Any] = {
    "SecretStr": SecretStr,
    "SecretBytes": SecretBytes,
    "Secret": Secret[int],
    "a subclass": Key,
    "a subclass of Secret": Birthday,
    "optional": Optional[Key],  # noqa: UP045
    "a union": Union[int, Key],  # noqa: UP007
    "a union in new words": int | Key,
    "annotated": Annotated[Key, Field(min_length=1)],
    "annotated inside": Annotated[Annotated[Key, 1] | None, 2],
    "a list": list[Key],
    "a tuple": tuple[int, Key],
    "a set": set[Key],
    "a frozen set": frozenset[Key],
    "a mapping": dict[str, Key],
    "the keys of a mapping": dict[Key, int],
    "a list of lists": list[list[Key | None]],
    "a new type": NewType("NewKey", Key),
    "an alias": TypeAliasType("Alias", list[Key]),
    "a bound variable": S,
    "a typed dict": Typed,
    "a named tuple": Named,
    "a root model": Rooted,
    "a name not found yet": "Optional[SecretStr]",
}
HOLDERS: dict[str, Any] = {
    "a model": Login,
    "a list of models": list[Login],
    "a mapping of models": dict[str, Login | None],
    "a model in itself": Tree,
    "a dataclass": Account,
    "a generic dataclass": Box[SecretStr],
    "a model at its first value": Annotated[Any, LazySection(f"{__name__}:Login")],
}
NEITHER: dict[str, Any] = {
    "text": str,
    "anything": Any,
    "a model": Plain,
    "a word": Literal["SecretStr"],
    "a list": list[int | Plain],
    "metadata": Annotated[str, "SecretStr"],
    "a variable": T,
    "a mapping": dict[str, list[Plain]],
}


@pytest.mark.parametrize("annotation", SECRETS.values(), ids=SECRETS)
def test_a_secret_however_wrapped_is_one(annotation: Any) -> None:
    assert is_secret(annotation) and holds_secret(annotation)


@pytest.mark.parametrize("annotation", HOLDERS.values(), ids=HOLDERS)
def test_what_has_a_secret_among_its_fields_is_none_itself(annotation: Any) -> None:
    assert holds_secret(annotation) and not is_secret(annotation)


@pytest.mark.parametrize("annotation", NEITHER.values(), ids=NEITHER)
def test_what_has_no_secret_is_left_alone(annotation: Any) -> None:
    assert not is_secret(annotation) and not holds_secret(annotation)


@pytest.mark.parametrize("value", [SecretStr("x"), SecretBytes(b"x"), Secret(1), Key("x"), Birthday(date.min)])
def test_a_secret_value_is_one(value: Any) -> None:
    assert is_secret_value(value) and not is_secret_value(value.get_secret_value())


PATHS: dict[str, tuple[type[Any], tuple[str, ...], bool, bool]] = {
    "a secret": (Login, ("key",), True, True),
    "inside a secret": (Login, ("key", "x"), True, True),
    "beside a secret": (Login, ("user",), False, False),
    "a name of nothing, which may be an alias": (Login, ("api",), False, True),
    "what has one inside": (Tree, ("login",), False, True),
    "the secret inside": (Tree, ("login", "key"), True, True),
    "beside the one inside": (Tree, ("login", "user"), False, False),
    "in a list, where the place is not known": (Tree, ("children", "login"), False, True),
    "of a dataclass": (Account, ("token",), True, True),
    "nothing secret": (Plain, ("again", "name"), False, False),
}


@pytest.mark.parametrize(("model", "path", "secret", "concealed"), PATHS.values(), ids=PATHS)
def test_a_shape_tells_by_path(model: type[Any], path: tuple[str, ...], secret: bool, concealed: bool) -> None:
    shape = shape_of(model)
    assert (shape.is_secret(path), shape.conceals(path)) == (secret, concealed)


def test_the_settings_hold_one_secret() -> None:
    fields = TrainingArguments.model_fields
    assert {name for name in fields if shape_of(TrainingArguments).conceals((name,))} == {"hub_token"}
