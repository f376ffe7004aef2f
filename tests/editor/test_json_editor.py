"""Typing a JSON file of settings in an editor: what VS Code's JSON language service offers, shows and underlines."""

from __future__ import annotations

from typing import Any

import pytest
from tests.editor.conftest import FOR_EDITORS

from trainspec import SchedulerType, TrainingArguments

QUESTIONS = {
    "keys": '"|"',
    "values": '"lr_scheduler_type": |""',
    "nested keys": '"fsdp_config": {"|"}',
    "hover": '"learn^ing_rate": 0.1',
    "both formats": '"bf16": true, "fp16": true',
    "one format": '"bf16": true, "fp16": false',
    "old name": '"evaluation_strategy": "epoch"',
    "new name": '"eval_strategy": "epoch"',
    "mistyped": '"learning_rat": 0.1',
}


@pytest.fixture(scope="module")
def answers(run_node: Any) -> dict[str, Any]:
    """What the service says of each document, in which | is where to complete and ^ where to hover."""
    documents = []
    for body in QUESTIONS.values():
        text = f'{{"$schema": "{FOR_EDITORS.as_uri()}", {body}}}'
        places = {word: text.index(sign) for word, sign in (("complete", "|"), ("hover", "^")) if sign in text}
        documents.append({"text": text.replace("|", "").replace("^", ""), **places})
    return dict(zip(QUESTIONS, run_node("json_session.mjs", {"schemas": [], "documents": documents}), strict=True))


def offered(answer: dict[str, Any]) -> dict[str, str]:
    return {item["label"].strip('"'): str(item.get("documentation")) for item in answer["completion"]}


def messages(answer: dict[str, Any]) -> list[str]:
    return [item["message"] for item in answer["diagnostics"]]


def test_keys_and_values_are_offered_with_their_documentation(answers: dict[str, Any]) -> None:
    assert set(TrainingArguments.model_fields) <= set(offered(answers["keys"]))
    assert "curve" in offered(answers["keys"])["lr_scheduler_type"]
    assert set(offered(answers["values"])) >= set(SchedulerType)
    assert "half a cosine" in offered(answers["values"])["cosine"]


def test_keys_of_a_nested_mapping_are_offered(answers: dict[str, Any]) -> None:
    assert "transformer_layer_cls_to_wrap" in offered(answers["nested keys"])


def test_hover_shows_what_a_setting_is(answers: dict[str, Any]) -> None:
    # A point is escaped in the Markdown that editors render.
    assert "Initial learning rate." in str(answers["hover"]["hover"]).replace("\\", "")


def test_a_broken_rule_is_marked_with_code_and_remedy_until_it_is_mended(answers: dict[str, Any]) -> None:
    assert any("PRE101" in text and "Keep bf16" in text for text in messages(answers["both formats"]))
    assert messages(answers["one format"]) == []


def test_an_old_name_is_marked_with_its_successor(answers: dict[str, Any]) -> None:
    assert any("write eval_strategy" in text for text in messages(answers["old name"]))
    assert messages(answers["new name"]) == []


def test_a_mistyped_key_is_marked(answers: dict[str, Any]) -> None:
    assert any("learning_rat" in text for text in messages(answers["mistyped"]))
