"""`trainspec.env`: a dotenv file with every variable, commented out, under its description, type and default."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from pydantic.fields import FieldInfo

from trainspec.export.environment_schema import Spelling, prefix_of
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.sources.variables import CONFIG, ENV_FILE, FILE_SUFFIX, NESTED, SECRETS_DIR, SECRETS_FROM, TASK
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import Shape, shape_of
from trainspec.settings.views.dumping import default_without_secrets, plain
from trainspec.settings.views.help_text import default_of, sections_of
from trainspec.settings.views.schema.text_patterns import as_text, in_dotenv

_WIDTH = 100
_ABOUT = (
    "Settings of a run as variables. Take the # from the lines that you want; each shows an example, and an empty "
    "variable counts as unset. {named} it to docker run --env-file, compose or a "
    "shell. Variables of the process come before those of this file."
)
_HOW = (
    "Lists are written as a,b or as JSON, mappings as JSON in single quotes or a key at a time: "
    "{key}=2. docker run --env-file takes quotes for a part of the value: leave them out there."
)


def render(model: type[Settings] = TrainingArguments) -> str:
    """The text of the file, for the variables of a settings class."""
    return "\n".join(_lines(model)) + "\n"


def _lines(model: type[Settings]) -> Iterator[str]:
    shape, spelled = shape_of(model), Spelling(model)
    named_in = spelled(f"{prefix_of(model)}{ENV_FILE.upper()}")
    yield from comment(_ABOUT.format(named=f"Name the file in {named_in}, or hand" if spelled.prefix else "Hand"))
    key = spelled(f"{prefix_of(model)}FSDP_CONFIG{NESTED}VERSION")
    if "fsdp_config" in shape.fields and key is not None:
        yield from comment(_HOW.format(key=key))
    if spelled.prefix:
        yield from _sources(model, spelled)
    write = str if spelled.exact else str.upper
    yield from settings_lines(model, write(spelled.prefix), spelled.delimiter, write)


def settings_lines(
    model: type[Settings], prefix: str, delimiter: str | None, write: Callable[[str], str] | None = None
) -> Iterator[str]:
    """Every setting of a class by group, as variables that begin with `prefix`."""
    shape = shape_of(model)
    # An app that tells cases apart may have small letters.
    written = write or (str.upper if prefix.isupper() else str.lower)
    for section in sections_of(shape):
        yield from ("", f"# --- {section.heading}")
        for name in section.names:
            yield ""
            yield from _setting(shape, prefix, name, delimiter, written)


def _sources(model: type[Settings], spelled: Spelling) -> Iterator[str]:
    about = {
        CONFIG: "A file of settings (YAML, JSON, TOML), over which these are laid: configs/run.yaml, or several, each "
        "over those before it: base.yaml,site.yaml",
        SECRETS_DIR: "A folder of mounted secrets, one file a setting: /run/secrets",
        SECRETS_FROM: "Secret managers, later ones over earlier ones: aws-sm://name, aws-ssm://path, gcp-sm://project, "
        "azure-kv://vault. Only secrets are read, unless ?fields=NAME,NAME follows",
        TASK: "The task's own settings as JSON, or a key at a time",
    }
    yield from ("", "# --- Where settings are found")
    for name, text in about.items():
        if name not in model.model_fields:
            yield from ("", *comment(text), f"#{spelled(prefix_of(model) + name.upper())}=")


def _setting(shape: Shape, prefix: str, name: str, delimiter: str | None, write: Callable[[str], str]) -> Iterator[str]:
    info, kind = shape.fields[name], shape.kinds[name]
    variable, from_file = prefix + write(name), write(FILE_SUFFIX)
    yield from comment(info.description or "")
    yield from comment(f"{kind.expected}; {default_of(name, info)}")
    yield from _keys(variable, kind, delimiter)
    if name in shape.secrets:
        yield f"#{variable}="
        yield from (*comment("or the file that holds it"), f"#{variable}{from_file}=")
        return
    yield f"#{variable}={in_dotenv(as_text(example_of(info, kind)))}"


def _keys(variable: str, kind: Kind, delimiter: str | None) -> Iterator[str]:
    if kind.section is not None and delimiter:
        keys = ", ".join(kind.section.model_fields)
        yield from comment(f"a key at a time: {variable}{delimiter}KEY, of {keys}")


def example_of(info: FieldInfo, kind: Kind) -> Any:
    """A value to show: of a setting that may name a file, one that needs no file."""
    examples = [plain(value) for value in info.examples or () if value is not None]
    if kind.section is not None:
        examples = [value for value in examples if isinstance(value, dict)]
    if examples:
        return examples[0]
    default = None if info.is_required() else plain(default_without_secrets(info))
    return _any_of(kind) if default is None or default == "" else default


def _any_of(kind: Kind) -> Any:
    """A value of a user's own setting that has neither example nor default."""
    if kind.choices:
        return kind.choices[0]
    if kind.items is not None:
        return [_any_of(kind.items)]
    if kind.null:
        return None
    return {} if kind.mapping else True if kind.boolean else 1 if kind.integer or kind.number else "text"


def comment(text: str) -> Iterator[str]:
    """A text as lines of a comment."""
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False, break_long_words=False
    )
