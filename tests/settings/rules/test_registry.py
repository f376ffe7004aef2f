"""All rules together: codes and texts are fit to be shown, every rule has a table, and no rule minds the defaults."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments, validate
from trainspec.settings.rules.conditions import AllOf, AnyOf, Predicate, Said
from trainspec.settings.rules.effect import NEVER_DEAD
from trainspec.settings.rules.registry import ALL_RULES, FAMILIES

if TYPE_CHECKING:
    from tests.settings.rules.borders import Border

    from trainspec.settings.rules.rule import Rule

FIELDS = TrainingArguments.model_fields
DEFAULTS = {name: info.get_default(call_default_factory=True) for name, info in FIELDS.items()}
TABLES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py") if path.stem != Path(__file__).stem)


def all_borders() -> list[Border]:
    modules = (importlib.import_module(f"tests.settings.rules.{name}") for name in TABLES)
    return [border for module in modules for border in getattr(module, "BORDERS", ())]


def wish_of(rule: Rule) -> str | None:
    """The setting that a rule of kind without-effect is about."""
    first: Predicate | None = rule.when
    while isinstance(first, AllOf | AnyOf):
        first = first.parts[0]
    return first.field if isinstance(first, Said) and rule.code[3] == "3" else None


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_texts(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z]{3}[1-4][0-9]{2}", rule.code)
    assert rule in FAMILIES[rule.code[:3]]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert rule.severity in (("warning", "note") if rule.code[3] in "34" else ("error",))
    assert rule.severity != "note" or rule.idle
    for text in (rule.message, rule.reason, rule.fix):
        assert text == text.strip() and text and not text.endswith(".") and "\n" not in text
    assert any(name.partition(".")[0] in rule.message for name in rule.fields)
    assert rule.message != rule.reason


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.code)
def test_fields_exist(rule: Rule) -> None:
    for name in rule.fields:
        field, *keys = name.split(".")
        section: Any = TrainingArguments.field_kinds()[field].section
        assert field in FIELDS
        for key in keys:
            assert key in section.model_fields, name
            section = _section_in(section.model_fields[key].annotation)


def _section_in(annotation: Any) -> Any:
    members = getattr(annotation, "__args__", (annotation,))
    return next((member for member in members if hasattr(member, "model_fields")), None)


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in ALL_RULES}) == len({rule.name for rule in ALL_RULES}) == len(ALL_RULES)


def test_every_rule_has_a_table() -> None:
    assert {border.code for border in all_borders()} == {rule.code for rule in ALL_RULES}
    names = [str(border) for border in all_borders()]
    assert sorted(set(names)) == sorted(names)


def test_every_setting_can_be_dead_or_has_a_reason_why_not() -> None:
    dead = {name for rule in ALL_RULES if (name := wish_of(rule)) is not None}
    assert dead | NEVER_DEAD.keys() == FIELDS.keys()
    assert not dead & NEVER_DEAD.keys()
    assert all(reason and not reason.endswith(".") for reason in NEVER_DEAD.values())


def test_nothing_said_breaks_nothing() -> None:
    assert validate({}).diagnostics == []


@given(st.sets(st.sampled_from(sorted(FIELDS))))
def test_saying_defaults_is_no_error(names: set[str]) -> None:
    document = {name: _plain(DEFAULTS[name]) for name in names}
    assert validate(document).errors == []


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


@given(st.lists(st.sampled_from(all_borders()), min_size=2, max_size=4), st.booleans())
def test_rules_do_not_depend_on_each_other(borders: list[Border], wrong: bool) -> None:
    """Any mixture of documents gives a verdict, the same one each time, in the registry's order."""
    document: dict[str, Any] = {}
    for border in borders:
        document |= border.wrong if wrong else border.right
    first, second = validate(document), validate(dict(reversed(document.items())))
    assert [item.code for item in first.diagnostics] == [item.code for item in second.diagnostics]
    known = {rule.code: index for index, rule in enumerate(ALL_RULES)}
    order = [known[item.code] for item in first.diagnostics if item.code in known]
    assert order == sorted(order)
