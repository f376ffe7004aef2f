"""Settings whose meaning depends on more than their own text: arguments typed by another setting, and named files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from trainspec.settings.diagnostics import Diagnostic, Evidence, errors_of
from trainspec.settings.diagnostics.source import Source
from trainspec.settings.judging.pydantic_errors import diagnose, not_json
from trainspec.settings.values.coercion import OLD_PREFIX, Manner, Word, coerce
from trainspec.settings.values.shape import ARGUMENTS, FILES, shape_of
from trainspec.text.redaction import show_value

if TYPE_CHECKING:
    from trainspec.settings.base import Settings
    from trainspec.settings.sources.files import Document
    from trainspec.settings.sources.layer import Origin


def resolve(settings: Settings, origin: Origin, failing: set[str]) -> list[Diagnostic]:
    """Fill `origin.resolved`; returns what is wrong inside those values, and adds their names to `failing`."""
    found: list[Diagnostic] = []
    said = settings.__pydantic_fields_set__ & shape_of(type(settings)).resolvable
    for name in sorted(said - failing):
        value = settings.__dict__[name]
        wrong: list[Diagnostic] = []
        if name in ARGUMENTS and value:
            wrong = _resolve_arguments(settings, name, value, origin, failing)
        elif name in FILES and isinstance(value, str) and name not in origin.resolved:
            wrong = _resolve_file(settings, name, value, origin)
        if errors_of(wrong):
            failing.add(name)
        found += wrong
    return found


def in_users_words(found: list[Diagnostic], origin: Origin) -> list[Diagnostic]:
    """Diagnostics with the keys of sections named as the sources write them."""
    spelled = {path: said for layer in origin.layers for path, said in layer.spelled.items() if len(path) == 2}
    words = {".".join(path): ".".join(said) for path, said in spelled.items() if path[0] == said[0]}
    return [_renamed(item, words) for item in found] if words else found


def _renamed(item: Diagnostic, words: Mapping[str, str]) -> Diagnostic:
    said = words.get(item.fields[0]) if item.fields else None
    if said is None:
        return item
    name, short, key = item.fields[0], item.fields[0].rpartition(".")[2], said.rpartition(".")[2]
    message = item.message.replace(name, said, 1)
    if item.code == "VAL107":
        message = f"{message.removesuffix(short)}{key}"
    evidence = (replace(item.evidence[0], field=said), *item.evidence[1:])
    return replace(item, message=message, evidence=evidence)


def _resolve_arguments(
    settings: Settings, name: str, value: Any, origin: Origin, failing: set[str]
) -> list[Diagnostic]:
    chooser, family = ARGUMENTS[name]
    if chooser in failing:
        return []
    chosen = settings.__dict__[chooser]
    section = argument_models(name)[chosen]
    if isinstance(value, str) and value[:1] == "{":
        return _not_json(settings, name, value, origin)
    if isinstance(value, str):
        parsed = _parse_pairs(value)
        if parsed is None:
            message = f"{name} must read k=v,k2=v2, not {show_value(name, value)}"
            return [_about(f"{family}203", "malformed-arguments", message, name, value, origin, "write k=v,k2=v2")]
        value = parsed
    shape = shape_of(section)
    kinds = shape.kinds
    typed = {key: _typed(kinds[key], item) if key in kinds else item for key, item in value.items()}
    if value is settings.__dict__[name] and any(isinstance(item, Word) for item in value.values()):
        # Text becomes what it spells, so that a dump of these settings reads back.
        settings.__dict__[name] = typed
    try:
        origin.resolved[name] = section.model_validate(typed).model_dump(exclude_unset=True)
    except ValidationError as error:
        lines = diagnose(error, shape, origin.source, prefix=(name,))
        return [_for_choice(line, family, str(chosen), sorted(kinds), chooser, settings, origin) for line in lines]
    return []


def argument_models(name: str) -> Mapping[Any, type[BaseModel]]:
    """For `lr_scheduler_kwargs` or `optim_args`: the model of its keys, by schedule or optimizer."""
    if name == "lr_scheduler_kwargs":
        from trainspec.settings.sections.schedulers import SCHEDULER_ARGUMENTS

        return SCHEDULER_ARGUMENTS
    from trainspec.settings.sections.optimizers import OPTIMIZER_ARGUMENTS

    return OPTIMIZER_ARGUMENTS


def _typed(kind: Any, value: Any) -> Any:
    """Text of a source that holds only text, read as the argument's type; a document's value as it is."""
    return coerce(kind, value, Manner.STRINGS if isinstance(value, Word) else Manner.DOCUMENT)


def _parse_pairs(text: str) -> dict[str, Any] | None:
    """`k=v,k2=v2`, where a value may be a list or mapping of JSON with commas of its own; None where it is not that."""
    pairs: dict[str, Any] = {}
    for part in _split_outside_brackets(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or key.strip() in pairs:
            return None
        pairs[key.strip()] = Word(value.strip())
    return pairs


def _split_outside_brackets(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [part for part in (*parts, text[start:]) if part.strip()]


_SETTINGS_OF = {
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "eps": "adam_epsilon",
    "betas": "adam_beta1 and adam_beta2",
    "beta1": "adam_beta1",
    "beta2": "adam_beta2",
}
"""What the classes of optimizers take and settings say."""


def _for_choice(
    line: Diagnostic, family: str, chosen: str, keys: list[str], chooser: str, settings: Settings, origin: Origin
) -> Diagnostic:
    if line.code == "VAL108":
        return line
    unknown = line.code == "VAL107"
    key = line.fields[0].rpartition(".")[2]
    code, name = (f"{family}201", "unknown-argument") if unknown else (f"{family}202", "bad-argument")
    message = line.message
    if unknown:
        message = f"{chosen} takes no argument {key}"
        if family == "OPT" and key in _SETTINGS_OF:
            own = _SETTINGS_OF[key]
            message, line = f"{key} of {chosen} is a setting of its own: {own}", replace(line, remedy=f"write {own}")
    takes = f"{chosen} takes {', '.join(keys)}" if keys else f"{chosen} takes no arguments here"
    remedy = f"{line.remedy} ({takes})" if line.remedy and not line.remedy.startswith("its keys") else takes
    evidence = (*line.evidence, Evidence(chooser, show_value(chooser, chosen), origin.source((chooser,))))
    return replace(line, code=code, name=name, message=message, remedy=remedy, evidence=evidence)


def _not_json(settings: Settings, name: str, text: str, origin: Origin) -> list[Diagnostic]:
    """What is wrong with a text that begins as a mapping does."""
    from trainspec.settings.sources.formats.meant_json import broken

    conceal = shape_of(type(settings)).conceals((name,))
    fault = broken(text, conceal=conceal) or ""
    return [not_json(name, text, fault, conceal=conceal, source=origin.source((name,)))]


def _in_file(document: Document, path: tuple[str, ...]) -> Source:
    """The place of a key in a file, with the prefix that it may have there."""
    prefixed = bool(path) and path[0] not in document.values and OLD_PREFIX + path[0] in document.values
    return document.source((OLD_PREFIX + path[0], *path[1:]) if prefixed else path)


def _about(code: str, label: str, message: str, name: str, value: Any, origin: Origin, remedy: str) -> Diagnostic:
    evidence = (Evidence(name, show_value(name, value), origin.source((name,))),)
    return Diagnostic(code, label, "error", message, "", remedy, evidence)


def _resolve_file(settings: Settings, name: str, path: str, origin: Origin) -> list[Diagnostic]:
    from trainspec.settings.judging.named_files import read_named

    kind = shape_of(type(settings)).kinds[name]
    section = kind.section
    if section is None:
        return []
    if path.startswith("{"):
        return _not_json(settings, name, path, origin)
    if path.startswith("["):
        message = f"{name} must be {kind.expected}, not {show_value(name, path)}"
        return [_about("VAL101", "wrong-type", message, name, path, origin, "")]
    document, found = read_named(name, path, origin)
    if document is None:
        return found
    shape = shape_of(section)
    short = {key: key if key in shape.kinds else key.removeprefix(OLD_PREFIX) for key in document.values}
    typed = {
        key: coerce(shape.kinds[short[key]], item, Manner.DOCUMENT) if short[key] in shape.kinds else item
        for key, item in document.values.items()
    }
    try:
        origin.resolved[name] = section.model_validate(typed)
    except ValidationError as error:
        words = {f"{name}.{key.removeprefix(OLD_PREFIX)}": f"{name}.{key}" for key in document.values}
        locate: Callable[[tuple[str, ...]], Source] = lambda path: _in_file(document, path[1:])  # noqa: E731
        return [_renamed(item, words) for item in diagnose(error, shape, locate, prefix=(name,))]
    origin.files[name] = document
    return []
