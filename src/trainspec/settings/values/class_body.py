"""What people write in the bodies of settings classes, made ready for pydantic: the dataclass idiom and mixins.

A mixin is a dataclass among the bases that knows nothing of settings. Its fields become settings of the class, as they
would become fields of a dataclass.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from inspect import get_annotations
from types import FrameType
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic.warnings import GenericBeforeBaseModelWarning

from trainspec.settings.values.dataclass_face import is_field, is_init_only
from trainspec.settings.values.declared import Declared, declare
from trainspec.settings.values.foreign_types import reader_of
from trainspec.settings.values.kinds import Kind, kind_of_field

GENERATED = ("__init__", "__repr__", "__eq__", "__hash__")
"""The methods that `@dataclass` writes where a class has none. Settings have theirs."""


class ClassBody:
    """The body of a class that a person wrote, between Python's reading it and pydantic's."""

    def __init__(self, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        self.name = name
        self.bases = bases
        self.namespace = namespace
        self.attributes = dict(_inherited(bases, "__attributes__"))
        self.init_only = dict(_inherited(bases, "__init_only__"))
        self._annotations: dict[str, Any] | None = None
        self._own: dict[str, Any] = _annotations_of(namespace)

    def make_ready(self) -> None:
        """Say in pydantic's words what the body says in those of dataclasses. Raises TypeError for what cannot be."""
        self._refuse_slots()
        mixins = [base for base in reversed(self.bases) if _is_mixin(base)]
        for mixin in mixins:
            self._take_mixin(mixin)
        for name, annotation in list(self._own.items()):
            self._take_own(name, annotation, self.namespace.get(name, dataclasses.MISSING))
        if mixins or any(getattr(base, "_is_protocol", False) for base in self.bases):
            self._keep_our_methods()

    @contextmanager
    def without_advice(self) -> Iterator[None]:
        """Without pydantic's advice about the order of generic bases, which are a mixin's own here."""
        if not any(Generic in base.__mro__ and not issubclass(base, BaseModel) for base in self.bases):
            yield
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GenericBeforeBaseModelWarning)
            yield

    def cover_mixins(self, cls: type[Any]) -> None:
        """Put what the settings below have for a name over the defaults that stand on mixins, as pydantic does not."""
        for name in {
            name for base in self.bases if _is_mixin(base) for name in vars_of(base)
        } & cls.__pydantic_fields__.keys():
            below = (
                base.__dict__[name] for base in cls.__mro__ if issubclass(base, BaseModel) and name in base.__dict__
            )
            type.__setattr__(cls, name, next(below, Covered(name)))

    def _refuse_slots(self) -> None:
        if "__dataclass_params__" in self.namespace:
            raise TypeError(
                f"{self.name} cannot have slots: settings keep their values elsewhere; "
                "leave slots=True out of @dataclass"
            )
        for base in self.bases:
            for one in base.__mro__:
                if one.__dict__.get("__slots__") and not issubclass(one, BaseModel):
                    raise TypeError(
                        f"{self.name} cannot take in {one.__name__}, which keeps its fields in slots; "
                        f"leave slots=True out of {one.__name__}"
                    )

    def _take_mixin(self, mixin: type[Any]) -> None:
        hints = _hints_of(mixin, self.namespace.get("__orig_bases__", ()))
        for field in mixin.__dataclass_fields__.values():
            name = field.name
            if name in self._own or name.startswith("_") or not (is_field(field) or is_init_only(field)):
                continue
            annotation = hints.get(name, field.type)
            if (stronger := self._stronger_setting(mixin, name)) is not None:
                self._annotate(name, _typed(stronger))
                self.namespace[name] = _rebuilt(stronger, _typed(stronger), _declared(stronger))
            elif is_init_only(field):
                self._set_aside(name, field, self.init_only)
            elif not field.init:
                self._set_aside(name, field, self.attributes)
            else:
                self._annotate(name, annotation)
                self.namespace[name] = as_pydantic_field(field)

    def _stronger_setting(self, mixin: type[Any], name: str) -> FieldInfo | None:
        """The setting of that name of a base that comes before the mixin."""
        before = self.bases[: self.bases.index(mixin)]
        known = (getattr(base, "__pydantic_fields__", {}) for base in before)
        return next((fields[name] for fields in known if name in fields), None)

    def _take_own(self, name: str, annotation: Any, value: Any) -> None:
        if _names(annotation, "KW_ONLY"):
            # Settings are given by keyword as it is.
            self._mutable().pop(name)
        elif _names(annotation, "InitVar"):
            field = value if isinstance(value, dataclasses.Field) else dataclasses.field(default=value)
            field.type = annotation
            self._set_aside(name, field, self.init_only)
        elif not isinstance(value, dataclasses.Field):
            return
        elif name.startswith("_") or not value.init:
            value.type = annotation
            self._set_aside(name, value, self.attributes)
        else:
            self.namespace[name] = as_pydantic_field(value)

    def _set_aside(self, name: str, field: dataclasses.Field[Any], place: dict[str, Any]) -> None:
        """A field that is no setting: pydantic sees a class variable."""
        place[name] = field
        self._annotate(name, ClassVar[Any])
        self.namespace.pop(name, None)
        if field.default is not dataclasses.MISSING:
            self.namespace[name] = field.default

    def _annotate(self, name: str, annotation: Any) -> None:
        self._mutable()[name] = annotation

    def _mutable(self) -> dict[str, Any]:
        """The annotations of the body, where they can be changed."""
        if self._annotations is None:
            self._annotations = dict(self._own)
            self.namespace["__annotations__"] = self._annotations
            for lazily in ("__annotate__", "__annotate_func__"):
                self.namespace.pop(lazily, None)
        return self._annotations

    def _keep_our_methods(self) -> None:
        for method in GENERATED:
            if method not in self.namespace:
                self.namespace[method] = next(_written(self.bases, method))


class Covered:
    """Makes the metaclass answer for a name: the default of a setting, whatever a mixin has there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, settings: Any, owner: type[Any]) -> Any:
        raise AttributeError(self.name)


def vars_of(cls: type[Any]) -> set[str]:
    """The names that a class or a base of it has, apart from what every object has."""
    return {name for one in cls.__mro__[:-1] for name in one.__dict__}


def _written(bases: tuple[type, ...], method: str) -> Iterator[Any]:
    """What each base has for a method, without what `@dataclass` and protocols put there and what every object has."""
    for base in bases:
        for one in base.__mro__[:-1]:
            if method in one.__dict__ and not _is_generated(one, one.__dict__[method]):
                yield one.__dict__[method]


def _is_generated(cls: type[Any], function: Any) -> bool:
    if issubclass(cls, BaseModel):
        return False
    if getattr(cls, "_is_protocol", False):
        return True
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    return "__dataclass_params__" in cls.__dict__ and getattr(code, "co_filename", "<string>") == "<string>"


def _is_mixin(base: type[Any]) -> bool:
    return hasattr(base, "__dataclass_fields__") and not issubclass(base, BaseModel)


def _inherited(bases: tuple[type, ...], attribute: str) -> Iterator[tuple[str, Any]]:
    for base in reversed(bases):
        if issubclass(base, BaseModel):
            yield from getattr(base, attribute, {}).items()


def _hints_of(cls: type[Any], written: Iterable[Any]) -> Mapping[str, Any]:
    """The annotations of a mixin in the names of its own module, which the class that takes it in may lack.

    `written` are the bases as the class has them: `Mixin[int]` says what the type variables of a mixin stand for.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError:
        return {}
    alias = next((base for base in written if get_origin(base) is cls), cls)
    for one, arguments in _type_arguments(alias, {}).items():
        for name in get_annotations(one) if arguments else ():
            owner = next(base for base in cls.__mro__ if name in get_annotations(base))
            hints[name] = _substituted(hints[name], arguments) if owner is one else hints[name]
    return hints


def _type_arguments(base: Any, around: Mapping[Any, Any]) -> dict[type[Any], dict[Any, Any]]:
    """What the type variables of a generic class and of each of its bases stand for there."""
    cls = get_origin(base) or base
    said = (_substituted(one, around) for one in get_args(base))
    # A class that is named without any says nothing of its variables.
    own = dict(zip(getattr(cls, "__parameters__", ()), said, strict=False))
    found = {cls: own}
    for one in cls.__dict__.get("__orig_bases__", cls.__bases__):
        if (get_origin(one) or one) not in (Generic, object):
            found = {**_type_arguments(one, own), **found}
    return found


def _substituted(annotation: Any, arguments: Mapping[Any, Any]) -> Any:
    """The annotation with the type variables that stand for something replaced."""
    if isinstance(annotation, TypeVar):
        return arguments.get(annotation, annotation)
    variables = getattr(annotation, "__parameters__", ())
    if isinstance(annotation, type) or not variables or not all(isinstance(one, TypeVar) for one in variables):
        return annotation
    return annotation[tuple(arguments.get(one, one) for one in variables)]


def _annotations_of(namespace: dict[str, Any]) -> dict[str, Any]:
    # From Python 3.14 on a body holds a function that makes them.
    annotate = namespace.get("__annotate_func__") or namespace.get("__annotate__")
    if "__annotations__" in namespace or annotate is None:
        return dict(namespace.get("__annotations__", {}))
    annotationlib = import_module("annotationlib")
    return dict(annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF))


def _names(annotation: Any, what: str) -> bool:
    """Whether an annotation, as text too, is one of `dataclasses`' own marks."""
    if isinstance(annotation, str):
        return annotation.partition("[")[0].rpartition(".")[2] == what
    mark = getattr(dataclasses, what)
    return annotation is mark or (isinstance(mark, type) and isinstance(annotation, mark))


def _default_of(field: dataclasses.Field[Any]) -> dict[str, Any]:
    if field.default is not dataclasses.MISSING:
        return {"default": field.default}
    return {"default_factory": field.default_factory} if field.default_factory is not dataclasses.MISSING else {}


def as_pydantic_field(field: dataclasses.Field[Any], **known: Any) -> Any:
    """`dataclasses.field(default, metadata={"help": ...})`, as thousands of scripts write it, for pydantic."""
    info: FieldInfo = Field(description=field.metadata.get("help"), **(_default_of(field) or known))
    return declare(info, field.metadata)


def names_in_scope(frame: FrameType) -> dict[str, Any]:
    """The names of the function that a class is written in, for annotations that are text; of a module, none."""
    return dict(frame.f_locals) if frame.f_code.co_name != "<module>" and "__module__" not in frame.f_locals else {}


def redefined(cls: type[Any], annotated: Mapping[str, Any], before: Mapping[str, FieldInfo]) -> dict[str, FieldInfo]:
    """The fields of a class that its body declares, as they are meant.

    A setting with a new default (`optim: str = "adamw_torch"`) stays the setting it is, with its choices and bounds;
    one that says None of a type without it (`revision: str = None`) may be None.
    """
    found = {}
    for name in annotated:
        info = cls.__pydantic_fields__.get(name)
        if info is None or not info._complete:
            continue
        base = before.get(name)
        if base is not None and _says_less(info, base):
            info = _with_new_default(info, base)
        if info.default is None and not info.is_required() and not _takes_none(info):
            info = _rebuilt(info, _typed(info) | None, _declared(info))
        if (reader := reader_of(info.annotation)) is not None:
            info = copy.copy(info)
            info.metadata = [*info.metadata, reader]
        if info is not cls.__pydantic_fields__[name]:
            found[name] = info
    return found


def _says_less(new: FieldInfo, base: FieldInfo) -> bool:
    """Whether a new annotation is a plain type that the setting takes anyway: it only says a default."""
    if len(_declared(new)) < len(new.metadata) or _chooses(new.annotation):
        return False
    said, known = kind_of_field(new), kind_of_field(base)
    if said.other or said.secret or said.mapping or known.other:
        return False
    scalars = ("boolean", "integer", "number", "text")
    fits = all(not getattr(said, one) or _holds(known, one) for one in scalars)
    return fits and (said.items is None or known.items is not None)


def _chooses(annotation: Any) -> bool:
    kind = kind_of_field(FieldInfo.from_annotation(annotation))
    return bool(kind.choices)


def _holds(kind: Kind, scalar: str) -> bool:
    if scalar == "text":
        return kind.text or kind.secret or any(isinstance(one, str) for one in kind.choices)
    if scalar == "number":
        return kind.number or kind.integer
    return bool(getattr(kind, scalar))


def _with_new_default(new: FieldInfo, base: FieldInfo) -> FieldInfo:
    annotation = _typed(base)
    if kind_of_field(new).null and not kind_of_field(base).null:
        annotation = annotation | None
    info = _rebuilt(new, annotation, _declared(new) or _declared(base))
    default = info.default
    if isinstance(default, float) and default.is_integer() and kind_of_field(base).integer:
        info.default = int(default)
    info.description = new.description or base.description
    info.examples = new.examples or base.examples
    info.validate_default = not info.is_required()
    return info


def _typed(info: FieldInfo) -> Any:
    """The annotation of a field with its constraints."""
    constraints = [item for item in info.metadata if not isinstance(item, Declared)]
    return Annotated[info.annotation, *constraints] if constraints else info.annotation


def _takes_none(info: FieldInfo) -> bool:
    kind = kind_of_field(info)
    return kind.null or kind.other


def _rebuilt(info: FieldInfo, annotation: Any, declared: list[Any]) -> FieldInfo:
    """The field with another annotation, which says all its constraints, and what was declared about it."""
    bare = copy.copy(info)
    bare.metadata = declared
    return FieldInfo.from_annotated_attribute(annotation, bare)


def _declared(info: FieldInfo) -> list[Any]:
    return [item for item in info.metadata if isinstance(item, Declared)]
