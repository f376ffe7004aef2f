"""What a model looks like to sources, parser and help: a settings class of ours, a pydantic model, or a dataclass."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo

from trainspec.settings.base import Settings
from trainspec.settings.diagnostics import Diagnostic, Evidence, errors_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.judging.pydantic_errors import diagnose
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.command_line import FlagValues, Use
from trainspec.settings.sources.layer import Layer, Locate, Origin, merge
from trainspec.settings.sources.reading import SPELLINGS, Reading
from trainspec.settings.values.coercion import Manner, coerce
from trainspec.settings.values.kinds import Kind, kind_of_field
from trainspec.text.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of a model with the kinds of value they take; `judge` makes an instance of what sources say."""

    model: type[Any]
    fields: Mapping[str, FieldInfo]
    kinds: Mapping[str, Kind]
    secrets: frozenset[str]
    aliases: Mapping[str, str]
    judge_model: type[BaseModel]

    @property
    def settings(self) -> type[Settings] | None:
        """The model, where it is a settings class of ours."""
        return self.model if issubclass(self.model, Settings) else None

    @property
    def name(self) -> str:
        return self.model.__name__

    def read(
        self, raw: Mapping[Any, Any], kind: SourceKind, manner: Manner, locate: Locate, prefix: str = ""
    ) -> tuple[Layer, list[Diagnostic]]:
        """What a source says about this model, and the names in it that the model does not have."""
        if self.settings is not None:
            reading = Reading(self.settings, kind, manner, locate, prefix)
            return reading.read(raw), reading.diagnostics
        known = {name: coerce(self.kinds[name], value, manner) for name, value in raw.items() if name in self.kinds}
        layer = Layer(kind, known, locate)
        unknown = (str(name) for name in raw if name not in self.kinds)
        return layer, [unknown_name(name, self.kinds, layer, prefix) for name in unknown]

    def read_flags(self, uses: Iterable[Use]) -> tuple[Layer, list[Diagnostic]]:
        """What flags that were cut already say about this model."""
        said = FlagValues(self.kinds)
        for use in uses:
            said.take(use)
        layer, found = self.read(said.values, SourceKind.FLAG, Manner.STRINGS, said.locate)
        return layer, [*said.diagnostics, *found]

    def judge(self, layers: Iterable[Layer], diagnostics: Iterable[Diagnostic]) -> Verdict:
        """An instance from sources that were read, weakest first, without raising or warning."""
        sources, found = list(layers), list(diagnostics)
        if self.settings is not None:
            return from_layers(self.settings, sources, found, quiet=True)
        locate = Origin(tuple(sources)).source
        extra: Literal["forbid"] | None = None if self.judge_model.model_config.get("extra") == "allow" else "forbid"
        values = merge(tuple(sources), found)
        try:
            judged = self.judge_model.model_validate(values, extra=extra, by_alias=True, by_name=True)
        except ValidationError as error:
            return Verdict(None, [*found, *diagnose(error, self.kinds, locate, secrets=self.secrets)])
        if errors_of(found):
            return Verdict(None, found)
        if self.judge_model is self.model:
            return Verdict(judged, found)
        try:
            said = {name: getattr(judged, name) for name in judged.model_fields_set}
            return Verdict(self.model(**said), found)
        except (ValueError, TypeError) as error:
            return Verdict(None, [*found, Diagnostic("VAL106", CODES["VAL106"].name, "error", f"{self.name}: {error}")])


def unknown_name(name: str, names: Iterable[str], layer: Layer, prefix: str = "") -> Diagnostic:
    """A name in a source that its model does not have; the value may be anything and is never shown."""
    spelling = SPELLINGS[layer.kind]
    why, source = CODES[spelling.code], layer.locate((name,))
    written = source.name if prefix else name
    right = (f"{prefix}{item}".upper() if prefix else item for item in names)
    remedy = did_you_mean(f"{prefix}{name}", right) or why.fix
    return Diagnostic(
        spelling.code,
        why.name,
        "error",
        f"{written} matches no setting",
        why.reason,
        remedy,
        (Evidence(name, None, source),),
    )


def shape_of(model: type[Any]) -> Shape:
    """The shape of a settings class, pydantic model or dataclass. Raises TypeError for anything else."""
    if isinstance(model, type) and issubclass(model, Settings):
        fields = model.__pydantic_fields__
        return Shape(model, fields, model.field_kinds(), model.secret_fields(), _aliases(model), model)
    judge_model = model
    if isinstance(model, type) and not issubclass(model, BaseModel) and dataclasses.is_dataclass(model):
        judge_model = _model_of(model)
    if not (isinstance(judge_model, type) and issubclass(judge_model, BaseModel)):
        raise TypeError(f"{model!r} is neither a settings class nor a pydantic model or dataclass")
    fields = judge_model.model_fields
    kinds = {name: kind_of_field(info) for name, info in fields.items()}
    secrets = frozenset(name for name, info in fields.items() if "SecretStr" in repr(info.annotation))
    return Shape(model, fields, kinds, secrets, _aliases(model), judge_model)


def _model_of(cls: type[Any]) -> type[BaseModel]:
    """A pydantic model that judges what a dataclass is to be made of."""
    hints = get_type_hints(cls, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        if field.init and not field.name.startswith("_"):
            fields[field.name] = (hints[field.name], _info_of(field, hints[field.name]))
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    judge_model: type[BaseModel] = create_model(cls.__name__, __config__=config, **fields)
    return judge_model


def _info_of(field: dataclasses.Field[Any], hint: Any) -> Any:
    from pydantic import Field

    help_text = field.metadata.get("help")
    if field.default is not dataclasses.MISSING:
        return Field(default=field.default, description=help_text)
    if field.default_factory is not dataclasses.MISSING:
        return Field(default_factory=field.default_factory, description=help_text)
    # HfArgumentParser takes a switch without a default as off.
    return Field(default=False, description=help_text) if hint is bool else Field(description=help_text)


def _aliases(model: type[Any]) -> dict[str, str]:
    """Other spellings of flags, as HfArgumentParser's `metadata={"aliases": ["-e"]}` has them."""
    found: dict[str, str] = {}
    for field in getattr(model, "__dataclass_fields__", {}).values():
        aliases = field.metadata.get("aliases", ())
        for alias in (aliases,) if isinstance(aliases, str) else aliases:
            found[alias] = field.name
    return found


def under(parent: str, item: Diagnostic) -> Diagnostic:
    """The diagnostic with its settings named as keys of `parent`: width is task.width."""
    message = item.message
    for name in filter(None, item.fields):
        message = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", f"{parent}.{name}", message)
    evidence = tuple(
        Evidence(f"{parent}.{one.field}" if one.field else parent, one.value, one.source) for one in item.evidence
    )
    return dataclasses.replace(item, message=message, evidence=evidence)
