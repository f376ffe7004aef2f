"""How a class and a call say that sources are to be read: the options of SettingsConfigDict, obeyed or refused."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

Paths = tuple[str, ...]

KEPT_AS = "__trainspec_options__"
_OF_NESTED_SECRETS = frozenset(
    {
        "secrets_dir_missing",
        "secrets_dir_max_size",
        "secrets_case_sensitive",
        "secrets_prefix",
        "secrets_nested_delimiter",
        "secrets_nested_subdir",
    }
)
_OF_PYPROJECT = frozenset({"pyproject_toml_depth", "pyproject_toml_table_header"})


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The options of SettingsConfigDict that say how sources are read, under its names and with its meanings."""

    env_prefix: str = ""
    env_prefix_target: str | None = "variable"
    case_sensitive: bool | None = False
    env_nested_delimiter: str | None = None
    env_nested_max_split: int | None = None
    env_ignore_empty: bool | None = False
    env_parse_none_str: str | None = None
    env_parse_enums: bool | None = None
    enable_decoding: bool | None = True
    env_file: Any = None
    env_file_encoding: str | None = None
    env_file_depth: int | None = 0
    dotenv_filtering: str | None = None
    secrets_dir: Any = None
    json_file: Any = None
    json_file_encoding: str | None = None
    yaml_file: Any = None
    yaml_file_encoding: str | None = None
    yaml_config_section: str | None = None
    toml_file: Any = None
    toml_table_header: tuple[str, ...] | None = None
    nested_model_default_partial_update: bool | None = False
    cli_parse_args: Any = None
    # Of one call only.
    says_env_file: bool = False
    cli_settings_source: Any = None
    of_command_line: Mapping[str, Any] | None = None

    @property
    def parses_command_line(self) -> bool:
        """Whether pydantic-settings' own command line is read: by the class's configuration, or CliApp."""
        return self.cli_settings_source is not None or self.cli_parse_args not in (None, False)

    def config_files(self) -> Iterator[tuple[str, str, str | None, str | None]]:
        """The files that the configuration names, weakest first: path, format, encoding and dotted subtree."""
        toml_at = ".".join(self.toml_table_header or ())
        for path in paths_of(self.json_file):
            yield path, "json", self.json_file_encoding, None
        for path in paths_of(self.toml_file):
            yield path, "toml", None, toml_at or None
        for path in paths_of(self.yaml_file):
            yield path, "yaml", self.yaml_file_encoding, self.yaml_config_section


_NAMES = tuple(one.name for one in fields(SourceOptions))[:-3]


def paths_of(said: Any) -> Paths:
    """One path or several, as text, with `~` expanded."""
    if said is None:
        return ()
    several = [said] if isinstance(said, str | os.PathLike) or hasattr(said, "joinpath") else list(said)
    return tuple(os.path.expanduser(str(one)) for one in several)


def options_of(model: type[Settings]) -> SourceOptions:
    """What the class's configuration says now: it may be changed after the class was made."""
    config: Any = model.model_config
    said = tuple(map(config.get, _NAMES))
    kept = model.__dict__.get(KEPT_AS)
    if kept is None or kept[0] != said:
        given = {name: config[name] for name in _NAMES if name in config}
        kept = (said, SourceOptions(**given))
        type.__setattr__(model, KEPT_AS, kept)
    options: SourceOptions = kept[1]
    return options


def for_call(options: SourceOptions, arguments: dict[str, Any]) -> tuple[SourceOptions, dict[str, Any], Any]:
    """The options with those of a constructor's call over them, its other arguments, and sources made already."""
    said = {name: value for name, value in arguments.items() if name in _of_call()}
    rest = {name: value for name, value in arguments.items() if name not in said}
    built = said.pop("_build_sources", None)
    if "_env_file" in said and said["_env_file"] == _unsaid_file():
        del said["_env_file"]
    changes = {name[1:]: value for name, value in said.items() if value is not None and name[1:] in _NAMES}
    if "_env_file" in said:
        changes |= {"env_file": said["_env_file"], "says_env_file": True}
    of_command_line = {name: value for name, value in said.items() if name.startswith("_cli_") and value is not None}
    if of_command_line:
        changes["of_command_line"] = of_command_line
        changes["cli_settings_source"] = said.get("_cli_settings_source")
    return (replace(options, **changes) if changes else options), rest, built


@lru_cache(maxsize=1)
def _of_call() -> frozenset[str]:
    """The arguments with which a call of any BaseSettings changes how its sources are read."""
    import inspect

    from pydantic_settings import BaseSettings

    names = inspect.signature(BaseSettings.__init__).parameters
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))


def _unsaid_file() -> Any:
    from pathlib import Path

    return Path()


def refuse_what_cannot_hold(name: str, said: Mapping[str, Any], *, orders_sources: bool) -> None:
    """Raises TypeError for an option of a class's configuration that no source would read."""
    for option, value in said.items():
        if value is None or orders_sources or option in _NAMES:
            continue
        if option in _OF_NESTED_SECRETS:
            source = "NestedSecretsSettingsSource(file_secret_settings)"
        elif option in _OF_PYPROJECT:
            source = "PyprojectTomlConfigSettingsSource(settings_cls)"
        elif option in _of_sources() and not option.startswith("cli_"):
            raise TypeError(f"{name}: trainspec does not know the option {option} of SettingsConfigDict; leave it out")
        else:
            continue
        raise TypeError(
            f"{name}: {option} has no effect without a {source.partition('(')[0]}; return {source} from "
            "settings_customise_sources, or leave the option out"
        )


@lru_cache(maxsize=1)
def _of_sources() -> frozenset[str]:
    from pydantic import ConfigDict
    from pydantic_settings import SettingsConfigDict

    return frozenset(SettingsConfigDict.__annotations__) - frozenset(ConfigDict.__annotations__)
