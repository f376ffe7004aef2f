"""Settings as a dataclass: what `dataclasses.fields`, `replace` and `asdict` see, and what is read from the class.

`@dataclass` above a settings class finds an `__init__` there and leaves it; it only notes the fields. What it notes
would know no constraint and no help, so every settings class answers for its fields itself, from what pydantic knows.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic.fields import FieldInfo

from trainspec.settings.values.declared import declared_in

REPLACED = "_replaced"
"""The init-only argument by which `dataclasses.replace` hands the constructor the settings that it replaces."""
_UNSAID: dataclasses.Field[Any] = dataclasses.field(default=None)  # type: ignore[arg-type]
_KEPT_AS = "__trainspec_face__"


@dataclasses.dataclass
class _Plain:
    """Any dataclass: its parameters are those that settings show."""


PARAMETERS: Any = _Plain.__dataclass_params__  # type: ignore[attr-defined]


class DataclassFields:
    """The descriptor behind `__dataclass_fields__`: every setting of the class that is asked, made at the first use."""

    def __get__(self, settings: Any, owner: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        fields = owner.__dict__.get("__pydantic_fields__", {})
        kept = owner.__dict__.get(_KEPT_AS)
        if kept is None or kept[0] is not fields:
            kept = (fields, _faces(owner, fields))
            type.__setattr__(owner, _KEPT_AS, kept)
        return dict(kept[1])


def _faces(owner: type[Any], fields: Mapping[str, FieldInfo]) -> dict[str, dataclasses.Field[Any]]:
    found = {name: face_of(name, info) for name, info in fields.items()}
    found |= {name: _other(name, field, init=False) for name, field in owner.__attributes__.items()}
    found |= {name: _init_only(name, field) for name, field in owner.__init_only__.items()}
    found[REPLACED] = _init_only(REPLACED, _UNSAID)
    return found


def face_of(name: str, info: FieldInfo) -> dataclasses.Field[Any]:
    """A setting as a dataclass's field. By keyword only, so that its default asks none of those behind it."""
    declared = declared_in(info.metadata)
    metadata = dict(declared.metadata) if declared is not None else {}
    if info.description:
        metadata.setdefault("help", info.description)
    known: dict[str, Any] = {"metadata": metadata, "kw_only": True}
    if info.default_factory is not None:
        known["default_factory"] = lambda: info.get_default(call_default_factory=True)
    elif not info.is_required():
        value = info.default
        if value.__class__.__hash__ is None:
            known["default_factory"] = info.get_default
        else:
            known["default"] = value
    return _named(name, dataclasses.field(**known), info.annotation)


def _other(name: str, field: dataclasses.Field[Any], *, init: bool) -> dataclasses.Field[Any]:
    known = {key: getattr(field, key) for key in ("default", "default_factory", "metadata")}
    return _named(name, dataclasses.field(init=init, kw_only=True, **known), field.type)


def _named(name: str, field: dataclasses.Field[Any], annotation: Any, kind: str = "_FIELD") -> dataclasses.Field[Any]:
    field.name, field.type = name, annotation
    field._field_type = _kinds()[kind]  # type: ignore[attr-defined]
    return field


def _init_only(name: str, field: dataclasses.Field[Any]) -> dataclasses.Field[Any]:
    return _named(name, _other(name, field, init=True), field.type or Any, "_FIELD_INITVAR")


@cache
def _kinds() -> Mapping[str, Any]:
    """The marks by which `dataclasses` tells fields from init-only arguments, as it puts them itself."""

    @dataclasses.dataclass
    class Sample:
        field: int
        argument: dataclasses.InitVar[int]

    marks = {name: one._field_type for name, one in Sample.__dataclass_fields__.items()}  # type: ignore[attr-defined]
    return MappingProxyType({"_FIELD": marks["field"], "_FIELD_INITVAR": marks["argument"]})


def is_init_only(field: dataclasses.Field[Any]) -> bool:
    """Whether a field is an argument of `__post_init__` and no more."""
    return getattr(field, "_field_type", None) is _kinds()["_FIELD_INITVAR"]


def is_field(field: dataclasses.Field[Any]) -> bool:
    """Whether a field is one, and neither a class variable nor init-only."""
    return getattr(field, "_field_type", None) is _kinds()["_FIELD"]


def read_from_class(cls: type[Any], name: str) -> Any:
    """The default of a setting, as `TrainingArguments.learning_rate` reads it. Raises AttributeError for none."""
    asked_by_dataclass = sys._getframe(2).f_globals.get("__name__") == "dataclasses"
    private = cls.__dict__.get("__private_attributes__", {})
    if name in private:
        return dataclasses.field(init=False, default=None) if asked_by_dataclass else private[name]
    # While pydantic collects the fields of a class it has none of its own, and must not find those of its bases.
    info: FieldInfo | None = cls.__dict__.get("__pydantic_fields__", {}).get(name)
    if info is None or info.is_required():
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
    if info.default_factory is not None and asked_by_dataclass:
        # `@dataclass` refuses a list as a default; it asks what the class's body said.
        return face_of(name, info)
    return info.get_default(call_default_factory=True)


def refuse_near_miss(cls: type[Any], name: str) -> None:
    """Raise AttributeError for an attribute that is a setting's name with a slip in it."""
    from difflib import get_close_matches

    near = get_close_matches(name, cls.__pydantic_fields__, n=1, cutoff=0.85)
    if near:
        meant = f"an attribute of your own by this name is declared: {name}: Any = field(init=False)"
        raise AttributeError(f"{cls.__name__} has no setting {name!r}; did you mean {near[0]}? ({meant})")


def replacing(settings: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What `dataclasses.replace` changes: it passes on everything else as it is read."""
    return {name: value for name, value in arguments.items() if not is_read(settings, name, value)}


def is_read(settings: Any, name: str, value: Any) -> bool:
    """Whether a setting reads as this value already."""
    if name not in type(settings).__pydantic_fields__:
        return False
    held = getattr(settings, name)
    return bool(value is held or _same(value, held))


def gives_all(cls: type[Any], arguments: dict[str, Any]) -> bool:
    """Whether a call gives every setting there is, as parsers do and `**asdict(...)`."""
    return bool(cls.__pydantic_fields__.keys() <= arguments.keys())


def without_defaults(cls: type[Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that differ from the defaults: all that a call that gives everything says."""
    fields = cls.__pydantic_fields__
    return {
        name: value for name, value in arguments.items() if name not in fields or not _is_default(fields[name], value)
    }


def _is_default(info: FieldInfo, value: Any) -> bool:
    return not info.is_required() and _same(value, info.get_default(call_default_factory=True))


def _same(one: Any, other: Any) -> bool:
    one, other = _bare(one), _bare(other)
    return type(one) is type(other) and bool(one == other)


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value.value if isinstance(value, Enum) else value
