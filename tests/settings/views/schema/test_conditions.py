"""A condition's schema holds for exactly the documents for which the condition does; a comparison's for no others."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from trainspec import TrainingArguments
from trainspec.settings.base import Settings
from trainspec.settings.rules import conditions as c
from trainspec.settings.rules import predicates as p
from trainspec.settings.views.schema.conditions import ConditionSchemas


class Small(Settings):
    """Settings of every kind that a condition can be about."""

    flag: bool = False
    number: float | None = 1.0
    other: float = 2.0
    pair: list[float] | None = None
    name: str | None = None
    table: dict[str, Any] | None = None
    arguments: dict[str, Any] | str | None = None


DEFAULTS = {name: info.default for name, info in Small.model_fields.items()}
SCHEMAS = ConditionSchemas(Small)

NUMBERS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])
NAMES = st.sampled_from(["a", "a-b", "a--b", "A_b", "", "-", "a/b", "a.b.c", "x" * 9])
ENTRIES = st.dictionaries(st.sampled_from(["on", "size", "resize"]), NUMBERS | st.booleans(), max_size=2)
SPELLINGS = [("true", True), ("Yes", True), ("1", True), ("off", False), ("False", False)]
PAIRS = st.fixed_dictionaries(
    {},
    optional={"on": st.sampled_from(SPELLINGS), "size": st.sampled_from([("0.0", 0.0), ("+0e5", 0.0), ("10", 10.0)])},
)
BLANKS = st.sampled_from(["", " ", "\t"])

documents = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.booleans(),
        "number": NUMBERS | st.none(),
        "other": NUMBERS,
        "pair": st.sampled_from([[1.0, 2.0], [2.0, 1.0], [0.5, 0.5]]) | st.none(),
        "name": NAMES | st.none(),
        "table": ENTRIES | st.none(),
        "arguments": st.none(),
    },
)
PATTERNS = st.sampled_from([r"[a-z]+(?:[.-][a-z]+)*", r"(?!\S{9})[a-z]+", r"(?:[\s\S]*/)?[a-z]/*"])
KEYS = st.sampled_from(["on", "size", "resize"])
TWO = [st.sampled_from(["number", "other"])] * 2

leaves = st.one_of(
    st.builds(p.on, st.just("flag")),
    st.builds(p.is_set, st.sampled_from(["number", "name", "table"])),
    st.builds(p.above, st.just("number"), NUMBERS),
    st.builds(p.is_count, st.sampled_from(["number", "other"])),
    st.builds(p.is_fraction, st.just("other")),
    st.builds(p.matches, st.just("name"), PATTERNS, st.just("so")),
    st.builds(p.key, st.just("table"), KEYS),
    st.builds(lambda key, to: p.equals(f"table.{key}", to), KEYS, st.sampled_from([True, False, None, 1.0])),
    st.builds(lambda key: p.is_null(f"table.{key}"), KEYS),
    st.builds(lambda key, limit: p.below(f"table.{key}", limit), st.just("size"), NUMBERS),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(p.negate),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: p.all_of(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: p.any_of(*parts)),
    ),
    max_leaves=6,
)
comparisons = st.one_of(
    st.builds(p.exceeds, *TWO),
    st.builds(p.at_least, *TWO),
    st.builds(p.differs, *TWO),
    st.builds(p.differs, st.just("table.size"), st.just("other")),
    st.builds(p.exceeds, st.just("number"), st.just("table.size")),
    st.builds(p.exceeds, st.just("table.size"), st.just("number")),
    st.builds(p.differs_from_pair, st.just("pair"), st.just("number"), st.just("other")),
)


def takes(condition: c.Predicate, document: dict[str, Any]) -> bool:
    return jsonschema_rs.validator_for(SCHEMAS.render(condition)).is_valid(document)


def holds(condition: c.Predicate, document: dict[str, Any]) -> bool:
    return condition.holds({**DEFAULTS, **document}, document.keys())


@hypothesis_settings(max_examples=400)
@given(conditions, documents.filter(lambda document: not has_switch_for_size(document)))
def test_the_schema_says_the_condition(condition: c.Predicate, document: dict[str, Any]) -> None:
    assert takes(condition, document) is holds(condition, document)


def has_switch_for_size(document: dict[str, Any]) -> bool:
    """A boolean as a number, which no argument's type lets through."""
    return isinstance((document.get("table") or {}).get("size"), bool)


@given(st.builds(p.on, st.just("arguments.on")) | st.builds(p.given, st.just("arguments.size")), PAIRS, BLANKS)
def test_text_says_what_the_mapping_says(condition: c.Predicate, pairs: dict[str, Any], blank: str) -> None:
    text = ",".join(f"{blank}{key}{blank}={blank}{said}{blank}" for key, (said, _) in pairs.items())
    expected = holds(condition, {"arguments": {key: meant for key, (_, meant) in pairs.items()}})
    assert takes(condition, {"arguments": text}) is expected
    assert takes(condition, {"arguments": {key: meant for key, (_, meant) in pairs.items()}}) is expected
    assert takes(p.negate(condition), {"arguments": text}) is not expected


@hypothesis_settings(max_examples=400)
@given(comparisons, leaves, documents.filter(lambda document: not has_switch_for_size(document)))
def test_a_comparison_refuses_nothing_that_it_does_not_mean(
    compared: c.Predicate, beside: c.Predicate, document: dict[str, Any]
) -> None:
    for condition in (compared, p.all_of(beside, compared), p.any_of(beside, compared)):
        assert holds(condition, document) or not takes(condition, document)


@hypothesis_settings(max_examples=400)
@given(comparisons, documents.filter(lambda document: not has_switch_for_size(document)))
def test_a_comparison_is_said_whole_while_one_side_is_absent(compared: c.Predicate, document: dict[str, Any]) -> None:
    one, *others = compared.names()
    if not {other.partition(".")[0] for other in others} & document.keys() or (
        one not in document and "." not in one and DEFAULTS[one] is not None
    ):
        assert takes(compared, document) is holds(compared, document)


def test_an_old_name_beside_a_section_says_a_key_of_it() -> None:
    schemas = ConditionSchemas(TrainingArguments)
    validator = jsonschema_rs.validator_for(schemas.render(p.is_null("fsdp_config.min_num_params")))
    assert validator.is_valid({"seed": 1}) and not validator.is_valid({"fsdp_min_num_params": 5})
    assert not validator.is_valid({"fsdp_config": {"min_num_params": 5}})


@pytest.mark.parametrize("number", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("word", [p.exceeds, p.at_least, p.differs])
def test_a_comparison_with_a_default_stands_on_both_sides_of_the_border(word: Any, number: float) -> None:
    for compared in (word("number", "other"), word("other", "number")):
        assert takes(compared, {"number": number}) is holds(compared, {"number": number})


def test_what_is_asked_beside_a_comparison_may_leave_nothing_to_say() -> None:
    document = {"number": 3.0}
    assert takes(p.exceeds("number", "other"), document)
    assert not takes(p.all_of(p.above("other", 2), p.exceeds("number", "other")), document)


def test_a_comparison_cannot_be_turned_round() -> None:
    with pytest.raises(TypeError, match="no schema can say"):
        SCHEMAS.render(p.negate(p.exceeds("number", "other")))
