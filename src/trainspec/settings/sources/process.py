"""The sources of this process: config files, secret managers, secret files, dotenv, environment, found and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.customised.options import (
    SourceOptions,
    existing_files,
    options_of,
    orders_sources,
    paths_of,
)
from trainspec.settings.sources.layer import Layer, said_wholly, strength, weakest_first
from trainspec.settings.sources.variables import (
    CONFIG,
    ENV_FILE,
    SECRETS_DIR,
    SECRETS_FROM,
    Variables,
    naming,
    read_variables,
)

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.files import Document, Files

Read = tuple[Layer, list[Diagnostic]]
Reader = Callable[..., Read]
"""Takes the model; one of a source that is not ours, also the names that stronger sources give wholly."""


def environment_variables(
    model: type[Settings], options: SourceOptions, environ: Mapping[str, str] | None = None
) -> Variables:
    """The variables of the environment that are the model's."""
    environ = os.environ if environ is None else environ
    is_ours, made = naming(model, options)
    pairs = [(name, environ[name]) for name in environ if is_ours(name)]
    return made(pairs, SourceKind.ENVIRONMENT, lambda name: Source(SourceKind.ENVIRONMENT, name))


@dataclass(slots=True)
class ProcessSources:
    """What this process has to say, opened once; each model reads from it what is its own."""

    documents: tuple[Document, ...]
    secrets_dirs: tuple[str, ...]
    variables: tuple[Variables, ...]
    failures: list[Diagnostic]
    options: SourceOptions
    # How many of the documents the class's configuration names, and what names the others.
    declared: int = 0
    named_by: SourceKind | None = None
    # The addresses of secret managers, and what names them.
    secrets_from: tuple[str, Source] | None = None

    def layers(
        self,
        model: type[Settings],
        *,
        ignore_unknown: bool = False,
        given: Sequence[Layer] = (),
    ) -> tuple[list[Layer], list[Diagnostic]]:
        """What the sources say about a model, with what reading them found wrong; `given` stands among them.

        Weakest first, except where the class orders its sources itself.
        """
        if self.options.is_in_own_order or orders_sources(model):
            from trainspec.settings.sources.customised.ordered import ordered_layers

            return ordered_layers(self, model, given, ignore_unknown=ignore_unknown)
        layers: list[Layer] = []
        failures, found = list(self.failures), []
        foreign = []
        for kind, read in weakest_first((kind, (kind, read)) for kind, read in self.readers(ignore_unknown)):
            if kind is SourceKind.FOREIGN:
                foreign.append(read)
                continue
            try:
                layer, more = read(model)
            except SourceError as error:
                failures += error.diagnostics
                continue
            layers.append(layer)
            found += more
        layers += given
        for read in foreign:
            # Asked last, for what is still open: each answer takes a call over a network.
            stronger = [one.values for one in layers if strength(one.kind) > strength(SourceKind.FOREIGN)]
            layer, more = read(model, frozenset().union(*map(said_wholly, stronger)))
            layers.append(layer)
            found += more
        return layers, [*failures, *found]

    def readers(self, ignore_unknown: bool) -> Iterator[tuple[SourceKind, Reader]]:
        """What reads each source that there is."""
        for document in self.documents:
            yield SourceKind.FILE, partial(_read_config, document, ignore_unknown)
        if self.secrets_from is not None:
            yield SourceKind.FOREIGN, partial(_read_secret_managers, *self.secrets_from)
        for directory in self.secrets_dirs:
            yield SourceKind.SECRET, partial(_read_secrets, directory, self.options, self.variables)
        for one in self.variables:
            yield one.kind, partial(_read_variables, one)


def open_sources(
    model: type[Settings],
    *,
    environ: Mapping[str, str] | None = None,
    config: Files | None = None,
    at: str | None = None,
    env_file: str | None = None,
    secrets_dir: str | None = None,
    secrets_from: str | None = None,
    options: SourceOptions | None = None,
) -> ProcessSources:
    """Find and open the sources of this process; what cannot be opened is among the failures.

    Of several config files, each is laid over those before it. `options` are those of the model by default.
    """
    options = options or options_of(model)
    environment = environment_variables(model, options, environ)
    failures: list[Diagnostic] = []
    dotenvs: list[Variables] = []
    for path in _dotenv_files(env_file, environment, options):
        try:
            said, unset = _read_dotenv(path, model, options, environ)
            dotenvs.append(said)
            failures += unset
        except SourceError as error:
            failures += _named(
                ENV_FILE, (environment,) if path == environment.reserved(ENV_FILE) else (), error.diagnostics
            )
    variables = (*dotenvs, environment)
    documents, found = _declared(options)
    failures += found
    declared, named_by = len(documents), SourceKind.CONSTRUCTOR if config else _strongest_kind(CONFIG, variables)
    try:
        if chosen := _config_files(config, variables):
            named, found = _open_config(chosen, at)
            documents += named
            failures += found
    except SourceError as error:
        failures += _named(CONFIG, () if config else variables, error.diagnostics)
    secrets_dirs = _secrets_dirs(secrets_dir, variables, options)
    managers = _secret_managers(model, secrets_from, variables)
    return ProcessSources(tuple(documents), secrets_dirs, variables, failures, options, declared, named_by, managers)


def _secret_managers(
    model: type[Settings], explicit: str | None, variables: tuple[Variables, ...]
) -> tuple[str, Source] | None:
    """The addresses of secret managers, and where they stand, so that a mistake in them can be pointed at."""
    if explicit:
        return explicit, Source(SourceKind.CONSTRUCTOR, SECRETS_FROM)
    naming = weakest_first((one.kind, one) for one in variables if one.reserved(SECRETS_FROM))
    if not naming or SECRETS_FROM in model.__pydantic_fields__:
        return None
    return naming[-1].reserved(SECRETS_FROM) or "", naming[-1].locate((SECRETS_FROM,))


def _dotenv_files(explicit: str | None, environment: Variables, options: SourceOptions) -> Sequence[str]:
    """As the caller, the constructor, TRAINSPEC_ENV_FILE or the class's configuration says, the first that does."""
    if explicit:
        return (explicit,)
    named = None if "env_file" in options.said_by_call else environment.reserved(ENV_FILE)
    if named:
        return (named,)
    if options.env_file is None:
        return ()
    return existing_files(options.env_file, options.env_file_depth)


def _named(name: str, variables: Sequence[Variables], failures: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """The failures, with the variable that names the file where there is no such file: people look for it there."""
    naming = weakest_first((one.kind, one) for one in variables if one.reserved(name))
    for item in failures:
        if naming and item.code == "SRC105":
            namer = Evidence(name, None, naming[-1].locate((name,)))
            yield replace(item, evidence=(*item.evidence, namer))
        else:
            yield item


def _declared(options: SourceOptions) -> tuple[list[Document], list[Diagnostic]]:
    """The files that the class's configuration names; one that is not there says nothing."""
    if options.yaml_file is options.json_file is options.toml_file is None:
        return [], []
    from trainspec.settings.sources.files import read_as

    documents: list[Document] = []
    failures: list[Diagnostic] = []
    for path, format, encoding, at in options.config_files():
        try:
            documents.append(read_as(path, format, encoding=encoding, at=at))
        except SourceError as error:
            failures += error.diagnostics
    return documents, failures


def _secrets_dirs(explicit: str | None, variables: tuple[Variables, ...], options: SourceOptions) -> tuple[str, ...]:
    named = None if "secrets_dir" in options.said_by_call else _strongest(SECRETS_DIR, explicit, variables)
    if named:
        return (named,)
    if options.secrets_dir is None:
        return ()
    return paths_of(options.secrets_dir)


def _strongest_kind(name: str, variables: tuple[Variables, ...]) -> SourceKind | None:
    naming = weakest_first((one.kind, one.kind) for one in variables if one.reserved(name))
    return naming[-1] if naming else None


def _config_files(explicit: Files | None, variables: tuple[Variables, ...]) -> Files | None:
    """The config files that the strongest of the caller and the variables names. Raises SourceError."""
    naming: list[tuple[SourceKind, Files | Variables]] = [(one.kind, one) for one in variables if one.reserved(CONFIG)]
    if explicit:
        naming.append((SourceKind.CONSTRUCTOR, explicit))
    chosen = weakest_first(naming)[-1] if naming else None
    if not isinstance(chosen, Variables):
        return chosen
    text = chosen.values[CONFIG]
    if "," not in text and text[:1] != "[":
        return text
    from trainspec.settings.sources.files import paths_in

    return paths_in(text, chosen.locate((CONFIG,)))


def _strongest(name: str, explicit: str | None, variables: tuple[Variables, ...]) -> str | None:
    """Where settings are found, of all the places that the caller and the variables name."""
    named = [(one.kind, place) for one in variables if (place := one.reserved(name))]
    if explicit:
        named.append((SourceKind.CONSTRUCTOR, explicit))
    return weakest_first(named)[-1] if named else None


def process_layers(
    model: type[Settings],
    *,
    environ: Mapping[str, str] | None = None,
    config: Files | None = None,
    at: str | None = None,
    ignore_unknown: bool = False,
    env_file: str | None = None,
    secrets_dir: str | None = None,
    secrets_from: str | None = None,
    options: SourceOptions | None = None,
    given: Sequence[Layer] = (),
) -> tuple[list[Layer], list[Diagnostic]]:
    """Every source of this process, `given` arguments and command line among them, and what reading them found wrong.

    An explicit `config`, `env_file`, `secrets_dir` or `secrets_from` comes before the variable of that name.
    """
    sources = open_sources(
        model,
        environ=environ,
        config=config,
        at=at,
        env_file=env_file,
        secrets_dir=secrets_dir,
        secrets_from=secrets_from,
        options=options,
    )
    return sources.layers(model, ignore_unknown=ignore_unknown, given=given)


def _read_dotenv(
    path: str, model: type[Settings], options: SourceOptions, environ: Mapping[str, str] | None
) -> tuple[Variables, list[Diagnostic]]:
    from trainspec.settings.sources.dotenv import read_dotenv

    return read_dotenv(path, model, options, environ)


def _open_config(files: Files, at: str | None) -> tuple[list[Document], list[Diagnostic]]:
    from trainspec.settings.sources.files import read_several, read_with_faults

    return read_several(files, at=at, read=read_with_faults)


def _read_config(document: Document, ignore_unknown: bool, model: type[Settings]) -> Read:
    from trainspec.settings.sources.files import document_layer

    return document_layer(model, document, ignore_unknown=ignore_unknown)


def _read_secret_managers(text: str, place: Source, model: type[Settings], said: frozenset[str]) -> Read:
    from trainspec.settings.sources.cloud.reading import read_secret_managers

    return read_secret_managers(model, text, place, said)


def _read_secrets(
    directory: str, options: SourceOptions, variables: Sequence[Variables], model: type[Settings]
) -> Read:
    from trainspec.settings.sources.secrets import read_secrets_directory

    try:
        # A file that a variable names, as TRAINSPEC_HUB_TOKEN_FILE does, is no mistyped one.
        named = {value for one in variables for name, value in one.values.items() if name.lower().endswith("_file")}
        return read_secrets_directory(model, directory, options, named)
    except SourceError as error:
        if directory not in paths_of(options.secrets_dir) or "secrets_dir" in options.said_by_call:
            naming = [one for one in variables if one.reserved(SECRETS_DIR) == directory]
            raise SourceError(*_named(SECRETS_DIR, naming, error.diagnostics)) from None
        # The class's own directory is where secrets are mounted in production, and often nowhere else.
        nothing = Layer(SourceKind.SECRET, {}, lambda path: Source(SourceKind.SECRET, directory))
        return nothing, [replace(item, severity="warning") for item in error.diagnostics]


def _read_variables(variables: Variables, model: type[Settings]) -> Read:
    layer, found = read_variables(model, variables)
    if variables.kind is SourceKind.DOTENV and variables.options.dotenv_filtering == "only_existing":
        found = [item for item in found if item.code != "SRC101"]
    return layer, found
