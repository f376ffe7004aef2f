"""Types with secrets somewhere in them, at random, and values of these types that hold a canary."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Optional

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, Secret, SecretBytes, SecretStr, create_model
from typing_extensions import TypedDict

CANARY = "cnry7F3xQ"


class Key(SecretStr):
    """A secret of somebody's own."""


class Nest(NamedTuple):
    """A type, what a document says for it, and the same with a fault in it."""

    annotation: Any
    said: Any
    faulty: Any


LEAVES = [
    Nest(annotation, CANARY, faulty)
    for annotation in (
        SecretStr,
        Key,
        SecretBytes,
        Secret[str],
        Optional[Key],  # noqa: UP045 - as scripts write it
        Annotated[SecretStr, Field(min_length=1)],
        Key | int,
        SecretStr | str,
    )
    for faulty in ([CANARY], {CANARY: CANARY})
]


def in_list(inner: Nest) -> Nest:
    return Nest(list[inner.annotation], [inner.said], [inner.said, inner.faulty])


def in_tuple(inner: Nest) -> Nest:
    return Nest(tuple[int, inner.annotation], [1, inner.said], ["x", inner.said])


def in_mapping(inner: Nest) -> Nest:
    return Nest(dict[str, inner.annotation], {"a": inner.said}, {"a": inner.faulty, "b": inner.said})


def in_optional(inner: Nest) -> Nest:
    return Nest(Optional[inner.annotation], inner.said, inner.faulty)  # noqa: UP045


def in_union(inner: Nest) -> Nest:
    return Nest(inner.annotation | float, inner.said, inner.faulty)


def in_model(inner: Nest) -> Nest:
    made = create_model("Model", __config__=ConfigDict(extra="forbid"), kept=(int, 5), inner=(inner.annotation, ...))
    return Nest(made, {"kept": 7, "inner": inner.said}, {"kept": "x", "inner": inner.said})


def in_model_by_alias(inner: Nest) -> Nest:
    made = create_model("Aliased", kept=(int, 5), inner=(inner.annotation, Field(validation_alias="innerKey")))
    return Nest(made, {"kept": 7, "innerKey": inner.said}, {"innerKey": inner.faulty})


def in_either_model(inner: Nest) -> Nest:
    one = in_model(inner)
    other = create_model("Other", __config__=ConfigDict(extra="forbid"), name=(str, ...))
    return Nest(one.annotation | other, one.said, {"kept": 1, "inner": inner.faulty})


def in_dataclass(inner: Nest) -> Nest:
    made = dataclasses.make_dataclass("Data", [("inner", inner.annotation), ("kept", int, 5)], frozen=True)
    return Nest(made, {"kept": 7, "inner": inner.said}, {"kept": "x", "inner": inner.said})


def in_root_model(inner: Nest) -> Nest:
    return Nest(RootModel[inner.annotation], inner.said, inner.faulty)


def in_typed_dict(inner: Nest) -> Nest:
    made: Any = TypedDict("Typed", {"inner": inner.annotation, "kept": int})  # type: ignore[misc]
    return Nest(made, {"inner": inner.said, "kept": 7}, {"inner": inner.said, "kept": "x"})


def in_deque(inner: Nest) -> Nest:
    return Nest(deque[inner.annotation], [inner.said], [inner.faulty])


def in_sequence(inner: Nest) -> Nest:
    return Nest(Sequence[inner.annotation], [inner.said], [inner.faulty])


def in_ordered_mapping(inner: Nest) -> Nest:
    return Nest(OrderedDict[str, inner.annotation], {"a": inner.said}, {"a": inner.faulty})


def in_filling_mapping(inner: Nest) -> Nest:
    return Nest(defaultdict[str, list[inner.annotation]], {"a": [inner.said]}, {"a": [inner.faulty]})


def in_extra_key(inner: Nest) -> Nest:
    body = {"__annotations__": {"__pydantic_extra__": dict[str, inner.annotation]}, "__module__": __name__}
    made: Any = type(BaseModel)("Open", (BaseModel,), {**body, "model_config": ConfigDict(extra="allow")})
    return Nest(made, {"any": inner.said}, {"any": inner.faulty})


WRAPPERS = (
    in_list,
    in_deque,
    in_sequence,
    in_ordered_mapping,
    in_filling_mapping,
    in_extra_key,
    in_tuple,
    in_mapping,
    in_optional,
    in_union,
    in_model,
    in_model_by_alias,
    in_either_model,
    in_dataclass,
    in_root_model,
    in_typed_dict,
)

nests = st.recursive(
    st.sampled_from(LEAVES), lambda inner: st.builds(lambda wrap, nest: wrap(nest), st.sampled_from(WRAPPERS), inner)
)


class Account(BaseModel):
    """A model with a secret beside something to keep."""

    user: str = "me"
    token: Key | None = None


@dataclasses.dataclass
class Login:
    """The same as a dataclass, whose secret must be given."""

    token: SecretStr
    user: str = "me"
