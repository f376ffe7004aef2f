"""What a field's annotation lets in, read once per class: for parsing strings and for saying what was expected."""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, Secret, Strict
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from trainspec.settings.values.declared import Declared, declared_in
from trainspec.settings.values.foreign_types import phrase_of
from trainspec.settings.values.lazy import LazySection
from trainspec.settings.values.secret_types import is_secret_type


@dataclass
class Kind:
    """The shapes of value that an annotation accepts, and the phrase that tells a person so."""

    boolean: bool = False
    integer: bool = False
    number: bool = False
    text: bool = False
    secret: bool = False
    null: bool = False
    choices: tuple[Any, ...] = ()
    items: Kind | None = None
    mapping: bool = False
    values: Kind | None = None
    lazy: LazySection | None = None
    classes: tuple[type[Any], ...] = ()
    """The models, dataclasses and typed dicts that a mapping here may be."""
    other: bool = False
    null_is_unsaid: bool = False
    """Whether null is only a default, which the type itself does not take."""
    lenient: bool = False
    interval: bool = False
    """Whether a whole number is a count of updates however it is written: 500.0 is what transformers' dumps hold."""
    phrases: list[str] = field(default_factory=list)

    @property
    def expected(self) -> str:
        """What the field takes, in words: `a whole number >= 1, or null`."""
        phrases = list(dict.fromkeys(self.phrases)) or ["a valid value"]
        return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])}, or {phrases[-1]}"

    @property
    def section(self) -> type[BaseModel] | None:
        """The model of a mapping with known keys, imported when asked for; of a dataclass, what judges it."""
        if self.lazy is not None:
            return self.lazy.model()
        if not self.classes:
            return None
        from trainspec.settings.values.shape import shape_of

        return shape_of(self.classes[0]).judge_model

    @property
    def is_theirs(self) -> bool:
        """Whether a mapping here has keys that a class of somebody else declares."""
        return any(not cls.__module__.startswith("trainspec.") for cls in self.classes)

    @property
    def takes_strings(self) -> bool:
        """Whether a string is a value here as it stands, not the spelling of another type."""
        return self.text or self.secret or self.other or any(isinstance(choice, str) for choice in self.choices)

    @property
    def only_choices(self) -> bool:
        """Whether a string is a value here only where it is one of the choices."""
        return bool(self.choices) and not (self.text or self.secret or self.other)

    @property
    def holds_text(self) -> bool:
        """Whether a value may be a text, or have one somewhere in it."""
        inner = any(one is not None and one.holds_text for one in (self.items, self.values))
        return self.text or self.secret or self.other or inner or (self.mapping and self.values is None)

    @property
    def is_switch(self) -> bool:
        """Whether the field is a plain on/off switch, so that a bare flag means true."""
        return self.boolean and not (self.integer or self.number or self.text or self.choices or self.items)


NULL_IS_UNSAID = object()
"""Annotation metadata: null stands for what nobody said."""
# Beyond, a list of choices hides the message; `trainspec explain FIELD` has them all.
_MOST_SHOWN = 12
_UNIONS = (Union, types.UnionType)
_BOUNDS = {Ge: ("ge", ">="), Gt: ("gt", ">"), Le: ("le", "<="), Lt: ("lt", "<")}


def kind_of_field(info: FieldInfo) -> Kind:
    """The kind of a pydantic field, its own constraints included."""
    kind = Kind(null_is_unsaid=NULL_IS_UNSAID in info.metadata)
    _absorb(kind, info.annotation, tuple(info.metadata))
    return kind


def _absorb(kind: Kind, annotation: Any, metadata: tuple[Any, ...]) -> None:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        _absorb(kind, inner, (*more, *metadata))
    elif lazy := next((item for item in metadata if isinstance(item, LazySection)), None):
        kind.lazy, kind.mapping = lazy, True
        kind.phrases.append(f"a mapping with keys of {lazy.home.partition(':')[2]}")
    elif origin in _UNIONS:
        for member in get_args(annotation):
            _absorb(kind, member, metadata)
    elif origin is Literal:
        _absorb_choices(kind, _narrowed(get_args(annotation), metadata))
    elif isinstance(annotation, TypeVar) or annotation is Any:
        kind.other = True
        kind.phrases += [f"what {annotation.__name__} stands for"] if isinstance(annotation, TypeVar) else []
    elif origin is Secret:
        _absorb_class(kind, Secret, metadata)
    elif isinstance(origin, type) and (is_dataclass(origin) or is_typeddict(origin)):
        # Of a generic class, what its type variables stand for is pydantic's to hold to.
        _absorb_class(kind, origin, metadata)
    elif origin is not None:
        _absorb_container(kind, origin, get_args(annotation), _declared(metadata))
    elif isinstance(annotation, type):
        _absorb_class(kind, annotation, metadata)
    else:
        kind.other = True


def _absorb_choices(kind: Kind, values: tuple[Any, ...]) -> None:
    kind.choices += tuple(value for value in values if value is not None)
    if None in values:
        _absorb_class(kind, type(None), ())
    shown = [str(value).lower() if isinstance(value, bool) else str(value) for value in values if value is not None]
    if len(shown) > _MOST_SHOWN:
        kind.phrases.append(f"one of its {len(shown)} choices")
    else:
        kind.phrases.append(shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}")


def _narrowed(values: tuple[Any, ...], metadata: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of the choices of a type, those that its field declared; null is no choice."""
    declared = _declared(metadata)
    return tuple(one for one in values if one is None or one in declared[0].choices) if declared else values


def _declared(metadata: tuple[Any, ...]) -> tuple[Declared, ...]:
    declared = declared_in(metadata)
    return (declared,) if declared is not None and declared.choices else ()


def _absorb_container(kind: Kind, origin: Any, arguments: tuple[Any, ...], declared: tuple[Declared, ...] = ()) -> None:
    if isinstance(origin, type) and issubclass(origin, Mapping):
        kind.mapping = True
        if len(arguments) == 2 and arguments[1] is not Any:
            kind.values = Kind()
            _absorb(kind.values, arguments[1], ())
            kind.lenient |= kind.values.lenient
        kind.phrases.append("a mapping")
    elif isinstance(origin, type) and issubclass(origin, Sequence | Set):
        kind.items = Kind()
        for argument in arguments:
            if argument is not Ellipsis:
                _absorb(kind.items, argument, declared)
        kind.lenient |= kind.items.lenient
        kind.phrases.append(f"a list, each item {kind.items.expected}" if arguments else "a list")
    else:
        kind.other = True
        if origin is Callable:
            kind.phrases.append("a function, which Python code alone can give")


def _absorb_class(kind: Kind, cls: type, metadata: tuple[Any, ...]) -> None:
    if cls is type(None):
        kind.null = True
        kind.phrases.append("null")
    elif cls in (bool, int, float, str) and (declared := _declared(metadata)):
        kind.integer |= cls is int
        kind.number |= cls is float
        kind.lenient |= cls is not str and not _is_strict(metadata)
        _absorb_choices(kind, declared[0].choices)
    elif cls is bool:
        kind.boolean = True
        kind.lenient |= not _is_strict(metadata)
        kind.phrases.append("true or false")
    elif cls is int:
        kind.integer = True
        kind.lenient |= not _is_strict(metadata)
        kind.phrases.append("a whole number" + _bounds(metadata))
    elif cls is float:
        kind.number = True
        kind.lenient |= not _is_strict(metadata)
        kind.phrases.append("a finite number" + _bounds(metadata))
    elif issubclass(cls, Enum):
        _absorb_choices(kind, _narrowed(tuple(member.value for member in cls), metadata))
    elif cls is str:
        kind.text = True
        kind.phrases.append("text")
    elif is_secret_type(cls):
        kind.secret = True
        kind.phrases.append("a secret" if issubclass(cls, Secret) else "text (a secret)")
    elif not is_typeddict(cls) and issubclass(cls, list | tuple | set | frozenset | deque | dict):
        _absorb_container(kind, cls, ())
    elif issubclass(cls, BaseModel) and cls.__pydantic_root_model__:
        root = cls.__pydantic_fields__["root"]
        _absorb(kind, root.annotation, tuple(root.metadata))
    elif issubclass(cls, BaseModel) or is_dataclass(cls) or is_typeddict(cls):
        kind.classes, kind.mapping = (*kind.classes, cls), True
        # What such a class takes is for us to say, as pydantic drops what it does not know.
        kind.lenient |= kind.is_theirs
        kind.phrases.append(f"a mapping with keys of {cls.__name__}")
    else:
        kind.other = True
        kind.phrases.append(phrase_of(cls))


def _bounds(metadata: tuple[Any, ...]) -> str:
    parts = []
    for item in metadata:
        for constraint in getattr(item, "metadata", None) or (item,):
            for bound, (attribute, sign) in _BOUNDS.items():
                if isinstance(constraint, bound):
                    parts.append(f"{sign} {getattr(constraint, attribute)}")
    return f" {' and '.join(parts)}" if parts else ""


def _is_strict(metadata: tuple[Any, ...]) -> bool:
    return any(isinstance(item, Strict) for item in metadata)
