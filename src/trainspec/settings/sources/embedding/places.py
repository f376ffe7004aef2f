"""Where a value of an app's source stands: variable, line of a dotenv or config file, mounted file, flag."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
)

from trainspec.settings.diagnostics import SourceError
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.sources.embedding.names import in_environment
from trainspec.settings.sources.embedding.outer import Path
from trainspec.settings.sources.files import FORMATS, Document, read_document


class DocumentSource(PydanticBaseSettingsSource):
    """A document that was read already, as a source of an app."""

    def __init__(self, app: type[BaseSettings], document: Document) -> None:
        super().__init__(app)
        self.document = document
        # pydantic-settings tells sources apart by their names.
        self.__name__ = document.name

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self.document.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.document.values


_FILES = ("yaml_file_path", "toml_file_path", "json_file_path")
_SECTIONS = ("yaml_config_section", "toml_table_header")


def kind_of(source: Any) -> SourceKind:
    """Which of our kinds of source one of pydantic-settings is."""
    if isinstance(source, CliSettingsSource):
        return SourceKind.FLAG
    if isinstance(source, DotEnvSettingsSource):
        return SourceKind.DOTENV
    if isinstance(source, SecretsSettingsSource) or hasattr(source, "secrets_nested_subdir"):
        return SourceKind.SECRET
    if type(source) is EnvSettingsSource:
        return SourceKind.ENVIRONMENT
    if isinstance(source, DocumentSource):
        return SourceKind.FILE
    if type(source) is InitSettingsSource:
        return SourceKind.CONSTRUCTOR
    return SourceKind.FILE if _files_of(source) else SourceKind.FOREIGN


def name_of(source: Any) -> str:
    """What a source calls itself, as pydantic-settings has it too."""
    return str(getattr(source, "__name__", type(source).__name__))


def spelling_in(source: Any, kind: SourceKind, names: list[str]) -> Callable[[str], str]:
    """How each of these names is written where people wrote it."""
    if kind is SourceKind.ENVIRONMENT:
        spelled = in_environment(names, exact=bool(source.case_sensitive))
        return lambda name: spelled.get(name, name)
    if kind is SourceKind.FLAG:
        return lambda name: flag(source, name)
    return lambda name: name.upper() if kind is SourceKind.DOTENV and not source.case_sensitive else name


def place_in(source: Any, kind: SourceKind) -> Callable[[str], Source]:
    """Where the value of a name, as `spelling_in` has it, stands; worked out when somebody asks."""
    if kind is SourceKind.DOTENV:
        return lambda name: _in_dotenv(source, name)
    if kind is SourceKind.SECRET:
        return lambda name: Source(kind, _secret_file(source, name))
    if kind is SourceKind.FOREIGN:
        return lambda name: Source(kind, f"{name_of(source)}: {name}")
    return lambda name: Source(kind, name)


def flag(source: Any, name: str) -> str:
    """The words of a command line that say `name`."""
    word = name.replace("_", "-") if getattr(source, "cli_kebab_case", False) else name
    return f"{getattr(source, 'cli_flag_prefix_char', '-') * 2}{word}"


def _in_dotenv(source: Any, name: str) -> Source:
    """The line of the last file that has the name, which is the one that counts."""
    from dotenv.parser import parse_stream

    for file in reversed(_listed(source.env_file)):
        path = FilePath(file).expanduser()
        if not path.is_file():
            continue
        with path.open(encoding=source.env_file_encoding or "utf-8") as stream:
            bindings = [(one.key or "", one.original) for one in parse_stream(stream)]
        for key, original in reversed(bindings):
            if key == name or (not source.case_sensitive and key.lower() == name.lower()):
                text = original.string
                line = original.line + text[: len(text) - len(text.lstrip())].count("\n")
                return Source(SourceKind.DOTENV, str(file), line)
    return Source(SourceKind.DOTENV, name)


def _listed(files: Any) -> Sequence[Any]:
    if files is None:
        return ()
    return [files] if isinstance(files, str | os.PathLike) else list(files)


def _secret_file(source: Any, name: str) -> str:
    for folder in reversed(getattr(source, "secrets_paths", [])):
        for file in sorted(FilePath(folder).rglob("*")):
            inside = str(file.relative_to(folder))
            if inside == name or (not source.case_sensitive and inside.lower() == name.lower()):
                return str(file)
    return name


def in_files(source: Any, around: Path) -> Callable[[tuple[str, ...]], Source]:
    """Where a config file says a setting that lies at `around` in the app; the last file that says it counts."""
    if isinstance(source, DocumentSource):
        return lambda path: source.document.source((*map(str, around), *path))
    files = [str(file) for file in _files_of(source)]
    opened: dict[str, Any] = {}

    def locate(path: tuple[str, ...]) -> Source:
        whole = (*_section_of(source), *map(str, around), *path)
        for file in reversed(files):
            document = opened.setdefault(file, _opened(file))
            if document is not None and _holds(document.values, whole):
                found: Source = document.source(whole)
                return found
        return Source(SourceKind.FILE, files[-1])

    return locate


def _opened(file: str) -> Any:
    """The file with its places; None where only pydantic-settings can read it, which then has no lines."""
    if not file.lower().endswith(tuple(FORMATS)):
        return None
    try:
        return read_document(file)
    except SourceError:
        return None


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return False
    return True


def _files_of(source: Any) -> list[Any]:
    return list(_existing(getattr(source, name, None) for name in _FILES))


def _existing(said: Iterator[Any]) -> Iterator[Any]:
    for files in said:
        yield from (file for file in _listed(files) if FilePath(str(file)).expanduser().is_file())


def _section_of(source: Any) -> tuple[str, ...]:
    for name in _SECTIONS:
        section = getattr(source, name, None)
        if section:
            return tuple(section.split(".")) if isinstance(section, str) else tuple(section)
    return ()
