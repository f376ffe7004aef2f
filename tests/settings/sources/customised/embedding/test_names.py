"""The app chooses the names of its variables: prefix, delimiter, case, aliases."""

import os
from typing import Any

import pytest
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import TrainingArguments, diagnostics
from trainspec.settings.sources.embedding.names import our_name
from trainspec.settings.values.shape import shape_of


class App(BaseSettings):
    train: TrainingArguments = Field(default_factory=TrainingArguments)
    train_data: str = ""


def app(**config: Any) -> type[App]:
    return type("Named", (App,), {"__module__": __name__, "model_config": SettingsConfigDict(**config)})


# Configuration, the variables that say a learning rate and a key of a section, a typo, what is suggested for it.
NAMES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "two underscores": (
        {"env_prefix": "APP_", "env_nested_delimiter": "__"},
        "APP_TRAIN__LEARNING_RATE",
        "APP_TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS",
        "APP_TRAIN__LERNING_RATE",
        "APP_TRAIN__LEARNING_RATE",
    ),
    "no prefix": (
        {"env_nested_delimiter": "__"},
        "TRAIN__LEARNING_RATE",
        "TRAIN__FSDP_CONFIG__MIN_NUM_PARAMS",
        "TRAIN__LERNING_RATE",
        "TRAIN__LEARNING_RATE",
    ),
    "one underscore": (
        {"env_prefix": "APP_", "env_nested_delimiter": "_"},
        "APP_TRAIN_LEARNING_RATE",
        "APP_TRAIN_FSDP_CONFIG_MIN_NUM_PARAMS",
        "APP_TRAIN_LERNING_RATE",
        "APP_TRAIN_LEARNING_RATE",
    ),
    "a point": (
        {"env_prefix": "app.", "env_nested_delimiter": "."},
        "app.train.learning_rate",
        "app.train.fsdp_config.min_num_params",
        "app.train.lerning_rate",
        "APP.TRAIN.LEARNING_RATE",
    ),
    "lower case that counts": (
        {"env_prefix": "app_", "env_nested_delimiter": "__", "case_sensitive": True},
        "app_train__learning_rate",
        "app_train__fsdp_config__min_num_params",
        "app_train__lerning_rate",
        "app_train__learning_rate",
    ),
}
if os.name == "nt":
    NAMES.pop("lower case that counts")
SPLITS = {"one underscore": 1, "two underscores": 1, "a point": 2}
CASES = [(name, None) for name in NAMES] + list(SPLITS.items())


@pytest.mark.parametrize(("case", "split"), CASES)
def test_names(case: str, split: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    config, rate, key, typo, suggested = NAMES[case]
    made = app(**config, **({"env_nested_max_split": split} if split else {}))
    monkeypatch.setenv(rate, "1e-3")
    monkeypatch.setenv(key, "100")
    monkeypatch.setenv(rate.replace("learning_rate", "fsdp").replace("LEARNING_RATE", "FSDP"), "full_shard auto_wrap")
    train = made().train
    assert train.learning_rate == 0.001 and train.fsdp_config.min_num_params == 100
    assert train.provenance["learning_rate"].source.name == rate
    assert train.provenance["fsdp_config.min_num_params"].source.name == key
    monkeypatch.setenv(typo, "1e-3")
    with pytest.raises(ValidationError) as caught:
        made()
    (item,) = diagnostics(caught.value)
    assert (item.code, item.source.name if item.source else "") == ("SRC101", typo)
    assert item.remedy == f"did you mean {suggested}?"


@pytest.mark.parametrize("split", [None, 1])
def test_a_variable_of_another_field_is_none_of_ours(split: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = app(env_prefix="APP_", env_nested_delimiter="_", env_nested_max_split=split)
    monkeypatch.setenv("APP_TRAIN_DATA", "/data")
    monkeypatch.setenv("APP_TRAIN_SEED", "7")
    assert (made().train.seed, made().train_data) == (7, "/data")


def test_an_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    class Aliased(BaseSettings):
        model_config = SettingsConfigDict(env_nested_delimiter="__")

        train: TrainingArguments = Field(validation_alias="TRAINING")

    monkeypatch.setenv("TRAINING__LEARNING_RATE", "1e-3")
    assert Aliased().train.provenance["learning_rate"].source.name == "TRAINING__LEARNING_RATE"


def test_without_a_delimiter_there_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN", '{"seed": 7}')
    monkeypatch.setenv("APP_TRAIN__SEED", "8")
    train = app(env_prefix="APP_")().train
    assert (train.seed, train.provenance["seed"].source.name) == (7, "APP_TRAIN")


def test_the_word_for_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__SAVE_TOTAL_LIMIT", "void")
    made = app(env_prefix="APP_", env_nested_delimiter="__", env_parse_none_str="void")
    assert made().train.to_dict() == {"save_total_limit": None}


def test_names_of_other_years(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__EVALUATION_STRATEGY", "no")
    with pytest.warns(match=r"evaluation_strategy is the old name of eval_strategy\n.*APP_TRAIN__EVALUATION_STRATEGY"):
        train = app(env_prefix="APP_", env_nested_delimiter="__")().train
    assert train.provenance["eval_strategy"].source.name == "APP_TRAIN__EVALUATION_STRATEGY"


@pytest.mark.parametrize(
    ("short", "delimiter", "ours"),
    [
        ("LEARNING_RATE", "_", "learning_rate"),
        ("fsdp_config_min_num_params", "_", "fsdp_config__min_num_params"),
        ("fsdp_config.min_num_params", ".", "fsdp_config__min_num_params"),
        ("fsdp_config__min_num_params", "__", "fsdp_config__min_num_params"),
        ("deepspeed-zero_optimization-stage", "-", "deepspeed__zero_optimization__stage"),
        ("fsdp_min", "_", "fsdp__min"),
        ("nothing.there", ".", "nothing__there"),
        ("nothing_there", "_", "nothing_there"),
    ],
)
def test_our_names_for_them(short: str, delimiter: str, ours: str) -> None:
    assert our_name(short, delimiter, shape_of(TrainingArguments).fields) == ours
