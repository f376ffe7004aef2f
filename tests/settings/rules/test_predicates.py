"""A predicate's expression, its slow reading and an interpreter written apart from both always agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec.settings.rules import comparisons as t
from trainspec.settings.rules import conditions as c
from trainspec.settings.rules import predicates as p
from trainspec.settings.rules.compilation import READERS, compile_rules, triggers
from trainspec.settings.rules.rule import Rule
from trainspec.settings.sections.fsdp import FSDPConfig
from trainspec.settings.values.choices import SaveStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULTS: dict[str, Any] = {
    "flag": False,
    "number": 1,
    "choice": "steps",
    "options": [],
    "table": None,
    "section": None,
    "other": 2,
    "pair": None,
}
TEXTS = ["k=1", "l = 2, k=1"]
PATTERNS = st.sampled_from(["[a-z]*", "steps|no", "(?!steps)[a-z]+", "a"])
TWO_NUMBERS = [st.sampled_from(["number", "other", "section.min_num_params", "table.k"])] * 2
NAMES = st.sampled_from(sorted(DEFAULTS))

values = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.sampled_from([True, False, None]),
        "number": st.sampled_from([0, 1, 2, 0.5, -1, None]),
        "choice": st.sampled_from(["no", "steps", SaveStrategy.BEST, "", None]),
        "options": st.sampled_from([[], ["a"], ["a", "b"], "", "a", "b a", "a,b", True, None]),
        "table": st.sampled_from(
            [None, {}, {"k": 1}, {"k": None, "l": 0}, {"k": True, "l": False}, TEXTS[0], TEXTS[1]]
        ),
        "other": st.sampled_from([0, 1, 2, 0.5, None]),
        "pair": st.sampled_from([None, [1, 2], [0, 0.5]]),
        "section": st.sampled_from([None, "file.yaml", FSDPConfig(), FSDPConfig(min_num_params=5)]),
    },
)
leaves = st.one_of(
    st.builds(p.equals, NAMES, st.sampled_from([True, False, None, 0, 1, "steps", SaveStrategy.BEST])),
    st.builds(lambda name, of: p.one_of(name, *of), NAMES, st.sets(st.sampled_from([0, 2, "no", "best", True]))),
    st.builds(p.is_set, NAMES),
    st.builds(p.given, NAMES),
    st.builds(p.said, NAMES),
    st.builds(p.above, st.just("number"), st.sampled_from([0, 1, 0.5])),
    st.builds(p.below, st.just("section.min_num_params"), st.sampled_from([0, 6])),
    st.builds(p.option, st.just("options"), st.sampled_from(["a", "b", "c"])),
    st.builds(p.equals, st.sampled_from(["table.k", "table.l"]), st.sampled_from([True, False, 1, None])),
    st.builds(p.given, st.sampled_from(["table.k", "table.l"])),
    st.builds(p.matches, st.sampled_from(["choice", "options"]), PATTERNS, st.just("a word")),
    st.builds(p.exceeds, *TWO_NUMBERS),
    st.builds(p.at_least, *TWO_NUMBERS),
    st.builds(p.differs, *TWO_NUMBERS),
    st.builds(p.differs_from_pair, st.just("pair"), st.just("number"), st.just("other")),
    st.builds(p.is_count, st.just("number")),
    st.builds(p.is_fraction, st.just("number")),
    st.builds(p.key, st.sampled_from(["table", "section"]), st.sampled_from(["k", "l", "min_num_params"])),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(p.negate),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: p.all_of(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: p.any_of(*parts)),
        st.tuples(inner, inner).map(lambda pair: p.implies(*pair)),
    ),
    max_leaves=8,
)


def look_up(document: dict[str, Any], name: str) -> Any:
    field, _, key = name.partition(".")
    value = document.get(field)
    if not key:
        return value
    if isinstance(value, dict):
        return value.get(key)
    return getattr(value, key, None) if isinstance(value, FSDPConfig) else None


def interpret(when: c.Predicate, document: dict[str, Any], said: set[str]) -> bool:
    """What the condition means, written without a look at how predicates do it."""
    if isinstance(when, c.Not):
        return not interpret(when.inner, document, said)
    if isinstance(when, c.AllOf):
        return all(interpret(part, document, said) for part in when.parts)
    if isinstance(when, c.AnyOf):
        return any(interpret(part, document, said) for part in when.parts)
    if isinstance(when, t.OfTwoFields):
        return compare(when, document)
    assert isinstance(when, c.OfOneField)
    value = look_up(document, when.field)
    off = value is None or value is False or value in ("", [], {})
    return (when.field in said and not off) if isinstance(when, c.Said) else bool(MEANING[type(when)](when, value))


def compare(when: t.OfTwoFields, document: dict[str, Any]) -> bool:
    one = look_up(document, when.names()[0])
    if isinstance(when, t.DiffersFromPair):
        return one is not None and one != [document["number"], document["other"]]
    other = look_up(document, when.names()[1])
    if one is None or other is None:
        return False
    return bool({t.Exceeds: one > other, t.AtLeast: not one < other, t.Differs: one != other}[type(when)])


MEANING: dict[type[c.Predicate], Callable[[Any, Any], Any]] = {
    c.Equals: lambda when, value: value is when.to if isinstance(when.to, bool | None) else value == when.to,
    c.OneOf: lambda when, value: any(value == item for item in when.of),
    c.IsSet: lambda when, value: value is not None,
    c.IsTruthy: lambda when, value: bool(value),
    c.Above: lambda when, value: value is not None and value > when.limit,
    c.Below: lambda when, value: value is not None and value < when.limit,
    c.Includes: lambda when, value: when.option in words_of(value),
    c.Matches: lambda when, value: isinstance(value, str) and re.search(rf"\A({when.pattern})\Z", value),
    c.HasKey: lambda when, value: when.key in keys_of(value),
}


def words_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return value if isinstance(value, list) else []


def keys_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [part.split("=")[0].strip() for part in value.split(",")]
    if isinstance(value, FSDPConfig):
        return list(value.model_dump(exclude_unset=True))
    return list(value or ())


@given(conditions, values)
def test_expression_and_slow_reading_agree(when: c.Predicate, said: dict[str, Any]) -> None:
    document = {**DEFAULTS, **said}
    expected = interpret(when, document, set(said))
    assert bool(eval(when.expression(), dict(READERS), {"v": document, "s": set(said)})) is expected
    assert when.holds(document, set(said)) is expected


@given(conditions, values)
def test_compiled_rules_agree(when: c.Predicate, said: dict[str, Any]) -> None:
    rule = Rule(code="TST101", name="test", message="m", reason="r", fix="f", when=when)
    judge = compile_rules([rule, rule], DEFAULTS)
    document = {**DEFAULTS, **said}
    expected = interpret(when, document, set(said))
    assert [index for index, _ in judge(document, set(said), None)] == ([0, 1] if expected else [])


@given(conditions)
def test_prose_names_every_setting(when: c.Predicate) -> None:
    assert all(name in when.prose() for name in when.names())


def test_a_rule_words_its_message_where_its_condition_holds() -> None:
    rule = Rule(
        code="TST101",
        name="test",
        message="m",
        reason="r",
        fix="f",
        when=p.above("number", 1),
        tell=lambda s: f"seen {s}",
    )
    judge = compile_rules([rule], DEFAULTS)
    assert judge({**DEFAULTS, "number": 2}, {"number"}, "these") == [(0, "seen these")]
    assert judge({**DEFAULTS, "number": 1}, {"number"}, "these") == []


def test_a_rule_shows_what_it_is_told_to() -> None:
    when = p.on("table.k")
    assert Rule(code="T", name="t", message="m", reason="r", fix="f", when=when).fields == ("table.k",)
    assert Rule(code="T", name="t", message="m", reason="r", fix="f", when=when, shown=("table",)).fields == ("table",)


def test_a_function_that_decides_words_its_own_message() -> None:
    with pytest.raises(TypeError, match="tell"):
        Rule(code="T", name="t", message="m", reason="r", fix="f", also=("x",), check=bool, tell=str)


@pytest.mark.parametrize("wrap", [p.negate, lambda when: p.all_of(p.on("flag"), when), p.any_of])
def test_a_comparison_is_seen_wherever_it_is(wrap: Callable[[c.Predicate], c.Predicate]) -> None:
    assert wrap(p.exceeds("number", "other")).compares()
    assert not wrap(p.above("number", 1)).compares()


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (p.differs("section.min_num_params", "number"), ["section"]),
        (p.exceeds("number", "table.k"), ["table"]),
        (p.exceeds("number", "other"), ["number", "other"]),
        (p.any_of(p.differs("table.k", "number"), p.differs("table.l", "other")), ["table"]),
    ],
    ids=str,
)
def test_a_comparison_waits_for_the_setting_without_which_it_cannot_hold(
    when: c.Predicate, expected: list[str]
) -> None:
    assert triggers(when, DEFAULTS) == set(expected)
