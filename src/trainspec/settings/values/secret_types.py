"""What a secret is: decided here, for types and for values, and nowhere else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from inspect import get_annotations
from typing import Annotated, Any, ForwardRef, Literal, TypeGuard, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from trainspec.settings.values.lazy import LazySection

_TYPES = (SecretStr, SecretBytes, Secret)


def is_secret_value(value: Any) -> TypeGuard[SecretStr | SecretBytes | Secret[Any]]:
    """Whether a value is a secret itself."""
    return isinstance(value, _TYPES)


def is_secret_type(cls: type[Any]) -> bool:
    """Whether the values of a class are secrets themselves."""
    return issubclass(cls, _TYPES)


def is_secret(annotation: Any) -> bool:
    """Whether values of this type are secrets as a whole: a secret, one of several, a list or mapping of them.

    The fields of a model or dataclass are secrets each for itself, so a model with a secret inside is none.
    """
    return _leads_to_secret(annotation, inside=False)


def holds_secret(annotation: Any) -> bool:
    """Whether a value of this type may have a secret anywhere in it, also inside models and dataclasses."""
    return _leads_to_secret(annotation, inside=True)


def type_of(info: FieldInfo) -> Any:
    """The annotation of a field with what pydantic took out of it."""
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation


def secret_names(cls: type[Any]) -> frozenset[str]:
    """The fields of a model or dataclass that are secrets as a whole."""
    return frozenset(name for name, annotation in _fields_of(cls).items() if is_secret(annotation))


def sole_model(annotation: Any) -> type[Any] | None:
    """The model or dataclass that values of this type are (or null), where that is all they may be."""
    if get_origin(annotation) is Annotated:
        return sole_model(get_args(annotation)[0])
    members = [member for member in get_args(annotation) or (annotation,) if member is not type(None)]
    alone = members[0] if len(members) == 1 else None
    return (
        alone if isinstance(alone, type) and (issubclass(alone, BaseModel) or dataclasses.is_dataclass(alone)) else None
    )


def _leads_to_secret(annotation: Any, *, inside: bool) -> bool:
    # By identity, since not all annotations can be hashed; kept, so that no identity is used twice.
    seen: dict[int, Any] = {}
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        if isinstance(part, type) and is_secret_type(part):
            return True
        # A reference that nobody resolved: rather one hidden too many.
        if isinstance(part, ForwardRef | str) and "Secret" in str(part):
            return True
        waiting += _parts_of(part, inside)
    return False


def _parts_of(annotation: Any, inside: bool) -> Iterable[Any]:
    """The types that a type is made of."""
    origin = get_origin(annotation)
    if origin is Literal or origin is Callable:
        return ()
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return (inner, *(item.model() for item in more if inside and isinstance(item, LazySection)))
    if origin is not None:
        return (origin, *get_args(annotation)) if inside or not _is_model(origin) else ()
    if isinstance(annotation, TypeVar):
        return (annotation.__bound__, *annotation.__constraints__)
    if isinstance(annotation, type):
        return _fields_of(annotation).values() if inside or not _is_model(annotation) else ()
    # A NewType, a type alias.
    return (getattr(annotation, "__supertype__", None), getattr(annotation, "__value__", None))


def _is_model(cls: Any) -> bool:
    """Whether the fields of a class are dumped each for itself."""
    if not isinstance(cls, type):
        return False
    if issubclass(cls, BaseModel):
        # A root model is its root. Importing the class that says so would build it, and slow every start.
        return not cls.__pydantic_root_model__
    return dataclasses.is_dataclass(cls)


def _fields_of(cls: type[Any]) -> dict[str, Any]:
    """The annotations of a model, dataclass, typed dict or named tuple; of any other class, none."""
    if issubclass(cls, BaseModel):
        fields = {name: type_of(info) for name, info in cls.__pydantic_fields__.items()}
        return {**fields, **_extra_of(cls)}
    if dataclasses.is_dataclass(cls):
        hints = dict(_hints_of(cls))
        return {field.name: hints.get(field.name, field.type) for field in dataclasses.fields(cls)}
    is_mapping = issubclass(cls, dict) and hasattr(cls, "__total__")
    return dict(_hints_of(cls)) if is_mapping or (issubclass(cls, tuple) and hasattr(cls, "_fields")) else {}


def _extra_of(cls: type[BaseModel]) -> dict[str, Any]:
    """The annotation of the extra keys that a model takes."""
    if cls.model_config.get("extra") != "allow":
        return {}
    return {name: hint for name, hint in _hints_of(cls) if name == "__pydantic_extra__"}


def _hints_of(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    try:
        yield from get_type_hints(cls, include_extras=True).items()
    except NameError:
        # Names of a function's own scope, which only pydantic finds.
        for base in reversed(cls.__mro__):
            yield from get_annotations(base).items()
