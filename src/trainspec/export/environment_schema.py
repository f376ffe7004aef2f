"""JSON Schema of the variables that a run is configured by: the `environment` of compose, `env` of Helm values.

A variable holds text, so each is a string here, with a pattern of all that the loader reads as the setting's type.
What lies beyond a pattern is left to the loader: most bounds, rules across settings, files. Where the schema is the
stricter one it says so: names are written in upper case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainspec.export.json_schema import Draft, settings_schema
from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.judging.resolution import argument_models
from trainspec.settings.sources.command_line import kind_at
from trainspec.settings.sources.renames import ORGANIZATION, REMOVED, RENAMED
from trainspec.settings.sources.variables import (
    CONFIG,
    ENV_FILE,
    FILE_SUFFIX,
    LANGUAGE,
    NESTED,
    SCHEMA_BASE,
    SECRETS_DIR,
    SECRETS_FROM,
    TASK,
    USUAL,
)
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.shape import ARGUMENTS, shape_of
from trainspec.settings.views.schema.fields import titled
from trainspec.settings.views.schema.text_patterns import Schema, any_case, as_text, listed, pattern_of

_COMMENT = (
    "Generated. Names are written in upper case here, though the loader reads any case. Bounds that no pattern can say,"
    " rules across settings and files are judged by trainspec validate --env."
)
_SWITCH, _WORD = Kind(boolean=True), Kind()
_SAYS_SOMETHING: Schema = {"type": "string", "pattern": r"\S"}
_SAYS_NOTHING: Schema = {"type": "string", "pattern": r"^\s*$"}
WHERE_FOUND = {
    CONFIG: "Path or URL of a file of settings (YAML, JSON, TOML), over which the variables are laid; of several, with "
    "commas between them or as a JSON list, each is laid over those before it.",
    ENV_FILE: "Path of a dotenv file, over which the variables are laid.",
    SECRETS_DIR: "Folder of mounted secrets, one file a setting.",
    SECRETS_FROM: "Addresses of secret managers with commas between them, later ones over earlier ones: aws-sm://name, "
    "aws-ssm://path, gcp-sm://project, azure-kv://vault; secrets alone are read, unless ?fields=NAME,NAME follows.",
}

OF_COMMANDS = {
    LANGUAGE: (
        "Language in which the trainspec command answers people: en or zh; unset: the locale's.",
        "^([Ee][Nn]|[Zz][Hh]|C|POSIX)([_.@-].*)?$",
    ),
    SCHEMA_BASE: (
        "URL of the folder in which the files of schemas/ are published: schemas that trainspec schema prints are "
        "named by it, and SARIF points to the reference there.",
        r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$",
    ),
}
"""What the command goes by, whatever the settings: what each is, and the pattern of its values."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of ours: what it may hold, and whether more of them lie below it."""

    name: str
    schema: Schema
    is_open: bool = False
    has_keys: bool = False


def render(model: type[Settings] = TrainingArguments, draft: Draft = "2020-12") -> Schema:
    """The schema of environments in which a settings class is loaded."""
    found = list(variables(model, draft))
    spelled = Spelling(model)
    names = [name for one in found if (name := spelled(one.name)) is not None]
    below = spelled.delimiter
    opened = [f"^{re.escape(spelled(one.name) or '')}{re.escape(below)}." for one in found if one.is_open and below]
    whole = settings_schema(model, draft=draft)
    return {
        "$schema": whole["$schema"],
        "$id": f"{whole['$id']}:environment",
        "title": f"Environment of {model.__name__}",
        "description": f"Variables that say settings of {model.__name__}; those without our prefix are left alone.",
        "$comment": _COMMENT,
        "type": "object",
        "properties": {name: one.schema for one in found if (name := spelled(one.name)) is not None},
        "patternProperties": {pattern: _open_key() for pattern in opened},
        # Without a prefix a variable that is no setting is anybody's.
        **({"propertyNames": _ours_alone(model, spelled.start, names, opened)} if spelled.prefix else {}),
        "additionalProperties": True,
        "allOf": [*_secrets_once(model, spelled), *_keys_over_mappings(found, spelled)],
    }


def _ours_alone(model: type[Settings], start: str, names: list[str], opened: list[str]) -> Schema:
    return {
        "type": "string",
        "description": f"A variable that begins with {model.env_prefix} is one of those listed.",
        "anyOf": [
            {"not": {"type": "string", "pattern": f"^{start}"}},
            {"enum": names},
            *({"pattern": pattern} for pattern in opened),
        ],
    }


class Spelling:
    """How a class's configuration has its variables written, by the names that they have in capitals with `__`."""

    def __init__(self, model: type[Settings]) -> None:
        config = model.model_config
        self.delimiter: str | None = config.get("env_nested_delimiter")
        self.exact = bool(config.get("case_sensitive"))
        self.prefix, self._capitals = model.env_prefix, prefix_of(model)
        self._fields = {name.upper(): name for name in model.model_fields}
        self.start = re.escape(self.prefix) if self.exact else any_case(self.prefix)
        """The pattern of what all of them begin with."""

    def __call__(self, name: str) -> str | None:
        """The name as it is written; None where the class has no way to write it."""
        head, *inner = name.removeprefix(self._capitals).split(NESTED)
        if inner and not self.delimiter:
            return None
        if self.exact:
            head, inner = self._fields.get(head, head.lower()), [one.lower() for one in inner]
        return (self.prefix if self.exact else self._capitals) + (self.delimiter or "").join((head, *inner))


def prefix_of(model: type[Settings]) -> str:
    """What the names of variables begin with, in capitals."""
    return model.env_prefix.upper()


def variables(model: type[Settings], draft: Draft = "2020-12") -> Iterator[Variable]:
    """Every variable that the class reads, its settings first."""
    whole = settings_schema(model, draft=draft)
    sections = whole.get("$defs") or whole.get("definitions") or {}
    for name, schema in whole["properties"].items():
        if name in model.model_fields:
            yield from _with_keys(f"{prefix_of(model)}{name.upper()}", schema, model.field_kinds()[name], sections)
        elif name in RENAMED or name in REMOVED or name == ORGANIZATION:
            yield _variable(f"{prefix_of(model)}{name.upper()}", schema, _kind_of_old(model, name))
    for secret in _secrets(model):
        name = f"{prefix_of(model)}{secret}{FILE_SUFFIX}".upper()
        marks = {key: value for key, value in whole["properties"][secret].items() if key.startswith("deprecat")}
        yield Variable(
            name, {**_about(name, f"Path of the file that holds {secret}, as mounted secrets are."), **marks}
        )
    if not model.env_prefix:
        return
    for name, about in WHERE_FOUND.items():
        if name not in model.model_fields:
            yield Variable(full := f"{prefix_of(model)}{name.upper()}", _about(full, about))
    for name, (about, pattern) in OF_COMMANDS.items():
        if name not in model.model_fields and prefix_of(model) == USUAL.env_prefix:
            yield Variable(full := f"{prefix_of(model)}{name.upper()}", {**_about(full, about), "pattern": pattern})
    if TASK not in model.model_fields:
        text = _about(full := f"{prefix_of(model)}{TASK.upper()}", "The task's own settings, as a JSON object.")
        yield Variable(full, {**text, "pattern": pattern_of({"type": "object"}, _WORD)}, is_open=True)


_DEEPEST = 4


def _with_keys(name: str, schema: Schema, kind: Kind, sections: dict[str, Schema]) -> Iterator[Variable]:
    """A setting's variable, then those of its keys."""
    keys = sections.get(kind.section.__name__, {}).get("properties", {}) if kind.section is not None else {}
    arguments = _arguments(name, sections) if kind.mapping and not keys else {}
    yield _variable(
        name, schema, kind, is_open=kind.mapping and not (keys or arguments), has_keys=bool(keys or arguments)
    )
    for key, ways in arguments.items():
        yield _one_of_several(f"{name}{NESTED}{key.upper()}", ways)
    for key, inner in keys.items():
        below = kind_at({"": kind}, ("", key)) or kind_at({"": kind}, ("", key.removeprefix("fsdp_")))
        # A model inside itself goes on without end: the variables of one level more stand for all.
        if below is not None and name.count(NESTED) < _DEEPEST:
            yield from _with_keys(f"{name}{NESTED}{key.upper()}", inner, below, sections)


def _arguments(name: str, sections: dict[str, Schema]) -> dict[str, list[Schema]]:
    """The keys of a schedule's or an optimizer's arguments, with all that each may be, whichever is chosen."""
    setting = name.partition("_")[2].lower()
    found: dict[str, list[Schema]] = {}
    for model in dict.fromkeys(argument_models(setting).values()) if setting in ARGUMENTS else ():
        for key, schema in sections[model.__name__]["properties"].items():
            variable = _variable(f"{name}{NESTED}{key.upper()}", schema, shape_of(model).kinds[key])
            found.setdefault(key, []).append(variable.schema)
    return found


def _one_of_several(name: str, ways: list[Schema]) -> Variable:
    """A key that is what one of the schemas says; of which of them another variable tells."""
    patterns = _unlike([{key: way[key] for key in ("pattern", "anyOf") if key in way} for way in ways])
    if len(patterns) == 1:
        return Variable(name, {**_in_common(ways), **patterns[0]})
    return Variable(name, _in_common(ways) | ({} if {} in patterns else {"anyOf": patterns}))


def _in_common(ways: list[Schema]) -> Schema:
    found = {key: ways[0][key] for key in ("type", "title")}
    found["description"] = " Or: ".join(_unlike([way["description"] for way in ways]))
    found["examples"] = _unlike([example for way in ways for example in way.get("examples", ())])
    return found


def _unlike(values: list[Any]) -> list[Any]:
    return [value for place, value in enumerate(values) if value not in values[:place]]


def _kind_of_old(model: type[Settings], old: str) -> Kind:
    """How the text under an old name is read."""
    if old in REMOVED or old == ORGANIZATION:
        return _WORD
    if RENAMED[old].convert is not None:
        return _SWITCH
    return kind_at(model.field_kinds(), tuple(RENAMED[old].successor.split("."))) or _WORD


def _variable(name: str, schema: Schema, kind: Kind, *, is_open: bool = False, has_keys: bool = False) -> Variable:
    description = schema["description"]
    if kind.phrases:
        description += f" {kind.expected[:1].upper()}{kind.expected[1:]}."
    found: Schema = {"type": "string", "title": schema["title"], "description": description}
    if schema.get("default") not in (None, ""):
        found["default"] = as_text(schema["default"])
    if schema.get("examples"):
        found["examples"] = [as_text(example) for example in schema["examples"]]
    found |= {key: value for key, value in schema.items() if key.startswith("deprecat")}
    pattern, choices = pattern_of(schema, kind), listed(schema)
    if choices and pattern is not None:
        found["anyOf"] = [{"oneOf": choices}, {"pattern": pattern}]
    elif pattern is not None:
        found["pattern"] = pattern
    return Variable(name, found, is_open=is_open, has_keys=has_keys)


def _about(name: str, description: str) -> Schema:
    return {"type": "string", "title": titled(name.partition("_")[2].lower()), "description": description}


def _open_key() -> Schema:
    return {"type": "string", "title": "Key", "description": "A key of the mapping that the name begins with."}


def _secrets(model: type[Settings]) -> list[str]:
    old = [name for name, renamed in RENAMED.items() if renamed.successor in model.secret_fields()]
    return [*sorted(model.secret_fields()), *old]


def _secrets_once(model: type[Settings], spelled: Spelling) -> Iterator[Schema]:
    """A secret is given by value or by file."""
    for secret in _secrets(model):
        name = f"{prefix_of(model)}{secret}".upper()
        both = [spelled(name), spelled(name + FILE_SUFFIX.upper())]
        given = {"properties": dict.fromkeys(both, _SAYS_SOMETHING), "required": both}
        yield {"type": "object", "not": {"type": "object", **given}}


def _keys_over_mappings(found: list[Variable], spelled: Spelling) -> Iterator[Schema]:
    """Keys are laid over a mapping; where the variable around them names a file, only one of the two can hold."""
    for one in found:
        name = spelled(one.name)
        if name is not None and spelled.delimiter and (one.has_keys or one.is_open):
            deep = NESTED in one.name
            text = _SAYS_SOMETHING if deep else {"type": "string", "pattern": r"^\s*[^\s{]"}
            around = {"type": "object", "properties": {name: text}, "required": [name]}
            silent = {
                "type": "object",
                "patternProperties": {f"^{re.escape(name + spelled.delimiter)}.": _SAYS_NOTHING},
            }
            yield {"if": around, "then": silent}
