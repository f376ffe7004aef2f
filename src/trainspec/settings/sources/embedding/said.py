"""What each of an app's sources says of the settings at one place in it, as layers of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic_settings import EnvSettingsSource

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.judging.judgement import Context
from trainspec.settings.sources.embedding.names import AppVariables, Names, member_value, our_name
from trainspec.settings.sources.embedding.outer import Asked, Outer, Path, places_of, value_at
from trainspec.settings.sources.embedding.places import flag, in_files, kind_of, name_of, place_in, spelling_in
from trainspec.settings.sources.formats.json_text import parse_json
from trainspec.settings.sources.formats.limits import Fault
from trainspec.settings.sources.layer import Layer, Locate
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import REMOVED, RENAMED
from trainspec.settings.sources.variables import read_variables
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.secret_types import is_secret_value
from trainspec.settings.values.shape import shape_of

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

Read = tuple[Layer, list[Diagnostic]]


def embedded_context(model: type[Settings], document: dict[str, Any], outer: Outer) -> Context | None:
    """The sources behind a document that is about to be judged inside an app; None where it is not the app's own."""
    path = outer.path_to(document)
    if path is None:
        return None
    saying = Saying(model, document, outer, path)
    layers = list(saying.read())
    context = Context(model, layers, saying.diagnostics)
    context.at = path
    return context


def of_no_mapping(model: type[Settings], value: Any, outer: Outer) -> Context | None:
    """What is wrong where a text of the app should hold a mapping and does not; None where no text stands."""
    for path in places_of(outer.values, lambda one: one is value):
        for source in (asked.source for asked in outer.sources if isinstance(asked.source, EnvSettingsSource)):
            names = Names(outer.app, source, path)
            said = [chain[-1] for chain in names.around if chain[-1] in source.env_vars]
            if said and len(names.around[0]) == names.depth:
                kind = kind_of(source)
                place = place_in(source, kind)(spelling_in(source, kind, said)(said[0]))
                context = Context(model, (), [_not_a_mapping(value, place, names)])
                context.at = path
                return context
    return None


def _not_a_mapping(value: Any, place: Source, names: Names) -> Diagnostic:
    text = "other text" if isinstance(value, str) and value.strip() else "nothing"
    noun = text if isinstance(value, str) else type(value).__name__
    message = f"{place.name} must be a mapping of settings in JSON, not {noun}"
    remedy = 'write {"seed": 1}' + (f", or {place.name}{names.delimiter}... for each" if names.delimiter else "")
    code = CODES["SRC108"]
    return Diagnostic("SRC108", code.name, "error", message, code.reason, remedy, (Evidence("", None, place),))


class Saying:
    """One pass over the sources of an app, for one document in it."""

    def __init__(self, model: type[Settings], document: dict[str, Any], outer: Outer, path: Path) -> None:
        self.model = model
        self.document = document
        self.outer = outer
        self.path = path
        self.diagnostics: list[Diagnostic] = []
        self._keys = {str(key).lower() for key in document}
        self._texts: dict[str, list[str]] = {}
        self._told: set[Any] = set()

    def read(self) -> Iterator[Layer]:
        """A layer for all that a source says in one way; what no source says comes from the document alone."""
        for place, asked in enumerate(self.outer.sources):
            for offset, (layer, found) in enumerate(self._of(asked)):
                # More than one source of a kind, in any order: the app's own order counts, not ours.
                layer.rank = offset / 64 - place
                self.diagnostics += found
                yield layer
        if rest := {key: value for key, value in self.document.items() if not self._is_told(key, value)}:
            layer, found = self._document(rest, SourceKind.DOCUMENT, lambda path: Source(SourceKind.DOCUMENT))
            layer.rank = 1.0
            self.diagnostics += found
            yield layer

    def _of(self, asked: Asked) -> Iterator[Read]:
        source, kind = asked.source, kind_of(asked.source)
        said = value_at(asked.state, self.path)
        if isinstance(source, EnvSettingsSource):
            yield from self._texts_of(source, kind)
        elif isinstance(said, Mapping) and type(source).__name__ == "DefaultSettingsSource":
            self._told.update(said)
            yield from self._default()
        elif isinstance(said, dict) and kind is SourceKind.CONSTRUCTOR and (further := self._further_out(said)):
            self._told.update(said)
            yield from ((layer, []) for layer in further)
        elif isinstance(said, Mapping):
            self._told.update(said)
            yield self._document(said, kind, self._locate(source, kind))

    def _further_out(self, said: dict[str, Any]) -> list[Layer]:
        """What the sources of an app around this app say, weakest first, where it is that one that gave the values."""
        further = self.outer.further_out()
        path = further.path_to(said) if further is not None else None
        if further is None or path is None:
            return []
        saying = Saying(self.model, said, further, path)
        layers = sorted(saying.read(), key=lambda layer: layer.rank or 0.0)
        self.diagnostics += saying.diagnostics
        return layers

    def _locate(self, source: Any, kind: SourceKind) -> Locate:
        if kind is SourceKind.CONSTRUCTOR:
            return lambda path: Source(kind, f"{self.outer.app.__name__}({self.path[0]}=...)")
        if kind is SourceKind.FILE:
            return in_files(source, self.path)
        if kind is SourceKind.SECRET:
            place = place_in(source, kind)
            return lambda path: place(_variable(source, self.outer, self.path))
        return lambda path: Source(kind, name_of(source))

    def _document(self, said: Mapping[Any, Any], kind: SourceKind, locate: Locate) -> Read:
        # Files and Python hold types; what other sources are made of, such as secret managers, may be text.
        text = kind is SourceKind.FOREIGN or (kind is SourceKind.CONSTRUCTOR and self.outer.is_of_strings)
        reading = Reading(self.model, kind, Manner.STRINGS if text else Manner.DOCUMENT, locate)
        return reading.read(said), reading.diagnostics

    def _default(self) -> Iterator[Read]:
        """The default of the app's field, which pydantic-settings lays below as if all of it had been said."""
        name = str(self.path[0])
        field = self.outer.app.model_fields.get(name)
        settings: Any = None if field is None else field.default
        for step in self.path[1:]:
            settings = getattr(settings, str(step), None)
        if isinstance(settings, self.model):
            place = Source(SourceKind.CONSTRUCTOR, f"{self.outer.app.__name__}.{name}")
            yield self._document(settings.to_dict(secrets=True), SourceKind.CONSTRUCTOR, lambda path: place)

    # Text: a JSON document around the place or at it, and a variable for each thing below it.

    def _texts_of(self, source: EnvSettingsSource, kind: SourceKind) -> Iterator[Read]:
        names = Names(self.outer.app, source, self.path)
        # What a validator of the app has taken out of the document is not said any more.
        below = [one for one in names.below() if names.key_of(one[1]).lower() in self._keys]
        self._told.update(names.elsewhere())
        whole = list(names.whole())
        if not below and not whole:
            return
        spell, place = spelling_in(source, kind, [name for name, *_ in (*whole, *below)]), place_in(source, kind)
        for name, inner, text in whole:
            yield from self._json(text, self.path[len(self.path) - inner :], kind, place(spell(name)))
        if below:
            variables = AppVariables(kind, _written(source, kind, names.start()), names.delimiter or "", place)
            self._take(variables, names, [(spell(name), short, text) for name, short, text in below])
            yield read_variables(self.model, variables)

    def _json(self, text: str, inner: Path, kind: SourceKind, place: Source) -> Iterator[Read]:
        try:
            said = value_at(parse_json(text), inner)
        except Fault as fault:
            code = CODES[fault.code]
            message = f"{place.name}: {fault.message}"
            evidence = (Evidence("", None, place),)
            # pydantic-settings reads it all the same, and what it made of it is not to be told of as well.
            self._told.update(value_at(json.loads(text), inner) or ())
            yield (
                Layer(kind, {}, lambda path: place),
                [Diagnostic(fault.code, code.name, "error", message, code.reason, code.fix, evidence)],
            )
            return
        if isinstance(said, Mapping):
            self._told.update(said)
            yield self._document(said, kind, lambda path: place)

    def _take(self, variables: AppVariables, names: Names, below: list[tuple[str, str, str]]) -> None:
        fields = shape_of(self.model).fields
        known = {**dict.fromkeys(RENAMED), **dict.fromkeys(REMOVED), **fields}
        for spelled, short, text in below:
            self._texts.setdefault(names.key_of(short).lower(), []).append(text.strip())
            name = our_name(short, names.delimiter or "", known)
            if names.source.env_parse_enums and name in fields:
                variables.take(name, spelled, member_value(fields[name].annotation, text))
            else:
                variables.take(name, spelled, text)

    # What validators of the app made of it since.

    def _is_told(self, key: Any, value: Any) -> bool:
        if key in self._told:
            return True
        texts = self._texts.get(str(key).lower())
        if texts is None:
            return False
        return isinstance(value, Mapping | list) or any(_spells(text, value) for text in texts)


def _spells(text: str, value: Any) -> bool:
    """Whether a value is what pydantic-settings may make of a text before anything is validated."""
    plain = value.get_secret_value() if is_secret_value(value) else value.value if isinstance(value, Enum) else value
    if plain is None or (isinstance(plain, str) and plain.strip() == text):
        return True
    try:
        return bool(json.loads(text) == plain)
    except ValueError:
        return str(plain).lower() == text.lower()


def _variable(source: Any, outer: Outer, path: Path) -> str:
    """The name by which a source knows the app's field around the place."""
    for name, field in outer.app.model_fields.items():
        for key, variable, _ in source._extract_field_info(field, name):
            if path[0] in (key, name):
                return str(variable)
    return str(path[0])


def _written(source: Any, kind: SourceKind, start: str) -> str:
    """The beginning of names as people write them: in upper case where case does not count."""
    if kind is SourceKind.FLAG:
        return flag(source, start)
    return start if source.case_sensitive else start.upper()
