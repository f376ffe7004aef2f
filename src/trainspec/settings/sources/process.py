"""The sources of this process, weakest first: config file < secrets directory < dotenv < environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trainspec.settings.diagnostics import Diagnostic, SourceError
from trainspec.settings.names import Layer
from trainspec.settings.sources.provenance import Source, SourceKind
from trainspec.settings.sources.variables import (
    CONFIG,
    ENV_FILE,
    SECRETS_DIR,
    Variables,
    read_variables,
)

if TYPE_CHECKING:
    from trainspec.settings.base import Settings


def environment_variables(prefix: str, environ: Mapping[str, str] | None = None) -> Variables:
    """The variables of the environment that carry our prefix."""
    environ = os.environ if environ is None else environ
    pairs = [(name, environ[name]) for name in environ if name.startswith(prefix) or name.upper().startswith(prefix)]
    return Variables(pairs, prefix, SourceKind.ENVIRONMENT, lambda name: Source(SourceKind.ENVIRONMENT, name))


def process_layers(
    model: type[Settings],
    *,
    environ: Mapping[str, str] | None = None,
    config: str | None = None,
    at: str | None = None,
    ignore_unknown: bool = False,
    env_file: str | None = None,
    secrets_dir: str | None = None,
) -> tuple[list[Layer], list[Diagnostic]]:
    """Every source of this process but arguments and command line, with what reading them found wrong.

    An explicit `config`, `env_file` or `secrets_dir` comes before the variable of that name.
    """
    environment = environment_variables(model.env_prefix, environ)
    readings: list[tuple[Layer, list[Diagnostic]]] = []
    failures: list[Diagnostic] = []
    env_file = env_file or environment.reserved(ENV_FILE)
    dotenv = None
    if env_file is not None:
        try:
            dotenv = _read_dotenv(env_file, model.env_prefix)
        except SourceError as error:
            failures += error.diagnostics
    chosen = {CONFIG: config, SECRETS_DIR: secrets_dir}
    for name, explicit in chosen.items():
        chosen[name] = explicit or environment.reserved(name) or (dotenv.reserved(name) if dotenv else None)
    try:
        if chosen[CONFIG]:
            readings.append(_read_config(model, chosen[CONFIG] or "", at, ignore_unknown))
    except SourceError as error:
        failures += error.diagnostics
    try:
        if chosen[SECRETS_DIR]:
            readings.append(_read_secrets(model, chosen[SECRETS_DIR] or ""))
    except SourceError as error:
        failures += error.diagnostics
    readings += [read_variables(model, variables) for variables in (dotenv, environment) if variables is not None]
    return [layer for layer, _ in readings], [*failures, *(item for _, found in readings for item in found)]


def _read_dotenv(path: str, prefix: str) -> Variables:
    from trainspec.settings.sources.dotenv import read_dotenv

    return read_dotenv(path, prefix)


def _read_config(
    model: type[Settings], path: str, at: str | None, ignore_unknown: bool
) -> tuple[Layer, list[Diagnostic]]:
    from trainspec.settings.judgement import document_layer
    from trainspec.settings.sources.files import read_document

    return document_layer(model, read_document(path, at=at), ignore_unknown=ignore_unknown)


def _read_secrets(model: type[Settings], directory: str) -> tuple[Layer, list[Diagnostic]]:
    from trainspec.settings.sources.secrets import read_secrets_directory

    return read_secrets_directory(model, directory)
