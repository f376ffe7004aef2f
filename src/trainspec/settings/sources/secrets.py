"""A directory of mounted secrets: one file a setting, named `hub_token` or `trainspec_hub_token`, in any case.

Other programs' secrets may lie beside ours. A file with our prefix that matches nothing is an error; one without it
that is almost a setting's name is warned about.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trainspec.settings.diagnostics import Diagnostic, Evidence, SourceError
from trainspec.settings.diagnostics.bounds import first_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.files import source_error
from trainspec.settings.sources.layer import Layer
from trainspec.settings.sources.reading import Reading
from trainspec.settings.sources.renames import RENAMED
from trainspec.settings.sources.variables import read_secret
from trainspec.settings.values.coercion import Manner
from trainspec.settings.values.shape import shape_of
from trainspec.text.redaction import printable
from trainspec.text.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

    from trainspec.settings.base import Settings
    from trainspec.settings.sources.customised.options import SourceOptions


def read_secrets_directory(
    model: type[Settings], directory: str, options: SourceOptions, named: Collection[str] = ()
) -> tuple[Layer, list[Diagnostic]]:
    """What the files of a directory say; of those that are `named` elsewhere, by path, no name is told to be wrong.

    Raises SourceError where the directory cannot be listed.
    """
    fold = str if options.case_sensitive else str.lower
    prefix = fold(options.env_prefix)
    spelled = {**model.__pydantic_fields__, **shape_of(model).spellings}
    known = {**{fold(name): name for name in spelled}, **{name: name for name in RENAMED}}
    raw: dict[str, Any] = {}
    files: dict[str, str] = {}
    found: list[Diagnostic] = []
    for file, is_file in _entries_of(directory):
        lower = fold(file)
        name = known.get(lower.removeprefix(prefix), lower.removeprefix(prefix))
        path = os.path.join(directory, file)
        if lower.removeprefix(prefix) not in known and (lower == name or not is_file):
            found += _near_miss(name, path, model) if is_file and path not in named else []
            continue
        try:
            value = read_secret(path)
        except SourceError as error:
            found += [replace(item, evidence=(_evidence(name, path),)) for item in error.diagnostics]
            continue
        if value and raw.get(name, value) != value:
            found.append(_both(name, files[name], path))
        if value:
            raw[name], files[name] = value, path
    reading = Reading(model, SourceKind.SECRET, Manner.STRINGS, _locate(files, directory), prefix)
    layer = reading.read(raw)
    return layer, [*first_of("secrets_dir", found), *reading.diagnostics]


def _evidence(name: str, path: str) -> Evidence:
    return Evidence(printable(name), None, Source(SourceKind.SECRET, path))


def _both(name: str, *paths: str) -> Diagnostic:
    """Two files of one setting that say different things."""
    code, files = CODES["SRC113"], " and ".join(os.path.basename(path) for path in paths)
    evidence = tuple(_evidence(name, path) for path in paths)
    message = printable(f"the secret files {files} both give {name}")
    return Diagnostic("SRC113", code.name, "error", message, code.reason, "keep one", evidence)


def _locate(files: dict[str, str], directory: str) -> Any:
    return lambda path: Source(SourceKind.SECRET, files.get(path[0], os.path.join(directory, path[0])))


def _entries_of(directory: str) -> list[tuple[str, bool]]:
    """Names, and whether each is a plain file, without the hidden folders that mounts of Kubernetes hold.

    A name of ours that is no file is a mount gone wrong: Docker makes a folder where the secret is missing.
    """
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        raise source_error("SRC105", f"there is no secrets directory {directory}", directory) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        raise source_error("SRC106", f"cannot list the secrets directory {directory}: {reason}", directory) from None
    return [(name, os.path.isfile(os.path.join(directory, name))) for name in sorted(names)]


def _near_miss(name: str, path: str, model: type[Settings]) -> list[Diagnostic]:
    near = nearest(name, model.secret_fields())
    if near is None:
        return []
    code = CODES["SRC116"]
    message = printable(f"the file {os.path.basename(path)} in the secrets directory matches no setting")
    remedy = f"did you mean {near}?"
    return [Diagnostic("SRC116", code.name, "warning", message, code.reason, remedy, (_evidence(near, path),))]
