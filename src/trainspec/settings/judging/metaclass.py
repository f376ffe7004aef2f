"""How settings classes are made: of ours plainly, of people's in the idioms that they write them in."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import get_annotations
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from trainspec.settings.judging.frozen import made_hashable
from trainspec.settings.rules.rule import Rule
from trainspec.settings.sources.customised.options import refuse_what_cannot_hold
from trainspec.settings.sources.embedding.decoding import leave_lists_to_us
from trainspec.settings.values.class_body import GENERATED, ClassBody, names_in_scope, redefined
from trainspec.settings.values.dataclass_face import DataclassFields, read_from_class


# Also a protocol's, so that a settings class can say which protocol it fills.
class SettingsMeta(type(BaseModel), type(Protocol)):  # type: ignore[misc]
    """Lets `@dataclass` be written above a settings class, and gathers the rules declared in its body."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> type:
        if not is_ours(namespace):
            return mcs._of_a_person(name, bases, namespace, kwargs)
        return mcs._make(name, bases, namespace, kwargs)

    @classmethod
    def _of_a_person(
        mcs,  # noqa: N804 - of a metaclass
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        kwargs: dict[str, Any],
    ) -> type:
        """A class that a person wrote, maybe in the dataclass idiom."""
        _take_configuration_of_mixins(bases, namespace, kwargs)
        body = ClassBody(name, bases, namespace)
        body.make_ready()
        scope = names_in_scope(sys._getframe(2))
        if scope and kwargs.get("__pydantic_reset_parent_namespace__", True):
            namespace["__pydantic_parent_namespace__"] = scope
            kwargs["__pydantic_reset_parent_namespace__"] = False
        # `@dataclass` walks the class's attributes, which a validator built only then would change.
        put_off = kwargs.pop("defer_build", namespace.get("model_config", {}).get("defer_build", False))
        with body.without_advice():
            cls = mcs._make(name, bases, namespace, {**kwargs, "defer_build": True})
        body.cover_mixins(cls)
        # On each class itself, where those of a mixin cannot come before.
        type.__setattr__(cls, "__dataclass_fields__", DataclassFields())
        type.__setattr__(cls, "__attributes__", body.attributes)
        type.__setattr__(cls, "__init_only__", body.init_only)
        if changed := redefined(cls, get_annotations(cls), _fields_before(cls)):
            cls.__pydantic_fields__.update(changed)  # type: ignore[attr-defined]
        cls.model_config["defer_build"] = put_off  # type: ignore[attr-defined]
        if not put_off:
            cls.model_rebuild(force=True, raise_errors=False, _parent_namespace_depth=3)  # type: ignore[attr-defined]
        return cls

    @classmethod
    def _make(
        mcs,  # noqa: N804 - of a metaclass
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        kwargs: dict[str, Any],
    ) -> type:
        prefix = _prefix_said(name, namespace, kwargs)
        rules = tuple(value for value in namespace.values() if isinstance(value, Rule))
        cls: type = super().__new__(mcs, name, bases, namespace, **kwargs)
        _agree_on_prefix(cls, prefix)
        leave_lists_to_us(cls.__dict__.get("__pydantic_fields__", {}))
        _take_names_beside_aliases(cls)
        refuse_what_cannot_hold(cls, _configured(namespace), kwargs)
        if "__hash__" not in namespace or namespace["__hash__"] is None:
            made_hashable(cls)
        type.__setattr__(cls, "own_rules", (*namespace.get("own_rules", ()), *rules))
        # `@dataclass` adds only the methods that the class itself lacks, so each class gets its own.
        for method in GENERATED:
            if method not in cls.__dict__:
                type.__setattr__(cls, method, getattr(cls, method))
        return cls

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            """The default of a setting, which is read from the class as from a dataclass."""
            return read_from_class(cls, name)

        def __setattr__(cls, name: str, value: Any) -> None:
            # What `@dataclass` notes of the fields would know no help and no constraint.
            if name != "__dataclass_fields__":
                super().__setattr__(name, value)

        def __delattr__(cls, name: str) -> None:
            # `@dataclass` takes away what it was told of a factory, which never stood there.
            own = cls.__dict__
            told = own.get("__pydantic_fields__", {}).keys() | own.get("__private_attributes__", {}).keys()
            if name in own or name not in told:
                super().__delattr__(name)

        @property
        def env_prefix(cls) -> str:
            """What the names of a class's variables begin with: the one in its configuration, however it was said."""
            return cls.model_config["env_prefix"]

        @env_prefix.setter
        def env_prefix(cls, prefix: str) -> None:
            cls.model_config["env_prefix"] = prefix


def is_ours(namespace: Mapping[str, Any]) -> bool:
    return str(namespace.get("__module__", "")).startswith("trainspec.")


def _fields_before(cls: Any) -> dict[str, FieldInfo]:
    """The fields of the bases, as the class took them over where its body says nothing of them."""
    found: dict[str, FieldInfo] = {}
    for base in reversed(cls.__bases__):
        found |= getattr(base, "__pydantic_fields__", {})
    return found


def _take_configuration_of_mixins(
    bases: tuple[type, ...], namespace: dict[str, Any], arguments: dict[str, Any]
) -> None:
    """Of several bases with a configuration, each counts with what it says itself, the first one most.

    pydantic would take the last one's whole, with all that it only has by default.
    """
    several = [base for base in bases if issubclass(base, BaseModel)]
    if len(several) < 2:
        return
    from trainspec.settings.base import Settings

    merged: dict[str, Any] = dict(Settings.model_config)
    for base in reversed(several):
        root: Any = next(one for one in (Settings, BaseSettings, BaseModel) if issubclass(base, one))
        usual: dict[str, Any] = dict(root.model_config)
        said: dict[str, Any] = dict(base.model_config)
        merged |= {name: value for name, value in said.items() if name not in usual or usual[name] != value}
    own = _configured(namespace)
    if "env_prefix" in namespace or "env_prefix" in arguments:
        del merged["env_prefix"]
    namespace.pop("Config", None)
    namespace["model_config"] = {**merged, **own}


def _configured(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a class's body says of its configuration, in pydantic's first way too."""
    said: Mapping[str, Any] | None = namespace.get("model_config")
    if said is not None:
        return said
    older = namespace.get("Config")
    if not isinstance(older, type):
        return {}
    return {name: getattr(older, name) for name in dir(older) if not name.startswith("__")}


def _prefix_said(name: str, namespace: dict[str, Any], arguments: dict[str, Any]) -> str | None:
    """The prefix that a class's body or arguments say; from then on its attribute too, which instances show."""
    said = [
        namespace.get("env_prefix"),
        _configured(namespace).get("env_prefix"),
        arguments.get("env_prefix"),
    ]
    prefixes = list(dict.fromkeys(one for one in said if isinstance(one, str)))
    if len(prefixes) > 1:
        raise TypeError(f"{name} says env_prefix twice: {' and '.join(map(repr, prefixes))}; keep one")
    if prefixes:
        namespace["env_prefix"] = prefixes[0]
    return prefixes[0] if prefixes else None


def _take_names_beside_aliases(cls: Any) -> None:
    """Sources give settings by name; only a class with aliases pays for looking up both."""
    aliased = any(info.validation_alias is not None for info in getattr(cls, "__pydantic_fields__", {}).values())
    if aliased and not cls.model_config.get("validate_by_name"):
        cls.model_config["validate_by_name"] = cls.model_config["validate_by_alias"] = True
        if cls.__pydantic_complete__:
            cls.model_rebuild(force=True)


def _agree_on_prefix(cls: type, said: str | None) -> None:
    nearest = (base.__dict__.get("env_prefix") for base in cls.__mro__)
    prefix = said if said is not None else next((one for one in nearest if isinstance(one, str)), None)
    if prefix is not None:
        cls.model_config["env_prefix"] = prefix  # type: ignore[attr-defined]
