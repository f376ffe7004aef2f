"""Text around settings in an app: a variable that holds no mapping, and an app that is made of strings alone."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import TrainingArguments, diagnostics

CANARY = "canary-of-an-app"


class App(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    train: TrainingArguments = Field(default_factory=TrainingArguments)
    other: TrainingArguments | None = None


class Job(BaseModel):
    train: TrainingArguments


class Deep(BaseSettings):
    job: Job


@pytest.mark.parametrize(("text", "noun"), [("", "nothing"), (CANARY, "other text"), ("[1]", "list"), ("5", "int")])
def test_text_that_is_no_mapping_is_told_with_its_variable(text, noun, monkeypatch) -> None:
    monkeypatch.setenv("APP_OTHER", text)
    with pytest.raises(ValidationError) as caught:
        App()
    (item,) = diagnostics(caught.value)
    assert CANARY not in f"{caught.value}{caught.value.errors()}"
    assert (item.code, item.fields) == ("SRC108", ("",))
    assert item.message == f"APP_OTHER must be a mapping of settings in JSON, not {noun}"
    assert str(item.source) == "APP_OTHER (environment)" and "APP_OTHER__" in item.remedy


def test_an_app_made_of_strings_reads_them_as_text() -> None:
    said: dict[str, Any] = {"train": {"seed": "7", "learning_rate": "1e-3", "bf16": "yes"}}
    expected = {"seed": 7, "learning_rate": 0.001, "bf16": True}
    assert App.model_validate_strings(said).train.to_dict() == expected
    assert TypeAdapter(App).validate_strings(said).train.to_dict() == expected
    assert Deep.model_validate_strings({"job": said}).job.train.to_dict() == expected
    with pytest.raises(ValidationError, match="did you mean seed"):
        App.model_validate_strings({"train": {"sede": "7"}})
    with pytest.raises(ValidationError, match="write it without quotes"):
        App.model_validate(said)
