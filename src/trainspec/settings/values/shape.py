"""Shape: what a settings class, a pydantic model or a dataclass is made of, worked out once and asked everywhere."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from inspect import get_annotations
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from trainspec.settings.values.class_body import as_pydantic_field
from trainspec.settings.values.declared import declared_in
from trainspec.settings.values.kinds import NULL_IS_UNSAID, Kind, kind_of_field
from trainspec.settings.values.lazy import FIRST_USE
from trainspec.settings.values.secret_types import holds_secret, is_secret, sole_model, type_of
from trainspec.text.odd_texts import is_suspect

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.rules.compilation import Judge
    from trainspec.settings.rules.rule import Rule

INTERVALS = ("logging_steps", "eval_steps", "save_steps")
"""The settings of which a whole number is a count of updates, whatever type it has."""
FILES = ("fsdp_config", "deepspeed", "accelerator_config")
"""The settings that may name a file in place of what it says."""
ARGUMENTS = {"lr_scheduler_kwargs": ("lr_scheduler_type", "SCH"), "optim_args": ("optim", "OPT")}
"""The settings whose keys another one chooses, with that one and the family of their codes."""

KEPT_AS = "__trainspec_shape__"
"""Where a class keeps its shape: on itself, so that the two live and die together."""
_VALIDATOR = "__pydantic_validator__"


@dataclass(frozen=True, eq=False, repr=False)
class Shape:
    """The fields of a model with the kinds of value they take, which are secret, and the rules they obey together."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Nothing: who pickles a script's class with all that is on it, as data sets do to know it again, wants none
        of this, and it is found out anew.
        """
        return type(None), ()

    model: type[Any]
    judge_model: type[BaseModel]
    fields: Mapping[str, FieldInfo]
    kinds: Mapping[str, Kind]
    secrets: frozenset[str]
    aliases: Mapping[str, str]
    rules: tuple[Rule, ...]
    lenient: frozenset[str]
    """The fields with a number or a boolean that pydantic would take from another type."""
    resolvable: frozenset[str]
    """The fields that mean more than their own text says."""
    validator: Any
    """What pydantic validates with, or puts off building, while the class is as described."""
    waits: bool = False
    """Whether the class is still to be built, which will change nothing described here."""

    @property
    def settings(self) -> type[Settings] | None:
        """The model, where it is a settings class of ours."""
        from trainspec.settings.base import Settings

        return self.model if issubclass(self.model, Settings) else None

    @property
    def name(self) -> str:
        return self.model.__name__

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """Other names of fields in sources, as `Field(validation_alias=...)` gives them, with the field of each."""
        pairs = ((alias, name) for name, info in self.fields.items() for alias in _names_in(info.validation_alias))
        return MappingProxyType(dict(pairs))

    @cached_property
    def is_plainly_named(self) -> bool:
        """Whether variables are told by the names of fields alone, in small letters."""
        from pydantic_settings import NoDecode

        infos = self.fields.values()
        small = all(name == name.lower() for name in self.fields)
        return small and not self.spellings and not any(one is NoDecode for info in infos for one in info.metadata)

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The default of every field, made when first asked for."""
        fields = self.fields.items()
        return MappingProxyType({name: info.get_default(call_default_factory=True) for name, info in fields})

    @cached_property
    def judge(self) -> Judge:
        """All rules of the class as one function, compiled when first needed."""
        from trainspec.settings.rules.compilation import compile_rules

        return compile_rules(self.rules, self.defaults)

    @cached_property
    def more_to_do(self) -> frozenset[str]:
        """The fields that need more than validation: a secret may be the placeholder of a dump, which is none, and a
        text for a mapping JSON.
        """
        both = {name for name, kind in self.kinds.items() if kind.mapping and (kind.text or kind.other)}
        return self.resolvable | self.secrets | both

    @cached_property
    def texts(self) -> frozenset[str]:
        """The fields that may hold a text, at any depth."""
        return frozenset(name for name, kind in self.kinds.items() if kind.holds_text)

    @cached_property
    def as_they_are(self) -> Mapping[type, frozenset[str]]:
        """By the type of a value, the fields for which a document's value, without blanks around it, is as it stands.

        A number may be a secret's, a float a whole number's or the share of warmup_steps, a text a mapping's.
        """
        numbers = frozenset(self.fields) - self.secrets
        others = numbers - {"warmup_steps"}
        floats = frozenset(name for name in others if not self.kinds[name].integer)
        texts = frozenset(name for name in others if not self.kinds[name].mapping)
        return MappingProxyType({int: numbers, bool: numbers, float: floats, str: texts})

    @cached_property
    def _stand(self) -> frozenset[tuple[str, type]]:
        return frozenset((name, kind) for kind, names in self.as_they_are.items() for name in names)

    def stands(self, document: Mapping[str, Any]) -> bool:
        """Whether all values of a document are as they stand: most are, and are found so by sets alone."""
        if not self._stand.issuperset(zip(document, map(type, document.values()), strict=True)):
            return False
        texts = [value for value in document.values() if type(value) is str]
        return texts == [*map(str.strip, texts)]

    @cached_property
    def of_ours(self) -> frozenset[str]:
        """The fields that a class of ours declared first, whatever a subclass of a user's makes of them."""
        bases = (base for base in self.model.__mro__ if base.__module__.startswith("trainspec."))
        return frozenset(name for base in bases for name in base.__dict__.get("__pydantic_fields__", ()))

    def is_suspect(self, values: Mapping[str, Any], said: Set[str]) -> bool:
        """Whether a text among what was said is perhaps not what its author meant."""
        return any(is_suspect(values[name]) for name in said & self.texts)

    def is_secret(self, path: tuple[str, ...]) -> bool:
        """Whether what stands at `path` is a secret by its type, or lies in one."""
        if path[0] in self.secrets or path[0] not in self.fields:
            return path[0] in self.secrets
        model = sole_model(type_of(self.fields[path[0]]))
        return len(path) > 1 and model is not None and shape_of(model).is_secret(path[1:])

    def conceals(self, path: tuple[str, ...]) -> bool:
        """Whether what a source says at `path` may be a secret, lie in one, or have one in it."""
        if path[0] in self.secrets:
            return True
        # A name that is no field may be the alias of one.
        annotation = type_of(self.fields[path[0]]) if path[0] in self.fields else self.judge_model
        if not holds_secret(annotation):
            return False
        model = sole_model(annotation)
        return len(path) == 1 or model is None or shape_of(model).conceals(path[1:])


def shape_of(model: type[Any]) -> Shape:
    """The shape of a settings class, pydantic model or dataclass. Raises TypeError for anything else.

    It holds for this very class, until the class is rebuilt.
    """
    if not isinstance(model, type):
        raise TypeError(f"{model!r} is no class")
    kept: Shape | None = model.__dict__.get(KEPT_AS)
    if kept is not None and kept.validator is model.__dict__.get(_VALIDATOR) and kept.model is model:
        return kept
    with FIRST_USE:
        shape = _brought_up_to_date(model)
        type.__setattr__(model, KEPT_AS, shape)
        return shape


def _brought_up_to_date(model: type[Any]) -> Shape:
    validator = model.__dict__.get(_VALIDATOR)
    kept: Shape | None = model.__dict__.get(KEPT_AS)
    if kept is not None and kept.model is model:
        if kept.validator is validator:
            return kept
        if kept.waits:
            return dataclasses.replace(kept, validator=validator, waits=_waits(model))
    return _describe(model, validator)


def _waits(model: type[Any]) -> bool:
    """Whether pydantic put off building a model of which it knows every name already."""
    is_model = issubclass(model, BaseModel)
    return is_model and not model.__pydantic_complete__ and bool(model.__pydantic_fields_complete__)


def _describe(model: type[Any], validator: Any) -> Shape:
    judge_model = model
    if not issubclass(model, BaseModel) and (dataclasses.is_dataclass(model) or is_typeddict(model)):
        judge_model = _model_of(model)
    if not issubclass(judge_model, BaseModel):
        raise TypeError(f"{model!r} is neither a settings class nor a pydantic model or dataclass")
    fields = judge_model.__pydantic_fields__
    kinds = {name: kind_of_field(info) for name, info in fields.items()}
    for name in INTERVALS if hasattr(judge_model, "env_prefix") else ():
        if name in kinds:
            kinds[name].interval = True
    return Shape(
        model=model,
        judge_model=judge_model,
        fields=fields,
        kinds=MappingProxyType(kinds),
        secrets=frozenset(name for name, info in fields.items() if is_secret(info.annotation)),
        aliases=MappingProxyType(_aliases(fields)),
        rules=_rules(model),
        lenient=frozenset(name for name, kind in kinds.items() if kind.lenient),
        resolvable=frozenset((*FILES, *ARGUMENTS)) & fields.keys(),
        validator=validator,
        waits=_waits(model),
    )


def _names_in(alias: Any) -> tuple[str, ...]:
    """The names that an alias of pydantic's stands for; a path into a value is none."""
    choices = getattr(alias, "choices", (alias,))
    return tuple(one for one in choices if isinstance(one, str))


def _rules(model: type[Any]) -> tuple[Rule, ...]:
    """Those that the bases declare, then the class's own."""
    found = {rule.code: rule for base in reversed(model.__mro__) for rule in base.__dict__.get("own_rules", ())}
    return tuple(found.values())


def _aliases(fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Other spellings of flags, as HfArgumentParser's `metadata={"aliases": ["-e"]}` has them."""
    found: dict[str, str] = {}
    for name, info in fields.items():
        declared = declared_in(info.metadata)
        aliases = declared.metadata.get("aliases", ()) if declared is not None else ()
        for alias in (aliases,) if isinstance(aliases, str) else aliases:
            found[alias] = name
    return found


def _model_of(cls: type[Any]) -> type[BaseModel]:
    """A pydantic model that judges what a dataclass or a typed dict is to be made of."""
    hints = hints_of(cls)
    fields: dict[str, Any] = {}
    if is_typeddict(cls):
        fields = {name: (hint, ... if name in cls.__required_keys__ else None) for name, hint in hints.items()}
    for one in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        if one.init and not one.name.startswith("_"):
            # HfArgumentParser takes a switch without a default as off.
            off = {"default": False} if hints[one.name] is bool else {}
            default = one.default.default if isinstance(one.default, FieldInfo) else one.default
            optional = default is None and not kind_of_field(FieldInfo.from_annotation(hints[one.name])).null
            hint = Annotated[hints[one.name] | None, NULL_IS_UNSAID] if optional else hints[one.name]
            fields[one.name] = (hint, as_pydantic_field(one, **off))
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    judge_model: type[BaseModel] = create_model(cls.__name__, __config__=config, __doc__=cls.__doc__, **fields)
    return judge_model


def hints_of(cls: type[Any]) -> dict[str, Any]:
    """The annotations of a class, evaluated; one that names what only a function knew may be anything."""
    bare = is_typeddict(cls)
    try:
        return get_type_hints(cls, include_extras=not bare)
    except NameError:
        return {
            name: _evaluated(cls, hint)
            for base in reversed(cls.__mro__)
            for name, hint in get_annotations(base).items()
        }


def _evaluated(cls: type[Any], hint: Any) -> Any:
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, vars(sys.modules[cls.__module__]))
    except NameError:
        return Any


def keys_of(kind: Kind | None) -> Mapping[str, Kind] | None:
    """The keys of a mapping with known keys, and what each takes; of several classes, those of all. None for others."""
    if kind is None or (kind.lazy is None and not kind.classes):
        return None
    if len(kind.classes) < 2:
        return shape_of(kind.section or kind.classes[0]).kinds
    return {name: inner for cls in reversed(kind.classes) for name, inner in shape_of(cls).kinds.items()}
