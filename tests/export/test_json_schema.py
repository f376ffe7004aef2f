"""The schema of a settings document: whole, described, in two dialects, with every rule that is data."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from tests.export.documents import DRAFTS, schema_of

from trainspec import Rule, TrainingArguments
from trainspec.export.json_schema import expressed, not_expressed, render
from trainspec.settings.rules.predicates import above, all_of, on

META = {"7": jsonschema.Draft7Validator, "2020-12": jsonschema.Draft202012Validator}
EDITOR_WORDS = {"markdownDescription", "errorMessage", "deprecationMessage"}
SCHEMAS: dict[str, dict[str, Any]] = {draft: schema_of(draft) for draft in DRAFTS}


class Extended(TrainingArguments):
    """Settings of a team."""

    rank: int = 8

    rank_with_fp16 = Rule(
        code="ACME101",
        name="rank-with-fp16",
        message="rank above 64 does not work with fp16",
        reason="it overflows",
        fix="lower rank",
        when=all_of(above("rank", 64), on("fp16")),
    )


def places(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema that describes settings: the root's and the definitions' properties."""
    for holder in (node, *node.get("definitions", node.get("$defs", {})).values()):
        yield from holder.get("properties", {}).values()


def words(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from words(value)
    elif isinstance(node, list):
        for item in node:
            yield from words(item)


@pytest.mark.parametrize("draft", DRAFTS)
def test_it_is_valid_by_its_metaschema(draft: str) -> None:
    META[draft].check_schema(SCHEMAS[draft])
    assert SCHEMAS[draft]["$id"] == f"urn:trainspec:settings:{draft}"


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_setting_has_a_title_and_a_description(draft: str) -> None:
    assert SCHEMAS[draft]["properties"].keys() >= TrainingArguments.model_fields.keys()
    assert all(item.get("title") and item.get("description") for item in places(SCHEMAS[draft]))


@pytest.mark.parametrize("draft", DRAFTS)
def test_no_mapping_takes_unknown_keys(draft: str) -> None:
    holders = [SCHEMAS[draft], *(SCHEMAS[draft].get("definitions") or SCHEMAS[draft]["$defs"]).values()]
    assert all(holder["additionalProperties"] is False for holder in holders)


@pytest.mark.parametrize("draft", DRAFTS)
def test_every_rule_that_is_data_is_in_it_with_its_code_and_remedy(draft: str) -> None:
    messages = [item.get("$comment", "") for item in SCHEMAS[draft]["allOf"]]
    for rule in expressed(TrainingArguments):
        (message,) = [text for text in messages if text.startswith(f"{rule.code}: ")]
        assert rule.message in message and rule.fix[1:] in message


def test_every_error_is_in_it_or_listed_in_it() -> None:
    errors = {rule.code for rule in TrainingArguments.rules() if rule.severity == "error"}
    inside = {rule.code for rule in expressed(TrainingArguments)}
    listed = set(not_expressed(TrainingArguments))
    assert errors <= inside | listed and not inside & listed
    assert all(code in SCHEMAS["7"]["$comment"] for code in listed)


def test_only_the_editors_dialect_uses_editors_words() -> None:
    assert set(words(SCHEMAS["7"])) >= EDITOR_WORDS
    assert not set(words(SCHEMAS["2020-12"])) & EDITOR_WORDS


def test_choices_are_described() -> None:
    choices = SCHEMAS["7"]["properties"]["lr_scheduler_type"]["oneOf"]
    assert {choice["const"]: choice["description"] for choice in choices}["cosine"].startswith("Down to 0 along")
    described = [choice for item in places(SCHEMAS["7"]) for choice in item.get("oneOf", [])]
    assert all(choice["description"] for choice in described)


def test_old_names_are_there_and_marked() -> None:
    old = SCHEMAS["7"]["properties"]["evaluation_strategy"]
    assert old["deprecated"] is True and "eval_strategy" in old["deprecationMessage"]
    assert SCHEMAS["2020-12"]["properties"]["no_cuda"]["deprecated"] is True


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"fp16": True, "bf16": True}, "PRE101"),
    ({"load_best_model_at_end": True, "eval_strategy": "epoch"}, "CKP101"),
    ({"load_best_model_at_end": True, "evaluation_strategy": "epoch"}, "CKP101"),
    ({"dataloader_prefetch_factor": 2}, "DAT"),
    ({"fsdp": "full_shard shard_grad_op"}, "PAR102"),
]


@pytest.mark.parametrize(("document", "code"), BROKEN, ids=[code for _, code in BROKEN])
def test_a_broken_rule_says_its_code_where_editors_look(document: dict[str, Any], code: str) -> None:
    validator = jsonschema_rs.validator_for(SCHEMAS["7"])
    blamed = {str(error.instance_path[0]) for error in validator.iter_errors(document)}
    assert blamed and blamed <= document.keys()
    rules = [item for item in SCHEMAS["7"]["allOf"] if "$comment" in item]
    broken = [item["$comment"] for item in rules if not jsonschema_rs.validator_for(item).is_valid(document)]
    assert [message for message in broken if message.startswith(code)]


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_subclass_has_its_fields_and_rules_in_it(draft: str) -> None:
    schema = json.loads(render(Extended, draft=draft))  # type: ignore[arg-type]
    validator = jsonschema_rs.validator_for(schema)
    assert schema["title"] == "Extended"
    assert validator.is_valid({"rank": 65}) and validator.is_valid({"rank": 64, "fp16": True})
    assert not validator.is_valid({"rank": 65, "fp16": True})
    assert not validator.is_valid({"rank": "8"})
    assert not validator.is_valid({"fp16": True, "bf16": True})
