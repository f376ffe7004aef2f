"""Every source that an app may have, in the app's own order and by the app's own names."""

from collections.abc import Callable
from typing import Any

import pydantic_settings
import pytest
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    CliApp,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
    YamlConfigSettingsSource,
)

from trainspec import TrainingArguments, diagnostics

CANARY = "canary-of-an-app"
Write = Callable[[str, str | bytes], str]


class App(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_", env_nested_delimiter="__")

    train: TrainingArguments = Field(default_factory=TrainingArguments)


def found_by(make: Callable[[], Any]) -> list[Any]:
    with pytest.raises(ValidationError) as caught:
        make()
    assert CANARY not in str(caught.value)
    return diagnostics(caught.value)


def test_dotenv_files_with_their_lines(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    base = write("base.env", "APP_TRAIN__SEED=1\n\n# rate\napp_train__learning_rate=1e-3\nAPP_TRAIN__WEIGHT_DECAY=0\n")
    site = write("site.env", "# site\nAPP_TRAIN__SEED=2\n")
    monkeypatch.setenv("APP_TRAIN__WEIGHT_DECAY", "0.1")
    train = App(_env_file=[base, site]).train
    assert str(train.provenance["seed"]) == f"2  ({site}:2 (dotenv))"
    assert str(train.provenance["learning_rate"]) == f"0.001  ({base}:4 (dotenv))"
    environment = "APP_TRAIN__WEIGHT_DECAY (environment)"
    assert str(train.provenance["weight_decay"]) == f"0.1  ({environment}, over 0.0 from {base}:5 (dotenv))"


def test_a_typo_in_a_dotenv_file_is_named_and_placed(write: Write) -> None:
    file = write("app.env", "APP_TRAIN__SEED=1\nAPP_TRAIN__LERNING_RATE=3\n")
    (item,) = found_by(lambda: App(_env_file=file))
    assert (item.code, item.message) == ("SRC101", "APP_TRAIN__LERNING_RATE matches no setting")
    assert (item.remedy, str(item.source)) == ("did you mean APP_TRAIN__LEARNING_RATE?", f"{file}:2 (dotenv)")


def test_a_folder_of_secrets(write: Write, tmp_path: Any) -> None:
    file = write("secrets/app_train", f'{{"push_to_hub": true, "hub_token": "{CANARY}"}}')
    train = App(_secrets_dir=tmp_path / "secrets").train
    assert train.hub_token.get_secret_value() == CANARY
    assert str(train.provenance["push_to_hub"].source) == f"{file} (secret file)"


@pytest.mark.skipif(not hasattr(pydantic_settings, "NestedSecretsSettingsSource"), reason="since 2.12")
def test_a_folder_of_secrets_with_a_file_a_setting(write: Write, tmp_path: Any) -> None:
    from pydantic_settings import NestedSecretsSettingsSource

    class Nested(App):
        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
            return sources["env_settings"], NestedSecretsSettingsSource(sources["file_secret_settings"])

    write("secrets/app_train__push_to_hub", "true")
    file = write("secrets/app_train__hub_token", f"{CANARY}\n")
    train = Nested(_secrets_dir=tmp_path / "secrets").train
    assert train.hub_token.get_secret_value() == CANARY and train.push_to_hub is True
    assert str(train.provenance["hub_token"].source) == f"{file} (secret file)"


FILES = {
    "yaml": (YamlConfigSettingsSource, "run.yaml", "name: x\ntrain:\n  seed: 3\n  learning_rat: 0.1\n", 4),
    "toml": (TomlConfigSettingsSource, "run.toml", 'name = "x"\n[train]\nseed = 3\nlearning_rat = 0.1\n', 4),
    "json": (JsonConfigSettingsSource, "run.json", '{"name": "x",\n "train": {"seed": 3,\n "learning_rat": 0.1}}', 3),
}


@pytest.mark.parametrize("form", FILES)
def test_config_files_with_their_lines(form: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source, name, text, line = FILES[form]

    class Filed(App):
        name: str

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
            return sources["env_settings"], source(settings_cls, file)  # type: ignore[operator]

    file = write(name, text)
    (typo,) = found_by(Filed)
    assert (typo.code, typo.source.name, typo.source.line) == ("SRC102", file, line)
    file = write(name, text.replace("learning_rat", "learning_rate"))
    monkeypatch.setenv("APP_TRAIN__LEARNING_RATE", "2e-3")
    entry = Filed().train.provenance["learning_rate"]
    assert (entry.value, entry.overrode[0].value, entry.overrode[0].source.line) == ("0.002", "0.1", line)


class Reordered(App):
    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
        return sources["env_settings"], sources["init_settings"]


def test_the_apps_order_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__SEED", "7")
    train = Reordered(train={"seed": 3, "bf16": True}).train
    given = "Reordered(train=...) (constructor)"
    assert str(train.provenance["seed"]) == f"7  (APP_TRAIN__SEED (environment), over 3 from {given})"
    assert train.replace(seed=9).seed == 9 and train.provenance["bf16"].source.name == "Reordered(train=...)"


class Vault(PydanticBaseSettingsSource):
    asked = 0

    def get_field_value(self, field: Any, field_name: str) -> Any:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        type(self).asked += 1
        return {"train": {"seed": "5", "learning_rate": 0.1}}


class Vaulted(App):
    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
        return sources["env_settings"], Vault(settings_cls)


MODERN = hasattr(BaseSettings, "_settings_init_sources")


@pytest.mark.skipif(not MODERN, reason="pydantic-settings before 2.13 forgets what a source said")
def test_somebodys_own_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__LEARNING_RATE", "1e-3")
    monkeypatch.setattr(Vault, "asked", 0)
    train = Vaulted().train
    assert (train.seed, Vault.asked) == (5, 1)
    assert str(train.provenance["seed"].source) == "Vault (settings source)"


@pytest.mark.skipif(not MODERN, reason="pydantic-settings before 2.13 forgets what a source said")
def test_two_sources_of_one_name() -> None:
    class Twice(App):
        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:
            return Other(settings_cls), Vault(settings_cls)

    class Other(Vault):
        __name__ = "Vault"

        def __call__(self) -> dict[str, Any]:
            return {"train": {"seed": "6"}}

    train = Twice().train
    assert (train.seed, train.learning_rate) == (6, 0.1)


# Flags.

FLAGS = {
    "number": (["--train.learning_rate", "1e-3"], "learning_rate", 0.001),
    "boolean": (["--train.bf16", "true"], "bf16", True),
    "choice": (["--train.lr_scheduler_type", "cosine"], "lr_scheduler_type", "cosine"),
    "choice by its name": (["--train.lr_scheduler_type", "COSINE"], "lr_scheduler_type", "cosine"),
    "list": (["--train.report_to", "jsonl", "--train.report_to", "plot"], "report_to", ["jsonl", "plot"]),
    "JSON": (["--train", '{"seed": 3}'], "seed", 3),
}


# Its command line stops at any boolean field whose type says more than bool.
of_213 = pytest.mark.skipif(pydantic_settings.__version__.startswith("2.13."), reason="its flags fail")


@of_213
@pytest.mark.parametrize("case", FLAGS)
@pytest.mark.parametrize("way", ["CliApp", "_cli_parse_args"])
def test_flags(case: str, way: str) -> None:
    words, name, value = FLAGS[case]
    app = CliApp.run(App, cli_args=words) if way == "CliApp" else App(_cli_parse_args=words)
    assert app.train.to_dict() == {name: value}
    assert str(app.train.provenance[name].source) == f"{words[0]} (command line)"


@of_213
def test_a_flag_of_the_wrong_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__SEED", "7")
    (item,) = found_by(lambda: CliApp.run(App, cli_args=["--train.learning_rate", "fast"]))
    assert (item.code, str(item.source)) == ("VAL101", "--train.learning_rate (command line)")


# What an app's own validators make of values.


class Meddling(App):
    @model_validator(mode="before")
    @classmethod
    def _more(cls, data: Any) -> Any:
        train = data.setdefault("train", {})
        train["seed"] = 5
        train["run_name"] = str(train.get("run_name", "")) + "-app"
        train.pop("weight_decay", None)
        return data


def test_a_validator_that_changes_values_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"RUN_NAME": "x", "WEIGHT_DECAY": "0.1", "LEARNING_RATE": "1e-3", "SEED": "3"}.items():
        monkeypatch.setenv(f"APP_TRAIN__{name}", text)
    train = Meddling().train
    assert train.to_dict() == {"run_name": "x-app", "learning_rate": 0.001, "seed": 5}
    assert str(train.provenance["seed"]) == "5  (document, over 3 from APP_TRAIN__SEED (environment))"


class Copying(App):
    @model_validator(mode="before")
    @classmethod
    def _copied(cls, data: Any) -> Any:
        return {**data, "train": {**data["train"]}}


def test_a_validator_that_copies_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__LEARNING_RATE", "1e-3")
    assert Copying().train.provenance["learning_rate"].source.name == "APP_TRAIN__LEARNING_RATE"


class Partial(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="APP_", env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    train: TrainingArguments = TrainingArguments.from_dict({"learning_rate": 0.5, "seed": 3})


@pytest.mark.skipif(pydantic_settings.__version__.startswith("2.6."), reason="its own call of pydantic fails")
def test_a_default_that_variables_are_laid_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_TRAIN__SEED", "7")
    train = Partial().train
    assert train.to_dict() == {"learning_rate": 0.5, "seed": 7}
    assert (
        str(train.provenance["seed"]) == "7  (APP_TRAIN__SEED (environment), over 3 from Partial.train (constructor))"
    )
