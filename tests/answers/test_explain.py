"""All there is to know of a setting, under every name it has or had; and what has no facts."""

from typing import Any

import pytest
from tests.answers.conftest import as_json

from trainspec import TrainingArguments
from trainspec.answers.explain import explain, explain_all, overview
from trainspec.answers.faults import NoAnswer

NAMES = {
    "as it is": ("learning_rate", "learning_rate"),
    "dashes": ("learning-rate", "learning_rate"),
    "capitals": ("LEARNING_RATE", "learning_rate"),
    "a variable": ("TRAINSPEC_FSDP_CONFIG__VERSION", "fsdp_config.version"),
    "an old name": ("evaluation_strategy", "eval_strategy"),
    "an old name of a key": ("fsdp_min_num_params", "fsdp_config.min_num_params"),
    "a key of a mapping": ("fsdp_config.min_num_params", "fsdp_config.min_num_params"),
    "where settings are found": ("TRAINSPEC_SECRETS_FROM", "secrets_from"),
    "the same without its prefix": ("config", "config"),
}


@pytest.mark.parametrize(("word", "name"), NAMES.values(), ids=NAMES)
def test_a_setting_is_found_under_its_names(word: str, name: str) -> None:
    facts = explain(word)
    assert (facts.name, facts.asked_for) == (name, word)


# Setting -> some of its facts.
FACTS: dict[str, dict[str, Any]] = {
    "seed": {"group": "Randomness", "default": "42", "flag": "--seed N", "variable": "TRAINSPEC_SEED", "keys": []},
    "eval_strategy": {
        "choices": ["no", "steps", "epoch"],
        "old_names": ["evaluate_during_training", "evaluation_strategy"],
    },
    "eval_steps": {"follows_from": ["logging_steps"]},
    "optim": {"old_values": ["adamw_hf", "adamw"]},
    "hub_token": {"type": "text (a secret), or null", "default": "none"},
    "fsdp_config.min_num_params": {
        "variable": "TRAINSPEC_FSDP_CONFIG__MIN_NUM_PARAMS",
        "flag": "--fsdp_config.min_num_params N",
    },
}


@pytest.mark.parametrize("name", FACTS)
def test_the_facts(name: str) -> None:
    found = as_json(explain(name))
    assert {key: found[key] for key in FACTS[name]} == FACTS[name]


def test_rules_about_a_setting_or_its_keys_are_named() -> None:
    assert "PRE101 bf16-with-fp16" in explain("bf16").rules
    keys = [rule for rule in TrainingArguments.rules() if any(name.startswith("fsdp_config.") for name in rule.fields)]
    assert keys and {f"{rule.code} {rule.name}" for rule in keys} <= set(explain("fsdp_config").rules)


def test_all_are_explained_in_the_order_of_the_fields() -> None:
    facts = explain_all()
    assert [item.name for item in facts] == list(TrainingArguments.field_kinds())
    assert all(item.description and item.type and item.group for item in facts)


def test_the_overview_has_every_setting_under_its_group() -> None:
    groups = overview()
    placed = {name: group.heading for group in groups for name in group.settings}
    assert placed == {item.name: item.group for item in explain_all()}
    assert as_json(groups[0])["settings"][0].keys() == {"name", "description"}


NONE: dict[str, tuple[str, str, str]] = {
    "a slip": ("learning_rat", "there is no setting learning_rat", "did you mean learning_rate?"),
    "where settings are found, a slip": ("TRAINSPEC_SECRET_FROM", "there is no setting", "did you mean secrets_from?"),
    "a key of where settings are found": ("secrets_from.a", "there is no setting", "did you mean secrets_from?"),
    "nothing like it": ("zzzz", "there is no setting zzzz", "trainspec explain lists all settings"),
    "a key that a mapping lacks": (
        "fsdp_config.min_num_param",
        "fsdp_config has no key min_num_param",
        "did you mean fsdp_config.min_num_params?",
    ),
    "a key of an open mapping": ("lr_scheduler_kwargs.num_cycles", "", ""),
    "a removed one": ("use_ipex", "use_ipex is no setting any more: the extension", "drop it"),
    "no name at all": ("", "there is no setting ", ""),
    "long": ("z" * 80, f"there is no setting {'z' * 40}", ""),
}


@pytest.mark.parametrize(("word", "message", "remedy"), NONE.values(), ids=NONE)
def test_what_there_is_not_is_no_answer(word: str, message: str, remedy: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        explain(word)
    (found,) = caught.value.diagnostics
    assert found.code == "CLI104"
    assert found.message.startswith(message) and remedy in found.remedy
