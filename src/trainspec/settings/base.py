"""Settings: a pydantic model whose documents, sources, rules and assignments all go through one judgement."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.judging.after_init import nothing_more
from trainspec.settings.judging.frozen import refuse_changes
from trainspec.settings.judging.judgement import Context, judge
from trainspec.settings.judging.metaclass import SettingsMeta, is_ours
from trainspec.settings.judging.pydantic_errors import no_json
from trainspec.settings.judging.surroundings import PURE, context_inside, context_of, is_default
from trainspec.settings.judging.ways_in import (
    changed,
    check_document,
    judge_default,
    judge_process,
    said_of_all,
    settings_from_document,
    settings_from_documents,
)
from trainspec.settings.rules.rule import Rule
from trainspec.settings.sources.customised.options import TIME_LIMIT
from trainspec.settings.values.dataclass_face import (
    PARAMETERS,
    REPLACED,
    DataclassFields,
    gives_all,
    refuse_near_miss,
    replacing,
)
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.lazy import BuiltOnce
from trainspec.settings.values.masking import apart_from_secrets, without_secrets
from trainspec.settings.values.representation import represented
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    from trainspec.settings.judging.judgement import Verdict
    from trainspec.settings.sources.files import File
    from trainspec.settings.sources.layer import Origin
    from trainspec.settings.views.provenance import Provenance


_OWN_ATTRIBUTES = "a subclass of yours may keep attributes that are no settings"


if TYPE_CHECKING:
    # Type checkers know how pydantic's own metaclass makes constructors, and ours changes nothing of that.
    class _Model(BaseSettings):
        """No alias, which pydantic's mypy plugin would overlook."""
else:
    _Model = SettingsMeta("_Model", (BaseSettings,), {"__module__": __name__}, defer_build=True)


class Settings(BuiltOnce, _Model):
    """The base of typed settings: subclass it, add fields and rules, and every source works."""

    model_config = SettingsConfigDict(
        env_prefix="TRAINSPEC_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        validate_default=False,
        allow_inf_nan=False,
        str_strip_whitespace=True,
        defer_build=True,
        protected_namespaces=(),
        ignored_types=(Rule,),
    )
    __slots__ = ("_origin",)

    env_prefix: ClassVar[str] = "TRAINSPEC_"
    positional: ClassVar[tuple[str, ...]] = ()
    source_timeout: ClassVar[float] = TIME_LIMIT
    own_rules: ClassVar[tuple[Rule, ...]] = ()
    __trainspec_shape__: ClassVar[Any] = None

    # The face of a dataclass, with every setting a field.
    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    else:
        __dataclass_fields__ = DataclassFields()
        __dataclass_params__ = PARAMETERS
    __attributes__: ClassVar[Mapping[str, dataclasses.Field[Any]]] = {}
    __init_only__: ClassVar[Mapping[str, dataclasses.Field[Any]]] = {}

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            """Settings of this process: the arguments, over TRAINSPEC_* variables and the files that those name.

            As `default_factory` of another model's field it reads nothing: what is inside a document is part of it.
            Raises pydantic's ValidationError with every fault found, each with its code as the error's type.
            """
            if not (args or kwargs) and is_default(self, sys._getframe(1)):
                judge_default(self)
                return
            named, cls = self._named(args, kwargs), type(self)
            if cls.__init_only__ or len(named) >= len(cls.__pydantic_fields__):
                self._made_as_dataclass(named)
            else:
                judge_process(self, named)

        __init__.__pydantic_base_init__ = True

    @classmethod
    def _named(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if len(args) > len(cls.positional):
            raise TypeError(f"{cls.__name__}() takes {len(cls.positional)} positional arguments, {len(args)} given")
        named = dict(zip(cls.positional, args, strict=False))
        twice = named.keys() & kwargs.keys()
        if twice:
            raise TypeError(f"{cls.__name__}() got multiple values for argument {sorted(twice)[0]!r}")
        return {**named, **kwargs}

    def _made_as_dataclass(self, named: dict[str, Any]) -> None:
        """A call with init-only arguments, or with every setting there is, as parsers and `dataclasses.replace` do."""
        cls = type(self)
        given = {name: named.pop(name) for name in cls.__init_only__ if name in named}
        if (old := named.pop(REPLACED, None)) is None:
            judge_process(self, said_of_all(cls, named) if gives_all(cls, named) else named, given)
            return
        new = changed(old, replacing(old, named), SourceKind.CONSTRUCTOR, given)
        for slot in (*BaseModel.__slots__, "_origin"):
            object.__setattr__(self, slot, getattr(new, slot))

    @property
    def _replaced(self) -> Self:
        """What `dataclasses.replace` hands to the constructor beside every value."""
        return self

    __post_init__ = nothing_more

    @classmethod
    def _settings_init_sources(cls, *, _init_kwargs: dict[str, Any] | None = None, **said: Any) -> Any:  # type: ignore[override]
        """What pydantic-settings' CliApp asks for before it makes the settings."""
        from trainspec.settings.sources.customised.ordered import sources_for

        return sources_for(cls, said, _init_kwargs or {})

    @model_validator(mode="wrap")
    @classmethod
    def _judged(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(data, cls):
            return data
        context = info.context
        if context is None:
            if (caller := sys._getframe(1)).f_code in PURE:
                return judge(cls, data, handler, None)
            context = context_of(cls, data, info.mode, caller)
        elif isinstance(context, Context) and data is not context.values:
            context = context_inside(cls, data, context)
        return judge(cls, context.values if isinstance(context, Context) else data, handler, context)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        from trainspec.settings.views.schema.models import settings_schema

        return settings_schema(cls, schema, handler)

    # What a class knows of itself.

    @classmethod
    def field_kinds(cls) -> Mapping[str, Kind]:
        """What each field takes, by name."""
        return shape_of(cls).kinds

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """The fields that hold secrets: by type, whatever their name."""
        return shape_of(cls).secrets

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """Every rule of the class: those its bases declare, then its own."""
        return shape_of(cls).rules

    if not TYPE_CHECKING:

        @classmethod
        def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
            """As pydantic has it; of text that is no JSON, which may hold a secret, nothing is shown."""
            try:
                return super().model_validate_json(json_data, **options)
            except ValidationError as error:
                if any(line["type"] == "json_invalid" for line in error.errors(include_input=False)):
                    raise no_json(cls, error) from None
                raise

    # Documents: pure, whatever the process's environment.

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Settings from a parsed document alone. Raises ValidationError with every fault found."""
        settings: Self = cls.__pydantic_validator__.validate_python(document)
        return settings

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str = "document") -> Self:
        """Settings from JSON text alone. Raises ValidationError with every fault found."""
        return cls._from_text(text, "json", name)

    @classmethod
    def from_yaml(cls, text: str | bytes, *, name: str = "document") -> Self:
        """Settings from YAML 1.2 text alone. Raises ValidationError with every fault found."""
        return cls._from_text(text, "yaml", name)

    @classmethod
    def from_toml(cls, text: str | bytes, *, name: str = "document") -> Self:
        """Settings from TOML text alone. Raises ValidationError with every fault found."""
        return cls._from_text(text, "toml", name)

    @classmethod
    def from_file(cls, path: File, *, at: str | None = None, ignore_unknown: bool = False) -> Self:
        """Settings from one YAML, JSON or TOML file (path or fsspec URL) alone; `at` picks a dotted subtree."""
        from trainspec.settings.sources.files import read_several, read_with_faults

        return settings_from_documents(
            cls, lambda: read_several(path, at=at, read=read_with_faults), ignore_unknown=ignore_unknown
        )

    @classmethod
    def from_files(cls, paths: Iterable[File], *, at: str | None = None, ignore_unknown: bool = False) -> Self:
        """As `from_file`, of several: each is laid over those before it, mappings key by key, anything else whole."""
        from trainspec.settings.sources.files import read_several, read_with_faults

        return settings_from_documents(
            cls, lambda: read_several(paths, at=at, read=read_with_faults), ignore_unknown=ignore_unknown
        )

    @classmethod
    def _from_text(cls, text: str | bytes, format: str, name: str) -> Self:
        from trainspec.settings.sources.files import parse_document

        return settings_from_document(cls, lambda: parse_document(text, format, name))

    @classmethod
    def check(cls, document: Mapping[str, Any]) -> Verdict:
        """Judge a parsed document without raising or warning: settings (where valid) and all diagnostics."""
        return check_document(cls, document)

    # Views: what the user said, or everything with what follows from it.

    def to_dict(self, *, derived: bool = False, secrets: bool = False) -> dict[str, Any]:
        """A JSON-compatible dict: what the user said, or with `derived` every setting with the value that holds.

        Secrets are left out, unless `secrets` asks for them in plain text; of one that a model inside requires, the
        placeholder is written. `from_dict` of this form gives settings equal to these, which compare without secrets,
        where no setting of the class itself is a required secret and the type of each one inside takes the
        placeholder's text. What was not said stays unsaid.
        """
        from trainspec.settings.views.dumping import dump

        return dump(self, derived=derived, secrets=secrets)

    def to_json_string(self, *, derived: bool = False) -> str:
        """`to_dict` as JSON text, indented."""
        import json

        return json.dumps(self.to_dict(derived=derived), indent=2, ensure_ascii=False)

    def to_sanitized_dict(self) -> dict[str, bool | int | float | str]:
        """Every setting with the value that holds, as the scalars that trackers take; no secrets."""
        from trainspec.settings.views.dumping import sanitize

        return sanitize(self)

    @property
    def provenance(self) -> Provenance:
        """Where each value came from and what it overrode; redacted."""
        from trainspec.settings.views.provenance import Provenance

        return Provenance(self)

    @property
    def origin(self) -> Origin | None:
        """The layers of sources these settings were put together from, where they are known."""
        return getattr(self, "_origin", None)

    # Changes: all or nothing.

    def replace(self, **changes: Any) -> Self:
        """New validated settings with these changes; this object stays as it is. Raises ValidationError."""
        given = {name: changes.pop(name) for name in type(self).__init_only__ if name in changes}
        return changed(self, changes, SourceKind.CONSTRUCTOR, given)

    __replace__ = replace

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, and unlike pydantic's own one a valid one: an `update` is judged as by `replace`."""
        copy = self.__deepcopy__() if deep else self.__copy__()
        return changed(copy, dict(update), SourceKind.CONSTRUCTOR) if update else copy

    if not TYPE_CHECKING:  # a checker that sees it lets any name be assigned

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in type(self).__pydantic_fields__:
                self._set_other(name, value)
                return
            self._become({name: value})

    def _become(self, changes: dict[str, Any]) -> None:
        """Take on changes in place, all of them or (raising ValidationError) none."""
        refuse_changes(type(self), changes)
        new = changed(self, changes, SourceKind.ASSIGNMENT)
        for field in type(self).__pydantic_fields__:
            self.__dict__[field] = new.__dict__[field]
        object.__setattr__(self, "__pydantic_fields_set__", new.__pydantic_fields_set__)
        object.__setattr__(self, "_origin", new.origin)

    def _set_other(self, name: str, value: Any) -> None:
        cls = type(self)
        if name in cls.__attributes__:
            self.__dict__[name] = value
            return
        if name.startswith("_") or hasattr(cls, name):
            super().__setattr__(name, value)
            return
        if is_ours(cls.__dict__):
            from trainspec.text.suggestions import did_you_mean

            near = did_you_mean(name, cls.__pydantic_fields__)
            raise AttributeError(f"{cls.__name__} has no setting {name!r}; {near or _OWN_ATTRIBUTES}")
        if name not in self.__dict__:
            refuse_near_miss(cls, name)
        # What a class keeps for itself is no setting: not validated, written or compared.
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        if name in type(self).__pydantic_fields__:
            raise AttributeError(f"settings cannot be deleted; assign {name} its default instead")
        super().__delattr__(name)

    # Identity: what the user said. Secrets are credentials of a process, not part of what a run is.

    def _said(self) -> dict[str, Any]:
        secret = type(self).secret_fields()
        said = self.__pydantic_fields_set__ - secret
        return {name: apart_from_secrets(value) for name, value in self.__dict__.items() if name in said}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Settings):
            return NotImplemented
        return type(self) is type(other) and self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]

    def __repr_args__(self) -> Any:
        secret = type(self).secret_fields()
        for name in type(self).__pydantic_fields__:
            if name in self.__pydantic_fields_set__ and name not in secret:
                yield name, represented(name, without_secrets(self.__dict__[name]))

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        from trainspec.settings.views.html import settings_html

        return settings_html(self)

    def __getstate__(self) -> dict[Any, Any]:
        from trainspec.settings.views.dumping import state_without_secrets

        return state_without_secrets(self, super().__getstate__())

    def __setstate__(self, state: dict[Any, Any]) -> None:
        # Secrets are never in a pickle, so they are at their defaults again.
        stored, fields = state["__dict__"], type(self).__pydantic_fields__.items()
        missing = {name: info.get_default(call_default_factory=True) for name, info in fields if name not in stored}
        super().__setstate__({**state, "__dict__": {**stored, **missing}})
        object.__setattr__(self, "_origin", None)

    def __copy__(self) -> Self:
        return self._with_origin(super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self._with_origin(super().__deepcopy__(memo))

    def _with_origin(self, copy: Self) -> Self:
        object.__setattr__(copy, "_origin", self.origin)
        return copy


PURE.add(Settings.from_dict.__func__.__code__)  # type: ignore[attr-defined]
