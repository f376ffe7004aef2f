"""Between pydantic's error lines and our diagnostics, both ways."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from trainspec.settings.diagnostics import Diagnostic, Evidence
from trainspec.settings.diagnostics.bounds import first_of
from trainspec.settings.diagnostics.codes import CODES
from trainspec.settings.diagnostics.diagnostic import under
from trainspec.settings.diagnostics.source import Source, SourceKind
from trainspec.settings.values.coercion import parse
from trainspec.settings.values.kinds import Kind
from trainspec.settings.values.masking import shown
from trainspec.settings.values.shape import Shape, keys_of
from trainspec.text.redaction import HIDDEN, printable, redact_url
from trainspec.text.suggestions import did_you_mean

Locate = Callable[[tuple[str, ...]], "Source | None"]

_BOUNDS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
_CHOICES = frozenset({"enum", "literal_error", "not_an_option"})
_BAD_TEXT = frozenset({"string_pattern_mismatch", "string_too_short", "string_too_long"})
_MALFORMED = _BAD_TEXT | {"value_error"}


_KEY = "[key]"
"""Pydantic's step to a key of a mapping, where not its value is at fault."""


def diagnose(
    error: ValidationError,
    shape: Shape,
    locate: Locate,
    *,
    prefix: tuple[str, ...] = (),
) -> list[Diagnostic]:
    """One diagnostic a setting (or nested key) for pydantic's lines, of which a union makes several for one fault."""
    grouped: dict[tuple[str, ...], list[ErrorDetails]] = {}
    ours: list[Diagnostic] = []
    for line in error.errors(include_url=False):
        if "diagnostic" in line.get("ctx", {}):
            ours.append(_named_in_full(from_dict(line["ctx"]["diagnostic"]), line["loc"]))
            continue
        path = _walk(line["loc"], shape.kinds)
        grouped.setdefault(path, []).append(line)
    # A fault of a whole mapping is only that of a key in it, seen from the other members of the union.
    around = {path[:length] for path in grouped for length in range(len(path))}
    of_each: dict[str, list[tuple[str, ...]]] = {}
    for path, lines in grouped.items():
        if path not in around or not all(isinstance(line["input"], dict) for line in lines):
            of_each.setdefault(".".join(prefix or path[:1]), []).append(path)
    for head, paths in of_each.items():
        ours += first_of(head, (_one(path, grouped[path], shape, locate, prefix) for path in paths))
    return ours


def _named_in_full(item: Diagnostic, loc: tuple[int | str, ...]) -> Diagnostic:
    """What settings inside the model said of themselves, under the names that they have in the model."""
    own = len(item.fields[0].split(".")) if item.fields and item.fields[0] else 0
    # Members of a union stand in a location too, under names no field can have.
    around = [str(step) for step in loc[: len(loc) - own] if not re.search(r"[\[(]", str(step))]
    return under(".".join(around), item) if around else item


def _walk(loc: tuple[int | str, ...], kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """The path of settings in pydantic's location, which also holds names of union members."""
    path: list[str] = []
    kind: Kind | None = None
    known: Mapping[str, Kind] | None = kinds
    for place, step in enumerate(loc):
        if not path or (known is not None and (step in known or _is_last_key(step, loc, known, path))):
            kind = known.get(str(step)) if known is not None else None
        elif (inner := _entered(kind, step, loc[place + 1 :])) is not None:
            kind = inner
        else:
            continue
        path.append(str(step))
        known = keys_of(kind)
    return tuple(path)


def _entered(kind: Kind | None, step: int | str, rest: tuple[int | str, ...]) -> Kind | None:
    """The kind of an item or value, where the location goes on to a key in it or the value itself is at fault."""
    if kind is None or (isinstance(step, str) and _names_type(step)):
        return None
    inner = kind.items if isinstance(step, int) else kind.values
    return inner if inner is not None and (_leads_to(inner, rest) or _is_entered(kind, inner, step, rest)) else None


def _is_entered(kind: Kind, inner: Kind, step: int | str, rest: tuple[int | str, ...]) -> bool:
    """Whether a step goes into a plain list or mapping: one that is no member of a union, which have names in locations
    too. What a plain list takes is said of the list.
    """
    if keys_of(inner) is not None or not set(kind.phrases) - {"null"} <= {kind.phrases[0]} or _KEY in rest[:1]:
        return False
    return isinstance(step, str) or (bool(rest) and (inner.items is not None or inner.values is not None))


def _leads_to(kind: Kind, rest: tuple[int | str, ...]) -> bool:
    """Whether the rest of a location names a key of what stands here, or inside it."""
    known = keys_of(kind)
    inside = (inner for inner in (kind.items, kind.values) if inner is not None)
    return any(one in known for one in rest) if known is not None else any(_leads_to(inner, rest) for inner in inside)


def _is_last_key(step: int | str, loc: tuple[int | str, ...], known: Mapping[str, Kind], path: list[str]) -> bool:
    """Whether an unknown step is a key the user wrote (it ends the location) and not the name of a union member."""
    return isinstance(step, str) and step is loc[-1] and len(loc) > len(path) + 0 and not _is_tag(step, loc)


def _is_tag(step: str, loc: tuple[int | str, ...]) -> bool:
    """Names pydantic gives to union members: classes, and core types with their wrappers."""
    return len(loc) == 2 and (step[:1].isupper() or _names_type(step))


def _names_type(step: str) -> bool:
    return "[" in step or step in _CORE_TYPES


# Characters of choices in a remedy: half a screen.
_MOST_LISTED = 1000

_CORE_TYPES = frozenset(
    {"bool", "int", "float", "str", "none", "constrained-int", "constrained-float", "constrained-str"}
)


def _one(
    path: tuple[str, ...],
    lines: Sequence[ErrorDetails],
    shape: Shape,
    locate: Locate,
    prefix: tuple[str, ...],
) -> Diagnostic:
    if not path:
        return _of_the_whole(lines[0], locate, prefix)
    whole = (*prefix, *path)
    name = printable(".".join(whole))
    kind, section = _kind_at(path, shape.kinds)
    types = {line["type"] for line in lines}
    value = lines[0]["input"]
    conceal = shape.conceals(path)
    if (fault := _broken_json(kind, value, conceal=conceal)) is not None:
        return not_json(name, value, fault, conceal=conceal, source=nearest(whole, locate))
    code = _code(types, lines, kind)
    seen = None if code in ("VAL105", "VAL107") else shown(name, value, secret=conceal)
    message, remedy = _message(code, name, path[-1], seen, kind, section, lines)
    if isinstance(value, str) and code in ("VAL101", "VAL103", "VAL106"):
        from trainspec.settings.judging.oddities import hint

        remedy = hint(kind, value, conceal=conceal) or remedy
    return Diagnostic(
        code,
        CODES[code].name,
        "error",
        message,
        "" if code in ("VAL101", "VAL103") else CODES[code].reason,
        remedy,
        (Evidence(name, seen, nearest(whole, locate)),),
    )


def _broken_json(kind: Kind | None, value: Any, *, conceal: bool) -> str | None:
    """What is wrong with a text that begins as JSON does, where something is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return None
    from trainspec.settings.sources.formats.meant_json import broken, is_json_of

    return broken(value, conceal=conceal) if is_json_of(kind, value) else None


def not_json(name: str, text: str, fault: str, *, conceal: bool, source: Source | None) -> Diagnostic:
    """A text that was meant as JSON and is none; with `conceal` nothing of it is shown."""
    from trainspec.settings.sources.formats.meant_json import remedy

    message = printable(redact_url(f"{name} is text that is not valid JSON{fault}"))
    evidence = (Evidence(name, shown(name, text, secret=conceal), source),)
    return Diagnostic(
        "VAL106", CODES["VAL106"].name, "error", message, "", printable(remedy(text, conceal=conceal)), evidence
    )


def nearest(path: tuple[str, ...], locate: Locate) -> Source | None:
    """Where a value stands, or what should hold it: a key that is missing stands nowhere."""
    around = (path[:length] for length in range(len(path), 0, -1))
    return next((source for one in around if (source := locate(one)) is not None), None)


def _of_the_whole(line: ErrorDetails, locate: Locate, prefix: tuple[str, ...]) -> Diagnostic:
    """What a model's own validator refuses, which no single field is to blame for."""
    name = ".".join(prefix)
    said = line["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    evidence = (Evidence(name, None, locate(prefix) if prefix else None),)
    return Diagnostic("VAL106", CODES["VAL106"].name, "error", f"{name}: {said}" if name else said, evidence=evidence)


def _kind_at(path: tuple[str, ...], kinds: Mapping[str, Kind]) -> tuple[Kind | None, Iterable[str]]:
    """The kind at a path (None for a key that is not there), and the keys beside it."""
    known: Mapping[str, Kind] | None = kinds
    kind: Kind | None = None
    for step in path:
        if known is None and kind is not None:
            kind = kind.items or kind.values
        else:
            beside, kind = known or {}, (known or {}).get(step)
        known = keys_of(kind)
    return kind, beside


def _may_be_choice(kind: Kind | None, value: Any) -> bool:
    """Whether a value is of a type that choices have: then it is one too many, not one of another type."""
    if isinstance(value, str):
        return True
    choices = () if kind is None else kind.choices
    return not isinstance(value, bool) and any(type(value) is type(choice) for choice in choices)


def _code(types: set[str], lines: Sequence[ErrorDetails], kind: Kind | None) -> str:
    value = lines[0]["input"]
    if "finite_number" in types or (isinstance(value, float) and not math.isfinite(value)):
        return "VAL104"
    if "missing" in types and not isinstance(lines[0]["loc"][-1], int):
        return "VAL105"
    if types & {"extra_forbidden", "unexpected_keyword_argument"}:
        return "VAL107"
    if types & _BOUNDS and isinstance(value, int | float) and not isinstance(value, bool):
        return "VAL102"
    if "value_error" in types and isinstance(value, dict):
        return "VAL106"
    if types & _CHOICES and (_may_be_choice(kind, value) or (isinstance(value, list) and types & {"enum"})):
        return "VAL103"
    return "VAL106" if types <= _MALFORMED or (isinstance(value, str) and types & _BAD_TEXT) else "VAL101"


def _message(
    code: str,
    name: str,
    key: str,
    seen: str | None,
    kind: Kind | None,
    beside: Iterable[str],
    lines: Sequence[ErrorDetails],
) -> tuple[str, str]:
    expected = kind.expected if kind is not None else "something else"
    if code == "VAL107":
        keys = sorted(beside)
        parent = name.rpartition(".")[0] or "the document"
        return f"{parent} has no key {printable(key)}", did_you_mean(key, keys) or f"its keys are {', '.join(keys)}"
    if code == "VAL105":
        return f"{name} is required and no source gives it", f"give {name}: {expected}"
    if code == "VAL103" and kind is not None:
        options = list(_options(kind))
        remedy = did_you_mean(_wrong_word(lines, options), options) or _listed(options, expected)
        return f"{name} must be {expected}, not {seen}", remedy
    member = next((line["ctx"]["class"] for line in lines if line["type"] == "is_instance_of"), None)
    if member is not None and kind is not None and lines[0]["input"] in map(str, kind.choices):
        return f"{name} must be a member of {member} where strict=True is asked for, not {seen}", "leave strict out"
    said = next((line["msg"] for line in lines if line["type"] == "value_error"), None)
    if code == "VAL106" and said is not None and seen != HIDDEN:
        return f"{name}: {said.removeprefix('Value error, ')}", ""
    detail = f" ({_detail(lines)})" if (code == "VAL106" or expected == "a valid value") and seen != HIDDEN else ""
    remedy = "" if code == "VAL106" else _remedy(kind, lines[0]["input"], conceal=seen == HIDDEN)
    return f"{name} must be {expected}, not {seen}{detail}", remedy


def _listed(options: list[str], expected: str) -> str:
    """The choices, where the message only counts them, and they are no more than somebody reads."""
    text = f"choose one of {', '.join(options)}"
    return "" if len(text) > _MOST_LISTED or all(option in expected for option in options) else printable(text)


def _detail(lines: Sequence[ErrorDetails]) -> str:
    """What is wrong with a value of the right type."""
    line = next((line for line in lines if line["type"] in _BAD_TEXT), lines[0])
    is_ours = "x7f" in line.get("ctx", {}).get("pattern", "")
    return "it holds a control character" if is_ours else line["msg"]


def _wrong_word(lines: Sequence[ErrorDetails], options: list[str]) -> str:
    """The part of the value that is no choice: a word of a text, an item of a list, or all of it."""
    word = next((line["ctx"]["word"] for line in lines if line["type"] == "not_an_option"), None)
    value = lines[0]["input"]
    if word is None and isinstance(value, list):
        word = next((item for item in value if str(item) not in options), None)
    return str(value if word is None else word)


def _options(kind: Kind) -> Iterable[str]:
    yield from map(str, kind.choices)
    if kind.items is not None:
        yield from _options(kind.items)


def _remedy(kind: Kind | None, value: Any, *, conceal: bool = False) -> str:
    """What to write instead of a value of the wrong type, where that can be told."""
    if kind is None or value is None:
        return ""
    if kind.is_switch and type(value) is int and value in (0, 1):
        return f"write {'true' if value else 'false'}"
    if isinstance(value, bool):
        word = {True: ("yes", "on", "true"), False: ("no", "off", "none")}[value]
        choice = next((option for option in _options(kind) if option in word), None)
        return f'write "{choice}" in quotes' if choice is not None else ""
    if isinstance(value, str) and (kind.boolean or kind.integer or kind.number) and not kind.takes_strings:
        # Text of a variable or flag was parsed already, so what still is text there has no quotes to lose.
        unquoted = _reads_as_scalar(value) and not isinstance(parse(kind, value), str)
        if unquoted:
            return "write it without quotes"
        from trainspec.settings.judging.number_slips import meant

        return f"write {number}" if (number := meant(kind, value)) else ""
    if isinstance(value, str) and kind.items is not None:
        return "write it as a list"
    return _as_mapping(value) if isinstance(value, str) and kind.mapping and not conceal else ""


def _as_mapping(text: str) -> str:
    """How a text for a mapping would be written, which JSON alone can be."""
    from trainspec.settings.sources.formats.meant_json import remedy

    return "write it without quotes" if text.lstrip()[:1] == "{" else printable(remedy(text, conceal=False))


def _reads_as_scalar(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return text.lower() in ("true", "false")


def validation_error(model: type[BaseModel], diagnostics: Iterable[Diagnostic]) -> ValidationError:
    """pydantic's ValidationError with a line a diagnostic: the code as type, the rest in `ctx`, nothing secret."""
    lines = []
    for item in diagnostics:
        body = item.render().partition("] ")[2]
        # The message last: pydantic fills in one after the other, and braces in a user's value must stay as they are.
        context: dict[str, Any] = {"name": item.name, "reason": item.reason, "remedy": item.remedy}
        context |= {"diagnostic": item.to_dict(), "message": body}
        custom = PydanticCustomError(item.code, "{message}", context)
        loc = tuple(item.fields[0].split(".")) if item.fields and item.fields[0] else ()
        lines.append(InitErrorDetails(type=custom, loc=loc, input=_input_of(item)))
    return ValidationError.from_exception_data(model.__name__, lines)


def no_json(model: type[BaseModel], error: ValidationError) -> ValidationError:
    """pydantic's error about text that is no JSON, without that text."""
    said = error.errors(include_input=False, include_url=False)[0]["ctx"]["error"]
    code = CODES["SRC107"]
    message = f"the document is not valid JSON: {said}"
    found = Diagnostic("SRC107", code.name, "error", message, code.reason, code.fix, (Evidence(""),))
    return validation_error(model, [found])


def _input_of(item: Diagnostic) -> Any:
    """What pydantic shows as the input: the values as they were written, as far as they may be shown."""
    said = {evidence.field: _written(evidence.value) for evidence in item.evidence if evidence.value is not None}
    return next(iter(said.values())) if len(said) == len(item.evidence) == 1 else said


def _written(seen: str) -> Any:
    """The value behind the text that shows it; the text where that is no more than a picture of the value."""
    try:
        value = json.loads(seen, parse_constant=_picture)
    except (ValueError, RecursionError):
        return seen
    return value if json.dumps(value, ensure_ascii=False).isprintable() else seen


def _picture(constant: str) -> Any:
    raise ValueError(constant)


def diagnostics_of(error: ValidationError) -> list[Diagnostic]:
    """The diagnostics of an error that settings raised; lines of other models in it are left out."""
    contexts = (line.get("ctx", {}) for line in error.errors(include_url=False))
    return [from_dict(context["diagnostic"]) for context in contexts if "diagnostic" in context]


def from_dict(data: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that `Diagnostic.to_dict` made this of."""
    evidence = tuple(Evidence(item["field"], item["value"], _source(item["source"])) for item in data["evidence"])
    texts = {key: data[key] for key in ("code", "name", "severity", "message", "reason", "remedy")}
    return Diagnostic(**texts, evidence=evidence)


def _source(data: Mapping[str, Any] | None) -> Source | None:
    return None if data is None else Source(SourceKind(data["kind"]), data["name"], data["line"], data["column"])
