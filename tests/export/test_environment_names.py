"""Variables in the environment's schema and in the template are written as the class's configuration reads them."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import Settings, TrainingArguments
from trainspec.export.apps.template import render as app_template
from trainspec.export.env_template import render as template
from trainspec.export.environment_schema import render


class Lora(BaseModel):
    r: int = 8


class Plain(Settings):
    lora: Lora = Lora()
    seed: int = 3
    key: SecretStr | None = None


def configured(**config: Any) -> type[Settings]:
    made: type[Settings] = type("Configured", (Plain,), {"__module__": __name__, "model_config": config})
    return made


CASES: dict[str, tuple[dict[str, Any], list[dict[str, str]], list[dict[str, str]]]] = {
    "another delimiter": (
        {"env_prefix": "ACME_", "env_nested_delimiter": "."},
        [{"ACME_LORA.R": "4", "ACME_SEED": "5"}, {"ACME_KEY_FILE": "/dev/null"}],
        [{"ACME_LORA__R": "4"}, {"ACME_LORA.R": "x"}, {"ACMEXLORA": "1", "ACME_SEDE": "1"}],
    ),
    "no delimiter": (
        {"env_prefix": "ACME_", "env_nested_delimiter": None},
        [{"ACME_LORA": '{"r": 4}'}],
        [{"ACME_LORA__R": "4"}],
    ),
    "a prefix in small letters": (
        {"env_prefix": "acme_"},
        [{"ACME_SEED": "5", "ACME_LORA__R": "4"}],
        [{"ACME_SEDE": "5"}, {"acme_sede": "5"}],
    ),
    "letters count": (
        {"env_prefix": "Acme_", "case_sensitive": True},
        [{"Acme_seed": "5", "Acme_lora__r": "4"}, {"ACME_SEED": "anything"}],
        [{"Acme_SEED": "5"}, {"Acme_seed": "x"}],
    ),
    "no prefix": (
        {"env_prefix": ""},
        [{"SEED": "5", "PATH": "/bin", "CONFIG": "of another program"}],
        [{"SEED": "x"}],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_schema_and_loader_read_the_same_names(case, monkeypatch) -> None:
    config, good, bad = CASES[case]
    model = configured(**config)
    schema = jsonschema.Draft202012Validator(render(model))
    for variables, valid in [*((one, True) for one in good), *((one, False) for one in bad)]:
        with monkeypatch.context() as patch:
            for name, text in variables.items():
                patch.setenv(name, text)
            assert schema.is_valid(variables) is valid, variables
            if valid:
                said = model().to_dict()
                assert said.get("seed", 5) == 5 and said.get("lora", {"r": 4}) == {"r": 4}
            else:
                with pytest.raises(ValidationError):
                    model()


WRITTEN: dict[str, list[str]] = {
    "another delimiter": ["ACME_LORA.KEY", "#ACME_SEED=", "#ACME_KEY_FILE=", "ACME_ENV_FILE"],
    "no delimiter": ["#ACME_LORA="],
    "a prefix in small letters": ["ACME_LORA__KEY", "#ACME_SEED=", "#ACME_CONFIG="],
    "letters count": ["Acme_lora__KEY", "#Acme_seed=", "#Acme_key_file=", "#Acme_config="],
    "no prefix": ["LORA__KEY", "#SEED="],
}


@pytest.mark.parametrize("case", CASES)
def test_the_template_writes_them_so(case) -> None:
    text = template(configured(**CASES[case][0]))
    assert [one for one in WRITTEN[case] if one not in text] == []
    assert ("a key at a time: " in text) is (case != "no delimiter")
    assert ("config=" in text.lower()) is (case != "no prefix")


class Node(Settings):
    child: Node | None = None
    children: list[Node] = Field(default_factory=list)
    seed: int = 3


class Branch(BaseModel):
    inner: Branch | None = None
    size: int = 1


class AppWithBranches(BaseSettings):
    model_config = SettingsConfigDict(env_nested_delimiter="__")

    train: TrainingArguments = Field(default_factory=TrainingArguments)
    branch: Branch | None = None


def test_what_contains_itself_ends() -> None:
    assert jsonschema.Draft202012Validator(render(Node)).is_valid({"TRAINSPEC_CHILD__CHILD__SEED": "4"})
    assert jsonschema.Draft7Validator(render(Node, "7")).is_valid({"TRAINSPEC_CHILD__CHILD__SEED": "4"})
    assert "#TRAINSPEC_SEED=3" in template(Node)
    text = app_template(AppWithBranches)
    assert "#BRANCH__INNER__SIZE=1" in text and "#TRAIN__SEED=" in text
