"""Any model by its shape, of ours, of pydantic or a dataclass: what sources say about it, and an instance of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import ValidationError

from trainspec.settings.diagnostics import Diagnostic, Evidence, errors_of
from trainspec.settings.diagnostics.bounds import MOST_TOLD, more_unknown
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.judging.judgement import Verdict
from trainspec.settings.judging.pydantic_errors import diagnose
from trainspec.settings.judging.strictness import unknown_keys
from trainspec.settings.judging.ways_in import from_layers
from trainspec.settings.sources.command_line import FlagValues
from trainspec.settings.sources.formats.flags import Use
from trainspec.settings.sources.layer import Layer, Locate, Origin, by_strength, merge
from trainspec.settings.sources.reading import SPELLINGS, Reading
from trainspec.settings.values.coercion import Manner, coerce
from trainspec.settings.values.shape import Shape
from trainspec.text.suggestions import did_you_mean


def read_source(
    shape: Shape, raw: Mapping[Any, Any], kind: SourceKind, manner: Manner, locate: Locate, prefix: str = ""
) -> tuple[Layer, list[Diagnostic]]:
    """What a source says about a model, and the names in it that the model does not have."""
    if shape.settings is not None:
        reading = Reading(shape.settings, kind, manner, locate, prefix)
        return reading.read(raw), reading.diagnostics
    known = {name: coerce(shape.kinds[name], value, manner) for name, value in raw.items() if name in shape.kinds}
    layer = Layer(kind, known, locate)
    unknown = [str(name) for name in raw if name not in shape.kinds]
    told = [unknown_name(name, shape.kinds, layer, prefix) for name in unknown[:MOST_TOLD]]
    return layer, [*told, *more_unknown(SPELLINGS[kind].code, unknown, layer)]


def read_flags(shape: Shape, uses: Iterable[Use]) -> tuple[Layer, list[Diagnostic]]:
    """What flags that were cut already say about a model."""
    said = FlagValues(shape)
    for use in uses:
        said.take(use)
    layer, found = read_source(shape, said.values, SourceKind.FLAG, Manner.STRINGS, said.locate)
    return layer, [*said.diagnostics, *said.given_again(), *found]


def judge_sources(shape: Shape, layers: Iterable[Layer], diagnostics: Iterable[Diagnostic]) -> Verdict:
    """An instance of a model from sources that were read, without raising or warning."""
    sources, found = by_strength(layers), list(diagnostics)
    if shape.settings is not None:
        return from_layers(shape.settings, sources, found, quiet=True)
    extra: Literal["forbid"] | None = None if shape.judge_model.model_config.get("extra") == "allow" else "forbid"
    values = merge(sources, found, shape.model)
    found += (unknown := unknown_keys(shape, values, Origin(sources).source))
    try:
        judged = shape.judge_model.model_validate(values, extra=extra, by_alias=True, by_name=True)
    except ValidationError as error:
        # pydantic may know an unknown key too, and of a mapping with one it cannot say more than we did.
        told = {item.fields for item in unknown}
        wrong = diagnose(error, shape, Origin(sources).source)
        return Verdict(None, [*found, *(item for item in wrong if item.fields not in told)])
    if errors_of(found):
        return Verdict(None, found)
    if shape.judge_model is shape.model:
        return Verdict(judged, found)
    try:
        said = {name: getattr(judged, name) for name in judged.model_fields_set}
        return Verdict(shape.model(**said), found)
    except (ValueError, TypeError) as error:
        return Verdict(None, [*found, Diagnostic("VAL106", CODES["VAL106"].name, "error", f"{shape.name}: {error}")])


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
