"""Random settings documents: drawn from the schema, and mutated from there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import strategies as st

from trainspec.export.json_schema import Draft, settings_schema
from trainspec.settings.views.schema.text_patterns import JSON_TEXT

Schema = dict[str, Any]

WORDS = ["loss", "accuracy", "out", "a/b", "a/b/c", ".", "block", "inductor", "latest", " out", "loss\t", "  "]
ODD = [None, True, False, 0, 1, -1, 0.5, 1.5, -0.5, 2.0, 1e30, "", "no", "true", "5", [], ["a"], [1], {}, {"a": 1}]
# No such file is there: the validator then knows as little of it as a schema.
PATHS = [
    "x.json",
    "none/here.yaml",
    "loss",
    " a b.json\t",
    "amp,1.json",
    "zero.conf",
    "~/ds.json",
    "momentum=1",
    "[1]",
    "[x",
]
NAMED_FILES = {"fsdp_config", "deepspeed", "accelerator_config"}
# What looks like JSON, of which some is.
LIKE_JSON = [
    "{}",
    " {} ",
    "{",
    "{'a': 1}",
    "{a}",
    '{"a": 1,}',
    '{"x": 1}',
    '{"x": 1, "x": 1}',
    "{NaN}",
    '{\n "x": 1\n}',
]


DRAFTS: tuple[Draft, ...] = ("7", "2020-12")


@cache
def schema_of(draft: Draft) -> Schema:
    """That of settings, for reading: it takes half a second to make, in every process that collects these tests."""
    return settings_schema(draft=draft)


class Documents:
    """Strategies over the values of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._places = schema.get("definitions") or schema.get("$defs") or {}
        names = [name for name in schema["properties"] if name not in ("$schema", "task")]
        self._properties = {name: self._setting(name, schema["properties"][name]) for name in names}

    def _setting(self, name: str, schema: Schema) -> st.SearchStrategy[Any]:
        """The values of a setting: those of a mapping as JSON too, and paths where one may name a file."""
        value = self.value(schema, name in NAMED_FILES)
        if JSON_TEXT not in schema.get("anyOf", ()):
            return value
        text = value.map(lambda drawn: json.dumps(drawn, indent=1) if isinstance(drawn, dict) else drawn)
        paths = [st.sampled_from(PATHS)] if name in NAMED_FILES else []
        return st.one_of(value, value, text, st.sampled_from(LIKE_JSON), *paths)

    def value(self, schema: Schema, is_file: bool = False, depth: int = 0) -> st.SearchStrategy[Any]:
        if "$ref" in schema:
            return self._object(self._places[schema["$ref"].rpartition("/")[2]], depth)
        if "allOf" in schema:
            return self.value(schema["allOf"][0], is_file, depth)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                members = [item for item in schema[key] if not _is_text_of_its_own(item, is_file)]
                return st.one_of([self.value(member, is_file, depth) for member in members])
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return st.sampled_from(
                [*values * 8, *(f" {value}" for value in values if value and isinstance(value, str))]
            )
        return self._of_type(schema, depth)

    def _of_type(self, schema: Schema, depth: int) -> st.SearchStrategy[Any]:
        match schema.get("type"):
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case "integer":
                return st.sampled_from(_near(schema, 1))
            case "number":
                return st.sampled_from([*_near(schema, 0.25), *_near(schema, 1)])
            case "string":
                return st.sampled_from(_options(schema) or WORDS)
            case "array":
                return st.lists(self.value(schema.get("items", {}), depth=depth + 1), max_size=2)
            case "object" if "properties" in schema:
                return self._object(schema, depth)
            case "object":
                return st.dictionaries(st.sampled_from(["min_lr", "power", "momentum", "x"]), st.sampled_from([0.5, 1]))
        return st.sampled_from(ODD)

    def _object(self, schema: Schema, depth: int) -> st.SearchStrategy[Any]:
        if depth > 2:
            return st.just({})
        keys = {name: self.value(item, depth=depth + 1) for name, item in schema.get("properties", {}).items()}
        return _some_of(keys, 3)

    def valid_by_field(self, names: list[str] | None = None, most: int = 7) -> st.SearchStrategy[dict[str, Any]]:
        """Documents of which every value fits its own setting; what they say together may be wrong."""
        return _some_of({name: self._properties[name] for name in names or self._properties}, most)

    def of_rules(self, rows: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        """Documents of the rules' own tables, two at a time, with one thing changed, anywhere inside."""
        two = st.lists(st.sampled_from(rows), min_size=1, max_size=2)
        merged = two.map(lambda chosen: {name: value for row in chosen for name, value in row.items()})
        changed = st.builds(_change_inside, merged, st.sampled_from([*ODD, " no ", "auto"]), st.data())
        return st.one_of(
            merged, changed, st.builds(_mutate, merged, st.sampled_from(ODD), st.integers(0, 5), st.data())
        )

    def with_arguments(self, chooser: str, name: str, sections: Mapping[Any, Any]) -> st.SearchStrategy[dict[str, Any]]:
        """A schedule or an optimizer with arguments of its own, or now and then of another's, as a mapping or text."""
        drawn = {choice.value: self._object(self._places[section.__name__], 1) for choice, section in sections.items()}
        choices, others = st.sampled_from(sorted(drawn)), st.sampled_from([*[None] * 9, *sorted(drawn)])
        pairs = choices.flatmap(lambda it: others.flatmap(lambda other: st.tuples(st.just(it), drawn[other or it])))
        rest = self.valid_by_field(["learning_rate", "max_steps", "warmup_steps"], 2)
        as_text = st.booleans() if name == "optim_args" else st.just(False)
        return st.builds(lambda pair, rest, text: _with(chooser, name, pair, rest, text), pairs, rest, as_text)

    def mutated(self) -> st.SearchStrategy[dict[str, Any]]:
        """The same with one thing changed: a key renamed or added, a value of any kind in place of another."""
        return st.builds(_mutate, self.valid_by_field(), st.sampled_from(ODD), st.integers(0, 5), st.data())


def _is_text_of_its_own(schema: Schema, is_file: bool) -> bool:
    """Whether a member stands for texts that are drawn apart: paths, and JSON for a mapping."""
    return schema.get("type") == "string" and (is_file or schema == JSON_TEXT)


def _some_of(values: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[dict[str, Any]]:
    if not values:
        return st.just({})
    names = st.lists(st.sampled_from(sorted(values)), unique=True, max_size=most)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: values[name] for name in chosen}))


def _with(chooser: str, name: str, pair: tuple[str, Any], rest: dict[str, Any], as_text: bool) -> dict[str, Any]:
    choice, arguments = pair
    if as_text:
        arguments = ", ".join(f"{key}={json.dumps(value)}" for key, value in arguments.items())
    return {**rest, chooser: choice, name: arguments}


def _change_inside(document: dict[str, Any], odd: Any, data: st.DataObject) -> dict[str, Any]:
    """One value, however deep, in place of another, or one key less."""
    name = data.draw(st.sampled_from(sorted(document))) if document else "seed"
    inner = document.get(name)
    if isinstance(inner, dict) and inner:
        return {**document, name: _change_inside(inner, odd, data)}
    if data.draw(st.booleans()):
        return {key: value for key, value in document.items() if key != name}
    return {**document, name: odd}


def _mutate(document: dict[str, Any], odd: Any, what: int, data: st.DataObject) -> dict[str, Any]:
    changed = dict(document)
    name = data.draw(st.sampled_from(sorted(changed))) if changed else "seed"
    if what == 0:
        changed[name[:-1] + "q"] = changed.pop(name, odd)
    elif what == 1:
        changed["unheard_of"] = odd
    else:
        changed[name] = odd
    return changed


def _near(schema: Schema, step: float) -> list[Any]:
    """Values on and about the borders, of which some are over them."""
    borders = [schema[key] for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum") if key in schema]
    found = {border + shift for border in borders or [0] for shift in (-step, 0, step)} | {4 * step, 1 * step}
    return sorted(int(value) if step == 1 and schema.get("type") == "integer" else value for value in found)


def _options(schema: Schema) -> list[str]:
    pattern = schema.get("pattern", "")
    if "((" not in pattern:
        return []
    words = pattern.partition("((")[2].partition(")")[0].split("|")
    return [*words, "", f"{words[0]} {words[-1]}", "nonsense"]
