"""Sources in the order that a class gives them in settings_customise_sources, ours and others together.

Ours go there as the four that pydantic-settings has: real sources of its classes, which give what ours say. A source
that comes back as it went is read as always, with the place of every value; any other is asked as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    TomlConfigSettingsSource,
    YamlConfigSettingsSource,
)

from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.customised.foreign import is_refusal, name_of, read_foreign, within
from trainspec.settings.sources.customised.options import existing_files, for_call, options_of
from trainspec.settings.sources.layer import Layer, merge, said_wholly, strength

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.customised.options import SourceOptions
    from trainspec.settings.sources.process import ProcessSources

Several = tuple[list[Layer], list[Diagnostic]]


class _Ours:
    """A source of pydantic-settings that gives what ours say."""

    kind: SourceKind
    read: Callable[[], Several]
    _answer: Several | None = None

    @property
    def was_asked(self) -> bool:
        """Whether anybody took its values."""
        return self._answer is not None

    def answer(self) -> Several:
        """The layers, weakest first, read once."""
        if self._answer is None:
            self._answer = self.read()
        return self._answer

    def __call__(self) -> dict[str, Any]:
        layers, _ = self.answer()
        model: Any = self.settings_cls  # type: ignore[attr-defined]
        return dict(merge(tuple(layers), [], getattr(model, "_model", model)))


class InitArguments(_Ours, InitSettingsSource):
    """The constructor's arguments."""

    kind = SourceKind.CONSTRUCTOR


class Environment(_Ours, EnvSettingsSource):
    """The environment's variables."""

    kind = SourceKind.ENVIRONMENT


class Dotenv(_Ours, DotEnvSettingsSource):
    """The variables of dotenv files."""

    kind = SourceKind.DOTENV
    pairs: Mapping[str, str | None] = {}

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # Ours were read before, with their lines.
        return {}


class SecretFiles(_Ours, SecretsSettingsSource):
    """The files of secrets directories."""

    kind = SourceKind.SECRET


@dataclasses.dataclass
class _Reader:
    """Reads what this process's sources say about one model, each when it is asked."""

    sources: ProcessSources
    model: type[Settings]
    given: Sequence[Layer]
    ignore_unknown: bool
    four: tuple[_Ours, ...] = ()

    def of(self, kind: SourceKind, *told: frozenset[str]) -> Several:
        """The layers of a kind of source, weakest first; `told` is what readers of the kind take beside the model."""
        if kind is SourceKind.CONSTRUCTOR:
            return [layer for layer in self.given if layer.kind is kind], []
        layers: list[Layer] = []
        found: list[Diagnostic] = []
        for one, read in self.sources.readers(self.ignore_unknown):
            if one is kind:
                try:
                    layer, more = read(self.model, *told)
                except SourceError as error:
                    found += error.diagnostics
                    continue
                layers.append(layer)
                found += more
        return layers, found

    def as_pydantic_has_them(self) -> tuple[InitArguments, Environment, Dotenv, SecretFiles]:
        """Our sources as the four that settings_customise_sources takes."""
        options, model = self.sources.options, self.model
        arguments = {
            name: value for layer in self.of(SourceKind.CONSTRUCTOR)[0] for name, value in layer.values.items()
        }
        naming: dict[str, Any] = {
            "case_sensitive": options.case_sensitive,
            "env_prefix": options.env_prefix,
            "env_nested_delimiter": options.env_nested_delimiter,
            "env_ignore_empty": options.env_ignore_empty,
            "env_parse_none_str": options.env_parse_none_str,
        }
        dotenv = Dotenv(model, env_file=options.env_file, env_file_encoding=options.env_file_encoding, **naming)
        held = (one for one in self.sources.variables if one.kind is SourceKind.DOTENV)
        dotenv.env_vars = {one.spelled[short].lower(): text for one in held for short, text in one.values.items()}
        four = (
            InitArguments(model, init_kwargs=arguments),
            Environment(model, **naming),
            dotenv,
            SecretFiles(model, secrets_dir=options.secrets_dir),
        )
        for one in four:
            one.read = partial(self.of, one.kind)
        self.four = four
        return four


def sources_for(model: type[Settings], said: dict[str, Any], arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What CliApp asks a class for: its sources, strongest first, and the arguments that it is called with."""
    from trainspec.settings.judging.pydantic_errors import validation_error
    from trainspec.settings.sources.process import open_sources
    from trainspec.settings.sources.reading import constructor_layer

    options, rest = for_call(options_of(model), {**arguments, **said})
    layer, _ = constructor_layer(model, rest)
    try:
        return _chosen(_Reader(open_sources(model, options=options), model, (layer,), False)), rest
    except SourceError as error:
        raise validation_error(model, error.diagnostics) from None


def ordered_layers(
    sources: ProcessSources, model: type[Settings], given: Sequence[Layer], *, ignore_unknown: bool = False
) -> Several:
    """What all sources say in the order of the class, `given` among them, and what reading them found wrong."""
    reader = _Reader(sources, model, given, ignore_unknown)
    try:
        chosen = sources.options.built if sources.options.built is not None else _chosen(reader)
    except SourceError as error:
        return list(given), list(error.diagnostics)
    return _Ordering(reader, chosen).read()


def _chosen(reader: _Reader) -> tuple[Any, ...]:
    """The sources of the class, strongest first. Raises SourceError where the class cannot make one of them."""
    model, options = reader.model, reader.sources.options
    four = reader.as_pydantic_has_them()
    names = ("init_settings", "env_settings", "dotenv_settings", "file_secret_settings")
    hook: Any = model.settings_customise_sources
    if hook.__func__ is BaseSettings.settings_customise_sources.__func__:  # type: ignore[attr-defined]
        chosen: tuple[Any, ...] = four
    else:
        # Sources of secret managers ask already when they are made.
        chosen = _within_limit(model, partial(hook, model, **dict(zip(names, four, strict=True))))
    line = next((one for one in chosen if isinstance(one, CliSettingsSource)), None)
    if line is not None:
        if options.parses_command_line and not line.env_vars:
            line(args=options.cli_parse_args)
        return chosen
    return (*_command_line(model, options), *chosen)


def _within_limit(model: type[Settings], make: Callable[[], Any]) -> tuple[Any, ...]:
    """What the class's method gives. A mistake in it is raised as it is; a source that refuses, as SourceError."""

    def call() -> tuple[Any, BaseException | None]:
        try:
            return make(), None
        except Exception as error:
            if is_refusal(error):
                raise
            return (), error

    made, mistake = within(model.source_timeout, call, f"{model.__name__}.settings_customise_sources")
    if mistake is not None:
        raise mistake
    if isinstance(made, PydanticBaseSettingsSource) or not isinstance(made, Iterable):
        given = type(made).__name__
        raise TypeError(f"{model.__name__}.settings_customise_sources must return a tuple of sources, not {given}")
    return tuple(made)


def _command_line(model: type[Settings], options: SourceOptions) -> Iterator[Any]:
    if not options.parses_command_line:
        return
    said = {name: value for name, value in options.of_command_line.items() if name != "cli_settings_source"}
    own = options.of_command_line.get("cli_settings_source")
    yield own if own is not None else CliSettingsSource(model, **{"cli_parse_args": options.cli_parse_args, **said})


class _Ordering:
    """One reading of sources, strongest first: what one gives is known to those after it."""

    def __init__(self, reader: _Reader, chosen: Sequence[Any]) -> None:
        self.reader = reader
        self.model = reader.model
        self.chosen = chosen
        self.layers: list[Layer] = []
        self.found: list[Diagnostic] = []
        self.state: dict[str, Any] = {}
        self.states: dict[str, dict[str, Any]] = {}

    def read(self) -> Several:
        """All layers, each with its rank, and what is wrong."""
        self.found += self.reader.sources.failures
        strongest = strength(SourceKind.CONSTRUCTOR) + 0.5
        flags = [layer for layer in self.reader.given if layer.kind is not SourceKind.CONSTRUCTOR]
        ranked = list(self._ranked())
        # Flags stand right below the constructor's arguments, and above all where the class takes none.
        place = next((rank for rank, source in ranked if isinstance(source, InitArguments)), strongest + 0.002)
        for rank, source in ranked:
            if rank < place:
                self._take("command line", flags, place - 0.001)
                flags = []
            self._take(name_of(source), self._layers_of(source), rank)
        self._take("command line", flags, place - 0.001)
        self.found += [item for one in self._wrapped() for item in one.answer()[1]]
        # Secret managers are below all that the class orders, and above config files.
        self._take("secret managers", self._managers(), strength(SourceKind.FILE) + 0.0005)
        self._take("config files", self._documents(), None)
        if self.reader.sources.options.nested_model_default_partial_update:
            self.layers.append(self._partial_defaults())
        return self.layers, self.found

    def _managers(self) -> list[Layer]:
        """What secret managers say, unless a source names them that the class has dropped."""
        named = self.reader.sources.secrets_from
        if named is None:
            return []
        kinds = {source.kind for source in (*self.chosen, *self._wrapped()) if isinstance(source, _Ours)}
        if named[1].kind in (SourceKind.ENVIRONMENT, SourceKind.DOTENV) and named[1].kind not in kinds:
            return []
        layers, found = self.reader.of(SourceKind.FOREIGN, said_wholly(self.state))
        self.found += found
        return layers

    def _wrapped(self) -> list[_Ours]:
        """Those of ours that a source of the class's own asked, and that do not stand among its sources themselves."""
        return [one for one in self.reader.four if one.was_asked and one not in self.chosen]

    def _ranked(self) -> Iterator[tuple[float, Any]]:
        """Each source with its strength, which is above that of config files and of no source more than a change's."""
        above, below = strength(SourceKind.CONSTRUCTOR) + 0.5, strength(SourceKind.FILE)
        step = (above - below) / (len(self.chosen) + 1)
        for place, source in enumerate(self.chosen):
            yield above - place * step, source

    def _take(self, name: str, layers: Sequence[Layer], rank: float | None) -> None:
        """Weakest first, as the layers of one kind are given: files of one sort, each over those before it."""
        share = 0.0005 / (len(layers) or 1)
        for place, layer in enumerate(layers):
            self.layers.append(dataclasses.replace(layer, rank=None if rank is None else rank + place * share))
        said = merge(tuple(layers), [], self.model) if layers else {}
        self.states[name] = said
        self.state = merge((_plain(said), _plain(self.state)), [], self.model)

    def _layers_of(self, source: Any) -> list[Layer]:
        if isinstance(source, _Ours):
            layers, found = source.answer()
            self.found += found
            return layers
        if type(source) in _FILES:
            return self._of_files(source)
        if isinstance(source, PydanticBaseSettingsSource):
            for tell, what in (("_set_current_state", self.state), ("_set_settings_sources_data", self.states)):
                getattr(source, tell, lambda _: None)(what)
        if isinstance(source, CliSettingsSource):
            layer, found = read_foreign(self.model, source, limit=None)
        else:
            said, limit = said_wholly(self.state), self.model.source_timeout
            layer, found = read_foreign(self.model, source, said=said, limit=limit)
        self.found += found
        return [layer]

    def _of_files(self, source: Any) -> list[Layer]:
        """Files that a source of pydantic-settings names, read as ours: with lines, and YAML 1.2."""
        from trainspec.settings.sources.files import document_layer, read_as

        format, section = _FILES[type(source)]
        at = getattr(source, section, None) if section else None
        layers = []
        for path in existing_files(getattr(source, f"{format}_file_path", None)):
            try:
                encoding = getattr(source, f"{format}_file_encoding", None)
                document = read_as(
                    path, format, encoding=encoding, at=at if isinstance(at, str) else ".".join(at or ())
                )
                layer, found = document_layer(self.model, document, ignore_unknown=self.reader.ignore_unknown)
            except SourceError as error:
                self.found += error.diagnostics
                continue
            layers.append(layer)
            self.found += found
        return layers

    def _documents(self) -> list[Layer]:
        """Config files below all else: those that the class names, unless a source reads them, and the process's."""
        sources = self.reader.sources
        named = sources.named_by
        kinds = {source.kind for source in (*self.chosen, *self._wrapped()) if isinstance(source, _Ours)}
        read = {_FILES[type(source)][0] for source in self.chosen if type(source) in _FILES}
        kept = [one for one in sources.documents[: sources.declared] if one.format not in read]
        if named not in (SourceKind.ENVIRONMENT, SourceKind.DOTENV) or named in kinds:
            kept += sources.documents[sources.declared :]
        whole = dataclasses.replace(sources, documents=tuple(kept))
        layers, found = _Reader(whole, self.model, (), self.reader.ignore_unknown).of(SourceKind.FILE)
        self.found += found
        return layers

    def _partial_defaults(self) -> Layer:
        """Under what sources say of some keys of a model, the others as the field's default has them."""
        values = {}
        for name, value in self.state.items():
            default = self.model.model_fields[name].default if name in self.model.model_fields else None
            if isinstance(value, dict) and isinstance(default, BaseModel):
                values[name] = default.model_dump()
            elif isinstance(value, dict) and dataclasses.is_dataclass(default) and not isinstance(default, type):
                values[name] = dataclasses.asdict(default)
        return Layer(SourceKind.DEFAULT, values, lambda path: Source(SourceKind.DEFAULT))


_FILES: dict[type[Any], tuple[str, str | None]] = {
    YamlConfigSettingsSource: ("yaml", "yaml_config_section"),
    JsonConfigSettingsSource: ("json", None),
    TomlConfigSettingsSource: ("toml", "toml_table_header"),
}


def _plain(values: dict[str, Any]) -> Layer:
    return Layer(SourceKind.FOREIGN, values, lambda path: Source(SourceKind.FOREIGN))
