"""Other names that a class gives its settings: the schema takes them wherever the validator does."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import AliasChoices, ConfigDict, Field, create_model

from trainspec import TrainingArguments


class Aliased(TrainingArguments):
    key: int = Field(1, alias="theKey")


class Read(TrainingArguments):
    key: int = Field(1, validation_alias=AliasChoices("first", "second"))


class Required(TrainingArguments):
    key: int = Field(alias="theKey")


class Loud(TrainingArguments):
    model_config = ConfigDict(alias_generator=str.upper)


class Underscored(TrainingArguments):
    model_config = ConfigDict(alias_generator=lambda name: f"{name}_")


@pytest.mark.parametrize("around", [False, True], ids=["alone", "embedded"])
@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Aliased, {"theKey": 4}),
        (Aliased, {"key": 4}),
        (Aliased, {"theKey": "x"}),
        (Aliased, {"thekey": 4}),
        (Read, {"first": 4}),
        (Read, {"second": 4}),
        (Read, {"third": 4}),
        (Required, {"theKey": 4}),
        (Required, {"key": 4}),
        (Required, {}),
        (Required, {"key": None}),
        (Loud, {"SEED": 3}),
        (Loud, {"seed": 3}),
        (Loud, {"SEED": "x"}),
        (Loud, {"BF16": True, "FP16": True}),
        (Loud, {"bf16": True, "FP16": True}),
        (Loud, {"LOAD_BEST_MODEL_AT_END": True, "SAVE_STRATEGY": "epoch", "EVAL_STRATEGY": "epoch"}),
        (Loud, {"load_best_model_at_end": True, "SAVE_STRATEGY": "epoch", "eval_strategy": "epoch"}),
        (Loud, {"LOAD_BEST_MODEL_AT_END": True, "save_strategy": "epoch"}),
        (Underscored, {"eval_strategy_": "steps", "eval_steps_": 0}),
        (Underscored, {"evaluation_strategy": "steps", "eval_steps_": 10}),
    ],
    ids=str,
)
def test_schema_and_validator_agree(model: type[TrainingArguments], document: dict[str, Any], around: bool) -> None:
    valid = model.check(document).ok
    whole: Any = create_model("App", train=(model, ...)) if around else model
    said = {"train": document} if around else document
    assert Draft202012Validator(whole.model_json_schema()).is_valid(said) == valid


def test_some_are_valid_and_some_are_not() -> None:
    assert Aliased.check({"theKey": 4}).ok and Required.check({"theKey": 4}).ok
    assert not Required.check({}).ok and not Loud.check({"BF16": True, "FP16": True}).ok
