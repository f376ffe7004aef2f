"""The sources of this process: config files, secret managers, secret files, dotenv, environment, found and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.layer import Layer, by_strength, said_above, weakest_first
from trainspec.settings.sources.variables import (
    CONFIG,
    ENV_FILE,
    SECRETS_DIR,
    SECRETS_FROM,
    Variables,
    read_variables,
)

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.files import Document, Files

Read = tuple[Layer, list[Diagnostic]]
# What is foreign may be far away, and is told the fields that stronger sources give: it need not be asked for them.
Reader = Callable[["type[Settings]", frozenset[str]], Read]


def environment_variables(prefix: str, environ: Mapping[str, str] | None = None) -> Variables:
    """The variables of the environment that carry our prefix."""
    environ = os.environ if environ is None else environ
    pairs = [(name, environ[name]) for name in environ if name.startswith(prefix) or name.upper().startswith(prefix)]
    return Variables(pairs, prefix, SourceKind.ENVIRONMENT, lambda name: Source(SourceKind.ENVIRONMENT, name))


@dataclass(slots=True)
class ProcessSources:
    """What this process has to say, opened once; each model reads from it what is its own."""

    documents: tuple[Document, ...]
    secrets_dir: str | None
    variables: tuple[Variables, ...]
    failures: list[Diagnostic]
    secrets_from: tuple[str, Source] | None = None

    def layers(
        self, model: type[Settings], *, ignore_unknown: bool = False, above: Iterable[Layer] = ()
    ) -> tuple[list[Layer], list[Diagnostic]]:
        """What the sources say about a model, weakest first, with what reading them found wrong.

        `above` is what the caller lays over them: nobody is asked over the network for what it gives.
        """
        layers: list[Layer] = []
        failures, found = list(self.failures), []
        readers = list(self._readers(model, ignore_unknown))
        near = [(kind, read) for kind, read in readers if kind is not SourceKind.FOREIGN]
        far = [(kind, read) for kind, read in readers if kind is SourceKind.FOREIGN]
        for read in (*weakest_first(near), *weakest_first(far)):
            try:
                layer, more = read(model, said_above(SourceKind.FOREIGN, (*layers, *above)) if far else frozenset())
            except SourceError as error:
                failures += error.diagnostics
                continue
            layers.append(layer)
            found += more
        return list(by_strength(layers)) if far else layers, [*failures, *found]

    def _readers(self, model: type[Settings], ignore_unknown: bool) -> Iterator[tuple[SourceKind, Reader]]:
        """What reads each source that there is."""
        for document in self.documents:
            yield SourceKind.FILE, partial(_read_config, document, ignore_unknown)
        if self.secrets_from is not None and SECRETS_FROM not in model.__pydantic_fields__:
            yield SourceKind.FOREIGN, partial(_read_secret_managers, *self.secrets_from)
        if self.secrets_dir:
            yield SourceKind.SECRET, partial(_read_secrets, self.secrets_dir)
        for one in self.variables:
            yield one.kind, partial(_read_variables, one)


def open_sources(
    prefix: str,
    *,
    environ: Mapping[str, str] | None = None,
    config: Files | None = None,
    at: str | None = None,
    env_file: str | None = None,
    secrets_dir: str | None = None,
    secrets_from: str | None = None,
) -> ProcessSources:
    """Find and open the sources of this process; what cannot be opened is among the failures.

    Of several config files, each is laid over those before it.
    """
    environment = environment_variables(prefix, environ)
    failures: list[Diagnostic] = []
    env_file = env_file or environment.reserved(ENV_FILE)
    dotenv = None
    if env_file is not None:
        try:
            dotenv = _read_dotenv(env_file, prefix)
        except SourceError as error:
            failures += error.diagnostics
    variables = tuple(variables for variables in (dotenv, environment) if variables is not None)
    documents: list[Document] = []
    try:
        if (chosen := config or _named_in(variables)) is not None:
            documents, found = _open_config(chosen, at)
            failures += found
    except SourceError as error:
        failures += error.diagnostics
    managers = Source(SourceKind.CONSTRUCTOR, SECRETS_FROM) if secrets_from else _place_of(SECRETS_FROM, variables)
    text = _strongest(SECRETS_FROM, secrets_from, variables)
    directory = _strongest(SECRETS_DIR, secrets_dir, variables)
    named = (text, managers) if text and managers is not None else None
    return ProcessSources(tuple(documents), directory, variables, failures, named)


def _named_in(variables: tuple[Variables, ...]) -> Files | None:
    """The config files that the strongest variable names. Raises SourceError."""
    naming = weakest_first((one.kind, one) for one in variables if one.reserved(CONFIG))
    if not naming:
        return None
    text = naming[-1].reserved(CONFIG) or ""
    if "," not in text and text[:1] != "[":
        return text
    from trainspec.settings.sources.files import paths_in

    return paths_in(text, naming[-1].locate((CONFIG,)))


def _strongest(name: str, explicit: str | None, variables: tuple[Variables, ...]) -> str | None:
    """Where settings are found, of all the places that the caller and the variables name."""
    named = [(one.kind, place) for one in variables if (place := one.reserved(name))]
    if explicit:
        named.append((SourceKind.CONSTRUCTOR, explicit))
    return weakest_first(named)[-1] if named else None


def _place_of(name: str, variables: tuple[Variables, ...]) -> Source | None:
    """The strongest variable that says where settings are found."""
    places = weakest_first((one.kind, one.locate((name,))) for one in variables if one.reserved(name))
    return places[-1] if places else None


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
    above: Iterable[Layer] = (),
) -> tuple[list[Layer], list[Diagnostic]]:
    """Every source of this process but arguments and command line, with what reading them found wrong.

    An explicit `config`, `env_file`, `secrets_dir` or `secrets_from` comes before the variable of that name. `above` is
    what the caller lays over all of them.
    """
    sources = open_sources(
        model.env_prefix,
        environ=environ,
        config=config,
        at=at,
        env_file=env_file,
        secrets_dir=secrets_dir,
        secrets_from=secrets_from,
    )
    return sources.layers(model, ignore_unknown=ignore_unknown, above=above)


def _read_dotenv(path: str, prefix: str) -> Variables:
    from trainspec.settings.sources.dotenv import read_dotenv

    return read_dotenv(path, prefix)


def _open_config(files: Files, at: str | None) -> tuple[list[Document], list[Diagnostic]]:
    from trainspec.settings.sources.files import read_several

    return read_several(files, at=at)


def _read_config(document: Document, ignore_unknown: bool, model: type[Settings], _: frozenset[str]) -> Read:
    from trainspec.settings.sources.files import document_layer

    return document_layer(model, document, ignore_unknown=ignore_unknown)


def _read_secret_managers(text: str, place: Source, model: type[Settings], said: frozenset[str]) -> Read:
    from trainspec.settings.sources.cloud.reading import read_secret_managers

    return read_secret_managers(model, text, place, said)


def _read_secrets(directory: str, model: type[Settings], _: frozenset[str]) -> Read:
    from trainspec.settings.sources.secrets import read_secrets_directory

    return read_secrets_directory(model, directory)


def _read_variables(variables: Variables, model: type[Settings], _: frozenset[str]) -> Read:
    return read_variables(model, variables)
