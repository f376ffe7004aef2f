"""Every code is in rules.json, once, with all that its declaration says."""

import json
from typing import Any

import pytest

from trainspec import Rule, TrainingArguments
from trainspec.answers.rule import meanings
from trainspec.export.json_schema import not_expressed
from trainspec.export.rules_json import KINDS, entries, render
from trainspec.settings.rules.predicates import above

RULES: dict[str, dict[str, Any]] = {item["code"]: item for item in json.loads(json.dumps(render()))["rules"]}


class Extended(TrainingArguments):
    """Settings of a team."""

    rank: int = 8
    too_large = Rule(
        code="ACME101",
        name="too-large",
        message="too large",
        reason="of memory",
        fix="lower it",
        when=above("rank", 64),
    )


def test_it_has_every_code_but_those_of_the_command_line_and_the_service() -> None:
    explained = meanings()
    assert RULES.keys() == {code for code in explained if not code.startswith(("CLI", "SVC"))}
    for code, item in RULES.items():
        same = explained[code].to_dict()
        assert {"code": code, **{key: item[key] for key in same.keys() & item.keys()}} == {
            key: same[key] for key in same.keys() & item.keys()
        }
        assert item["message"] == same["found"]


def test_codes_are_sorted_and_stand_once() -> None:
    codes = [entry.code for entry in entries()]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("item", RULES.values(), ids=RULES.keys())
def test_each_says_all_that_a_person_needs(item: dict[str, Any]) -> None:
    assert item["name"] and item["message"] and item["reason"] and item["fix"] and item["kind"] in KINDS
    assert (item["severity"] in ("error", "warning", "note")) is (item["kind"] in ("rule", "target"))
    assert item["fields"] or item["kind"] != "rule"


def test_it_says_which_rules_the_schema_carries() -> None:
    carried = {code for code, item in RULES.items() if item["in_schema"]}
    assert "PRE101" in carried and not carried & set(not_expressed(TrainingArguments))
    assert all(RULES[code]["severity"] == "error" and RULES[code]["condition"] for code in carried)


def test_a_subclass_has_its_own_rules_in_it() -> None:
    entry = next(entry for entry in entries(Extended) if entry.code == "ACME101")
    assert entry.condition == "rank is above 64" and entry.in_schema and entry.fields == ("rank",)
