"""Documents of a settings class as JSON Schema: its settings, old names that still work, and the rules.

A schema gives verdicts, not warnings, so rules that warn are left to `trainspec validate`; so are the few that no
schema can say, which `$comment` lists by code.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from pydantic import BaseModel

from trainspec.settings.arguments import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.judging.resolution import argument_models
from trainspec.settings.rules.compilation import triggers
from trainspec.settings.rules.conditions import Equals, OneOf
from trainspec.settings.rules.hub import REPOSITORY_PART
from trainspec.settings.rules.rule import Rule
from trainspec.settings.sources.renames import ORGANIZATION, REMOVED, RENAMED, SAYS_NOTHING
from trainspec.settings.values.shape import ARGUMENTS, shape_of
from trainspec.settings.values.types import Text
from trainspec.settings.views.schema.combining import NEVER
from trainspec.settings.views.schema.conditions import ConditionSchemas
from trainspec.settings.views.schema.fields import FieldSchemas, Schema, one_name, titled
from trainspec.settings.views.schema.old_values import among_old_values, old_values
from trainspec.settings.views.schema.text_patterns import pattern_of_pairs

_OWNED = "hub_model_id"
# Names and values of which the schema is stricter or looser than the validator; see `not_expressed`.
PARTLY = ("OPT202", "OPT203", "REN103", "REN105", "REN106")


def document_schema(model: type[Settings], fields: FieldSchemas, *, in_file: bool = False) -> Schema:
    """What a document may say; `in_file` takes the settings of a task beside it, which files hold and no model does."""
    properties: dict[str, Schema] = {"$schema": {**_about("$schema", "The schema of this file."), "type": "string"}}
    properties |= fields.of_all(model.model_fields)
    properties |= _old_names(model, fields, properties)
    spellings = shape_of(model).spellings
    properties |= {spelling: properties[name] for spelling, name in spellings.items() if spelling not in properties}
    if in_file:
        about = _about("task", "Settings of the task's own; the task checks them.")
        properties["task"] = {**about, "type": "object"}
    constraints = [*_rules(model, fields), *_typed_arguments(model, fields), *_one_name(model), *_owner(model)]
    schema: Schema = {
        "title": model.model_config.get("title") or model.__name__,
        "description": described(model),
        "$comment": _comment(model),
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    needed = [name for name, info in model.model_fields.items() if info.is_required()]
    if in_file:
        # Holders of what YAML's aliases stand for; that something refers to one is for the validator to see.
        schema["patternProperties"] = {r"^(x-|\.)": True}
    if required := [name for name in needed if name not in spellings.values()]:
        schema["required"] = required
    constraints += [_under_any_name(model, name) for name in needed if name not in required]
    return {**schema, "allOf": constraints} if constraints else schema


def described(model: type[Settings]) -> str:
    """The first line of a class's docstring, or its name."""
    return (model.__doc__ or model.__name__).strip().partition("\n")[0]


def _about(name: str, description: str) -> Schema:
    return {"title": titled(name.strip("$")), "description": description}


def expressed(model: type[Settings]) -> tuple[Rule, ...]:
    """The rules that the schema carries whole: errors whose condition is data that JSON Schema has words for."""
    return tuple(rule for rule in model.rules() if rule.severity == "error" and rule.in_schema)


def _compared(model: type[Settings]) -> tuple[Rule, ...]:
    """The rules that compare two settings, of which the schema carries what follows while one of them is absent."""
    return tuple(
        rule for rule in model.rules() if rule.severity == "error" and rule.is_data and rule not in expressed(model)
    )


def not_expressed(model: type[Settings]) -> tuple[str, ...]:
    """The codes of errors that a document may have though the schema takes it, or the other way round."""
    functions = (rule.code for rule in model.rules() if rule.severity == "error" and not rule.in_schema)
    partly = PARTLY if issubclass(model, TrainingArguments) else ()
    return tuple(sorted((*functions, *partly)))


def _comment(model: type[Settings]) -> str:
    codes = ", ".join(not_expressed(model))
    return f"Generated. Rules that no schema can say, or only in part, which trainspec validate judges: {codes}"


def _rules(model: type[Settings], fields: FieldSchemas) -> list[Schema]:
    conditions = ConditionSchemas(model)
    defaults = {name: info.get_default(call_default_factory=True) for name, info in model.model_fields.items()}
    found = []
    for rule in (*expressed(model), *_compared(model)):
        holds = conditions.render(rule.when) if rule.when is not None else NEVER
        if holds != NEVER:
            found.append(_rule(model, rule, holds, defaults, fields))
    return found


def _rule(model: type[Settings], rule: Rule, holds: Schema, defaults: dict[str, Any], fields: FieldSchemas) -> Schema:
    """Where the condition holds, the settings that brought it about are refused, each where it stands."""
    message = f"{rule.code}: {rule.message}. {rule.fix[:1].upper()}{rule.fix[1:]}."
    refused: Any = False if fields.for_editors else NEVER
    blamed = sorted(triggers(rule.when, defaults) or ())
    names = [name for field in blamed for name in (field, *_aliases_of(model, field))]
    then: Schema = {"type": "object", "properties": dict.fromkeys(names, refused)} if names else {"not": {}}
    if fields.for_editors:
        then["errorMessage"] = message
    return {"$comment": message, "if": holds, "then": then}


def _aliases_of(model: type[Settings], field: str) -> list[str]:
    spellings = [spelling for spelling, name in shape_of(model).spellings.items() if name == field]
    return spellings + [old for old, renamed in RENAMED.items() if renamed.successor.partition(".")[0] == field]


def _under_any_name(model: type[Settings], field: str) -> Schema:
    """A required field stands there, under whichever name."""
    spellings = [spelling for spelling, name in shape_of(model).spellings.items() if name == field]
    return {"anyOf": [{"type": "object", "required": [name]} for name in (field, *spellings)]}


def _typed_arguments(model: type[Settings], fields: FieldSchemas) -> list[Schema]:
    """The arguments of a schedule or optimizer, by which one is chosen."""
    found = []
    conditions, in_full = ConditionSchemas(model), fields.in_full
    for name, (chooser, _) in ARGUMENTS.items():
        by_section: dict[type[BaseModel], list[Any]] = {}
        for choice, section in argument_models(name).items() if name in model.model_fields else ():
            by_section.setdefault(section, []).append(choice)
        for section, choices in by_section.items():
            mapping = fields.section(section)
            kinds, properties = shape_of(section).kinds, in_full.keys(section)
            text = pattern_of_pairs({key: (schema, kinds[key]) for key, schema in properties.items()})
            takes: Schema = {"anyOf": [mapping, {"type": "string", "pattern": text}, {"type": "null"}]}
            then = {"type": "object", "properties": {name: takes}}
            found.append({"if": conditions.render(OneOf(chooser, tuple(choices))), "then": then})
    return found


def _old_names(model: type[Settings], fields: FieldSchemas, properties: dict[str, Schema]) -> dict[str, Schema]:
    """Names of other years that still work, marked, each with what it takes."""
    found: dict[str, Schema] = {}
    for old, renamed in RENAMED.items():
        name, _, key = renamed.successor.partition(".")
        if name not in model.model_fields:
            continue
        takes = _old_value(fields, properties, old, name, key)
        remedy = f"write {renamed.note or renamed.successor}"
        about = _about(old, f"Old name of {renamed.successor}: {remedy}.")
        found[old] = {**about, **takes, **fields.deprecation(f"{old} is the old name: {remedy}")}
    if _OWNED in model.model_fields:
        takes = {"anyOf": [fields.of(Text), {"type": "null"}]}
        remedy = f"write {_OWNED}: owner/name"
        about = _about(ORGANIZATION, f"Old name of the first part of {_OWNED}: {remedy}.")
        found[ORGANIZATION] = {**about, **takes, **fields.deprecation(f"{ORGANIZATION} is the old name: {remedy}")}
    if "output_dir" in model.model_fields:
        for old, removed in REMOVED.items():
            about = _about(old, f"No setting: {removed.reason}; {removed.advice}.")
            idle = [*SAYS_NOTHING, *(value for value in removed.idle if value not in SAYS_NOTHING)]
            found[old] = {**about, "enum": idle, **fields.deprecation(f"{old} is no setting: {removed.advice}")}
    return found


def _old_value(fields: FieldSchemas, properties: dict[str, Schema], old: str, name: str, key: str) -> Schema:
    renamed = RENAMED[old]
    if old == "train_sampling_strategy":
        return {"oneOf": [{"const": choice, "description": choice} for choice in old_values(old)]}
    if old == "sharded_ddp":
        return among_old_values(old, old_values(old))
    if renamed.convert is not None:
        boolean: Schema = {"type": "boolean"}
        return boolean if old == "evaluate_during_training" else {"anyOf": [boolean, {"type": "null"}]}
    value = properties[name]
    if key:
        section = TrainingArguments.field_kinds()[name].section
        value = fields.keys(section)[key] if section is not None else value
    plain = {word: value[word] for word in value if word not in _DESCRIPTIVE}
    return {"anyOf": [plain, {"type": "null"}]}


_DESCRIPTIVE = frozenset({"title", "description", "markdownDescription", "default", "examples", "deprecated"})


def _owner(model: type[Settings]) -> list[Schema]:
    """The old name of a repository's owner stands beside the rest of the name, and is fit for one where it is used."""
    if _OWNED not in model.model_fields:
        return []
    named: Schema = {"anyOf": [_said(name, {"type": "string"}) for name in (_OWNED, *_aliases_of(model, _OWNED))]}
    owner = {"if": _said(ORGANIZATION, {"type": "string", "pattern": r"\S"}), "then": named}
    part: Schema = {"type": "string", "pattern": rf"^\s*(?:{REPOSITORY_PART})?\s*$"}
    fit: Schema = {"type": "object", "properties": {ORGANIZATION: {"anyOf": [part, {"type": "null"}]}}}
    return [owner, {"if": ConditionSchemas(model).render(Equals("push_to_hub", True)), "then": fit}]


def _said(name: str, value: Schema) -> Schema:
    return {"type": "object", "properties": {name: value}, "required": [name]}


def _one_name(model: type[Settings]) -> list[Schema]:
    """A setting stands under one of its names, of today or of other years."""
    names: dict[str, list[str]] = {}
    for old, renamed in RENAMED.items():
        if renamed.successor in model.model_fields and old != ORGANIZATION:
            names.setdefault(renamed.successor, [renamed.successor]).append(old)
    return [one_name(one, other) for group in names.values() for one, other in combinations(group, 2)]
