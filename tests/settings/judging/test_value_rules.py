"""The value rules, for every setting in every source: no boolean is a number, nothing is infinite."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
from pydantic import ValidationError, create_model
from tests.settings.samples import BESIDE, FIELDS, KINDS, as_text, fields_of, sample

from trainspec import TrainingArguments
from trainspec.settings.sources.renames import RETIRED_VALUES

SWITCHES, INTEGERS, NUMBERS, CHOICES = map(fields_of, ("switch", "integer", "number", "choice"))
WAYS = ("document", "constructor", "text")


def judged(name: str, value: Any, way: str, judge: Any) -> Any:
    beside = BESIDE.get(name, {})
    if way == "document":
        return TrainingArguments.check({**beside, name: value})
    if way == "constructor":
        return judge({}, **{**beside, name: value})
    return judge({f"TRAINSPEC_{name.upper()}": value}, **{key: item for key, item in beside.items() if key != name})


def codes(name: str, verdict: Any) -> list[str]:
    """What is wrong with the value of this setting; rules about several settings are another matter."""
    return [item.code for item in verdict.errors if item.code.startswith("VAL") and item.fields[0] == name]


def test_the_tables_cover_the_model():
    assert len(SWITCHES) > 40 and len(INTEGERS) > 15 and len(NUMBERS) > 10 and len(CHOICES) > 10


@pytest.mark.parametrize("way", ["document", "constructor"])
@pytest.mark.parametrize("name", [*INTEGERS, *NUMBERS])
def test_a_boolean_is_no_number(name, way, judge):
    for value in (True, False):
        assert codes(name, judged(name, value, way, judge)) == ["VAL101"]


@pytest.mark.parametrize("way", ["document", "constructor"])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_number_is_no_boolean(name, way, judge):
    for value in (0, 1, 1.0, 2):
        assert codes(name, judged(name, value, way, judge)) == ["VAL101"]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_boolean_as_a_string(name, judge):
    for text, value in (("true", True), ("False", False), (" TRUE ", True)):
        assert judged(name, text, "constructor", judge).settings.__dict__[name] is value
        assert codes(name, judged(name, text, "document", judge)) == ["VAL101"]
        assert judged(name, text, "text", judge).settings.__dict__[name] is value


@pytest.mark.parametrize("name", [*INTEGERS, *NUMBERS])
def test_a_number_as_a_string(name, judge):
    value = sample(name)
    for text in (str(value), f"  {value}\t"):
        assert judged(name, text, "constructor", judge).settings.__dict__[name] == value
        assert judged(name, text, "text", judge).settings.__dict__[name] == value
        assert codes(name, judged(name, text, "document", judge)) == ["VAL101"]


@pytest.mark.parametrize("name", INTEGERS)
def test_a_float_that_is_whole(name, judge):
    value = sample(name)
    found = judged(name, float(value), "document", judge).settings.__dict__[name]
    assert (found, type(found)) == (value, int)
    assert codes(name, judged(name, float(value), "constructor", judge)) == ["VAL101"]
    assert codes(name, judged(name, f"{value}.0", "constructor", judge)) == ["VAL101"]
    assert codes(name, judged(name, f"{value}.0", "text", judge)) == ["VAL101"]
    assert codes(name, judged(name, value + 0.5, "document", judge)) == ["VAL101"]


@pytest.mark.parametrize("name", fields_of("number"))
def test_an_integer_is_a_number(name, judge):
    if KINDS[name].integer:
        assert judged(name, 3, "document", judge).settings.__dict__[name] == 3
        return
    whole = 1 if "< 1" not in KINDS[name].expected else 0
    for way, value in (("document", whole), ("constructor", whole), ("text", str(whole))):
        found = judged(name, value, way, judge).settings.__dict__[name]
        assert (found, type(found)) == (whole, float)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", [*INTEGERS, *NUMBERS])
def test_nothing_is_infinite_or_no_number(name, value, judge):
    assert codes(name, judged(name, value, "document", judge)) == ["VAL104"]
    assert codes(name, judged(name, value, "constructor", judge)) == ["VAL104"]
    for way in ("constructor", "text"):
        assert codes(name, judged(name, str(value), way, judge)) in (["VAL104"], ["VAL101"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_written_exactly(name, way, judge):
    for choice in KINDS[name].choices:
        assert codes(name, judged(name, choice, way, judge)) == []
        wrong = str(choice).swapcase()
        if wrong == str(choice) or (KINDS[name].boolean and wrong == "NO"):
            continue
        verdict = judged(name, wrong, way, judge)
        assert codes(name, verdict) == ["VAL103"]
        (error,) = [item for item in verdict.errors if item.code == "VAL103"]
        assert f"did you mean {choice}?" in error.remedy


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_takes_its_member(name, judge):
    members = [value for value in [TrainingArguments.model_fields[name].default] if hasattr(value, "value")]
    for member in members:
        assert judged(name, member, "constructor", judge).settings.__dict__[name] is member
        assert judged(name, member, "document", judge).settings.__dict__[name] is member


TEXTS = [name for name in FIELDS if KINDS[name].text and isinstance(sample(name), str) and not KINDS[name].mapping]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", TEXTS)
def test_text(name, way, judge):
    value = sample(name)
    assert judged(name, f" \t{value}\n", way, judge).settings.__dict__[name] == value
    for bad in ("a\nb", "a\x00b", "a\x7fb", "a\x1b[31m"):
        verdict = judged(name, bad, way, judge)
        assert codes(name, verdict) or not verdict.ok
        assert not set("\x00\x1b\x7f") & set("".join(item.render() for item in verdict.diagnostics))
    if way != "text":
        assert codes(name, judged(name, 5, way, judge)) == ["VAL101"]


@pytest.mark.parametrize("way", ["document", "constructor"])
@pytest.mark.parametrize("name", FIELDS)
def test_null_is_taken_where_the_contract_has_none_or_transformers_took_it(name, way, judge):
    """Every switch of transformers, where null is off, and a few more: with a warning that says what it became."""
    verdict = judged(name, None, way, judge)
    if None in RETIRED_VALUES.get(name, {}):
        assert [item.code for item in verdict.warnings if item.code.startswith("REN")] == ["REN104"]
    else:
        assert codes(name, verdict) == ([] if KINDS[name].null else ["VAL101"])


def test_every_switch_of_transformers_takes_null():
    ours = {"stop_on_nonfinite", "save_in_background"}
    switches = {name for name in FIELDS if KINDS[name].boolean and not KINDS[name].choices and not KINDS[name].text}
    told = {name for name, table in RETIRED_VALUES.items() if None in table}
    assert {name for name in switches if not KINDS[name].null} - told - ours == set()


ODD = {
    "a mapping": {"a": 1},
    "a list": [1],
    "a nested list": [["x"]],
    "an object": object(),
    "bytes": b"x",
    "a complex number": 1j,
    "a set": {1},
    "a class": int,
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
@pytest.mark.parametrize("way", ["document", "constructor"])
def test_odd_values_are_diagnosed(value, way, judge):
    for name in FIELDS:
        if name == "hub_token" and isinstance(value, bytes):
            continue
        verdict = judged(name, value, way, judge)
        assert verdict.ok or all(item.code and item.message and item.render() for item in verdict.errors), name
        assert KINDS[name].mapping or codes(name, verdict) or not verdict.ok, name


@pytest.mark.parametrize("name", FIELDS)
def test_the_error_names_what_was_seen_and_expected(name, judge):
    verdict = judged(name, object(), "constructor", judge)
    (error,) = [item for item in verdict.errors if item.fields[0] == name]
    assert error.message.startswith(f"{name} must be {KINDS[name].expected}, not ")
    assert error.source.kind == "constructor"


def test_as_text_of_every_sample_is_text():
    assert all(isinstance(as_text(sample(name)), str) for name in FIELDS)


def test_braces_in_a_value_stay_as_they_are():
    text = "{reason} {remedy} {name} {diagnostic} {message}"
    with pytest.raises(ValidationError) as caught:
        TrainingArguments.from_dict({"seed": text})
    assert str(caught.value).count(text) >= 2 and "{'code'" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_like_no_choice_is_told_all_of_them(name, judge):
    (error,) = [item for item in judged(name, "%%%%", "document", judge).errors if item.code == "VAL103"]
    assert all(str(choice) in error.message + error.remedy for choice in KINDS[name].choices)


def test_more_choices_than_anybody_reads_are_counted_only() -> None:
    many = tuple(f"choice_number_{number}" for number in range(500))
    model = create_model("Many", __base__=TrainingArguments, chosen=(Literal[many], many[0]))
    (error,) = model.check({"chosen": "%%%%"}).errors
    assert "one of its 500 choices" in error.message and error.remedy == ""
