"""The sources of this process: config files, secrets directory, dotenv and environment, each found and read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.layer import Layer, weakest_first
from trainspec.settings.sources.variables import (
    CONFIG,
    ENV_FILE,
    SECRETS_DIR,
    Variables,
    read_variables,
)

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.files import Document, Files

Read = tuple[Layer, list[Diagnostic]]
Reader = Callable[["type[Settings]"], Read]


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

    def layers(self, model: type[Settings], *, ignore_unknown: bool = False) -> tuple[list[Layer], list[Diagnostic]]:
        """What the sources say about a model, weakest first, with what reading them found wrong."""
        layers: list[Layer] = []
        failures, found = list(self.failures), []
        for read in weakest_first(self._readers(ignore_unknown)):
            try:
                layer, more = read(model)
            except SourceError as error:
                failures += error.diagnostics
                continue
            layers.append(layer)
            found += more
        return layers, [*failures, *found]

    def _readers(self, ignore_unknown: bool) -> Iterator[tuple[SourceKind, Reader]]:
        """What reads each source that there is."""
        for document in self.documents:
            yield SourceKind.FILE, partial(_read_config, document, ignore_unknown)
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
    return ProcessSources(tuple(documents), _strongest(SECRETS_DIR, secrets_dir, variables), variables, failures)


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


def process_layers(
    model: type[Settings],
    *,
    environ: Mapping[str, str] | None = None,
    config: Files | None = None,
    at: str | None = None,
    ignore_unknown: bool = False,
    env_file: str | None = None,
    secrets_dir: str | None = None,
) -> tuple[list[Layer], list[Diagnostic]]:
    """Every source of this process but arguments and command line, with what reading them found wrong.

    An explicit `config`, `env_file` or `secrets_dir` comes before the variable of that name.
    """
    sources = open_sources(
        model.env_prefix, environ=environ, config=config, at=at, env_file=env_file, secrets_dir=secrets_dir
    )
    return sources.layers(model, ignore_unknown=ignore_unknown)


def _read_dotenv(path: str, prefix: str) -> Variables:
    from trainspec.settings.sources.dotenv import read_dotenv

    return read_dotenv(path, prefix)


def _open_config(files: Files, at: str | None) -> tuple[list[Document], list[Diagnostic]]:
    from trainspec.settings.sources.files import read_several

    return read_several(files, at=at)


def _read_config(document: Document, ignore_unknown: bool, model: type[Settings]) -> Read:
    from trainspec.settings.sources.files import document_layer

    return document_layer(model, document, ignore_unknown=ignore_unknown)


def _read_secrets(directory: str, model: type[Settings]) -> Read:
    from trainspec.settings.sources.secrets import read_secrets_directory

    return read_secrets_directory(model, directory)


def _read_variables(variables: Variables, model: type[Settings]) -> Read:
    return read_variables(model, variables)
