"""How a class and a call say that sources are to be read: the options of SettingsConfigDict, obeyed or refused."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from trainspec.settings.base import Settings

Paths = tuple[str, ...]

TIME_LIMIT = 2.5
"""Seconds that a source which is not ours may take, where its class does not say otherwise (`source_timeout`)."""

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


# A tuple, since a dataclass of this size takes more of a short command's time than what it is for.
class SourceOptions(NamedTuple):
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
    # Of one call only: what a constructor's arguments say, and sources that were made before.
    said_by_call: frozenset[str] = frozenset()
    of_command_line: Mapping[str, Any] = MappingProxyType({})
    built: tuple[Any, ...] | None = None

    @property
    def parses_command_line(self) -> bool:
        """Whether pydantic-settings' own command line is read: by the class's configuration, or CliApp."""
        return self.cli_parse_args not in (None, False) or "cli_settings_source" in self.of_command_line

    @property
    def is_in_own_order(self) -> bool:
        """Whether there are sources that only pydantic-settings knows."""
        return self.parses_command_line or bool(self.nested_model_default_partial_update) or self.built is not None

    def config_files(self) -> Iterator[tuple[str, str, str | None, str | None]]:
        """The files that the configuration names, weakest first: path, format, encoding and dotted subtree."""
        toml_at = ".".join(self.toml_table_header or ())
        for path in existing_files(self.json_file):
            yield path, "json", self.json_file_encoding, None
        for path in existing_files(self.toml_file):
            yield path, "toml", None, toml_at or None
        for path in existing_files(self.yaml_file):
            yield path, "yaml", self.yaml_file_encoding, self.yaml_config_section


_NAMES = SourceOptions._fields[:-3]


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


def existing_files(said: Any, depth: int | None = 0) -> Paths:
    """Those that are there, each looked for in the working directory and up to `depth` directories above it."""
    return tuple(found for path in paths_of(said) if (found := _existing(path, depth or 0)) is not None)


def _existing(path: str, depth: int) -> str | None:
    above = [f"{os.pardir}{os.sep}" * level + path for level in range(1, depth + 1)]
    for one in (path, *([] if os.path.isabs(path) or "://" in path else above)):
        if "://" in one or (os.path.exists(one) and not os.path.isdir(one)):
            return one
    return None


def for_call(options: SourceOptions, arguments: dict[str, Any]) -> tuple[SourceOptions, dict[str, Any]]:
    """The options with those of a constructor's call over them, and its other arguments."""
    said = {name[1:]: value for name, value in arguments.items() if name in _of_call()}
    rest = {name: value for name, value in arguments.items() if name[1:] not in said or name[:1] != "_"}
    if "env_file" in said and said["env_file"] == _UNSAID_FILE:
        del said["env_file"]
    built = said.pop("build_sources", None)
    told = {name: value for name, value in said.items() if value is not None or name == "env_file"}
    changes: dict[str, Any] = {name: value for name, value in told.items() if name in _NAMES}
    changes["said_by_call"] = frozenset(told)
    changes["of_command_line"] = {name: value for name, value in told.items() if name.startswith("cli_")}
    if built is not None:
        changes["built"] = tuple(built[0])
        rest = {**built[1], **rest}
    return options._replace(**changes), rest


_UNSAID_FILE = PurePath()


@lru_cache(maxsize=1)
def _of_call() -> frozenset[str]:
    """The arguments with which a call of any BaseSettings changes how its sources are read."""
    import inspect

    names = inspect.signature(BaseSettings.__init__).parameters
    return frozenset(name for name in names if name.startswith("_") and not name.startswith("__"))


def orders_sources(model: type[Any]) -> bool:
    """Whether the class says itself, in settings_customise_sources, which sources there are."""
    usual: Any = BaseSettings.settings_customise_sources
    return model.settings_customise_sources.__func__ is not usual.__func__


def refuse_what_cannot_hold(model: type[Any], configured: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Raises TypeError for an option, in a class's configuration or its arguments, that nothing would keep.

    Arguments may be those of __init_subclass__ too, which pydantic asks about.
    """
    _refuse_what_is_always_so(model.__name__, model.model_config)
    said = {**configured, **arguments}
    if not said:
        return
    for option in _of_sources() & said.keys() - frozenset(_NAMES):
        if said[option] is None or option.startswith("cli_") or orders_sources(model):
            continue
        name = model.__name__
        if option in _OF_NESTED_SECRETS:
            source = "NestedSecretsSettingsSource(file_secret_settings)"
        elif option in _OF_PYPROJECT:
            source = "PyprojectTomlConfigSettingsSource(settings_cls)"
        else:
            raise TypeError(f"{name}: trainspec does not know the option {option} of SettingsConfigDict; leave it out")
        raise TypeError(
            f"{name}: {option} has no effect without a {source.partition('(')[0]}; return {source} from "
            "settings_customise_sources, or leave the option out"
        )
    for option in sorted(configured.keys() - _known()):
        from trainspec.text.suggestions import did_you_mean

        near = did_you_mean(option, _known()) or "leave it out"
        raise TypeError(f"{model.__name__}: neither pydantic nor pydantic-settings knows the option {option}; {near}")


# What settings are without a choice: each option with the values that would make them something else, and why.
_ALWAYS_SO: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "extra": (
        ("allow", "ignore"),
        "a mistyped setting would pass unseen; other programs' variables are passed over as they are, and files that "
        "hold their keys are read with ignore_unknown=True",
    ),
    "validate_assignment": ((False,), "every assignment is judged"),
    "strict": ((True,), "documents are strict as they are, and variables are always text"),
    "str_strip_whitespace": ((False,), "no source's text keeps space around it"),
    "from_attributes": ((True,), "settings are read from mappings"),
    "hide_input_in_errors": ((True,), "errors show what was said; make it a SecretStr to keep it from all output"),
    "revalidate_instances": (("always", "subclass-instances"), "settings are valid as they are"),
    "validate_by_alias": ((False,), "a setting has its name and its aliases in every source"),
    "validate_by_name": ((False,), "a setting has its name and its aliases in every source"),
    "populate_by_name": ((False,), "a setting has its name and its aliases in every source"),
}


def _refuse_what_is_always_so(name: str, config: Mapping[str, Any]) -> None:
    for option, (values, why) in _ALWAYS_SO.items():
        if option in config and config[option] in values:
            raise TypeError(f"{name}: {option}={config[option]!r} cannot be kept: {why}; leave it out")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset({*SettingsConfigDict.__annotations__, *ConfigDict.__annotations__, *_NAMES})


@lru_cache(maxsize=1)
def _of_sources() -> frozenset[str]:
    return frozenset(SettingsConfigDict.__annotations__) - frozenset(ConfigDict.__annotations__)
