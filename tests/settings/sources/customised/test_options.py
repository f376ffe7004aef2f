"""Every option of SettingsConfigDict is obeyed, in a class's configuration and in a call, or refused with its class."""

import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Optional

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from trainspec import SettingsWarning, TrainingArguments, diagnostics
from trainspec.settings.base import Settings
from trainspec.settings.diagnostics.source import SourceKind
from trainspec.settings.sources.customised.options import SourceOptions


class Lora(BaseModel):
    r: int = 8
    alpha: int = 16


class Mode(Enum):
    FAST = "f"
    SLOW = "s"


class App(Settings):
    model_config = SettingsConfigDict(env_prefix="ACME_")

    seed: int = 1
    name: Optional[str] = "none"  # noqa: UP045 - as apps write it
    mode: Mode = Mode.SLOW
    tags: list[str] = Field(default_factory=list)
    lora: Lora = Lora(r=4)
    lora_dropout: float = 0.0
    key: SecretStr | None = None

    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return value.split(";") if isinstance(value, str) else value


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str, encoding: str = "utf-8") -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding=encoding)
        return tmp_path / name

    return write


def from_variables(variables: dict[str, str], **config: Any) -> Settings:
    """What a subclass with this configuration makes of the environment."""
    made: type[Settings] = type("Configured", (App,), {"__module__": __name__, "model_config": config})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return made()


OBEYED: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = {
    "prefix": ({"env_prefix": "X_"}, {"X_SEED": "3", "ACME_SEED": "4"}, {"seed": 3}),
    "prefix in small letters": ({"env_prefix": "x_"}, {"X_SEED": "3"}, {"seed": 3}),
    "no prefix": ({"env_prefix": ""}, {"SEED": "3", "LORA__R": "2", "TASK": "x"}, {"seed": 3, "lora": {"r": 2}}),
    "case": ({"case_sensitive": True}, {"ACME_seed": "3"}, {"seed": 3}),
    "delimiter": ({"env_nested_delimiter": "."}, {"ACME_LORA.R": "2"}, {"lora": {"r": 2}}),
    "delimiter in names": (
        {"env_nested_delimiter": "_"},
        {"ACME_LORA_R": "2", "ACME_LORA_DROPOUT": "0.5"},
        {"lora": {"r": 2}, "lora_dropout": 0.5},
    ),
    "text for null": ({"env_parse_none_str": "void"}, {"ACME_NAME": "void"}, {"name": None}),
    "names of members": ({"env_parse_enums": True}, {"ACME_MODE": "FAST"}, {"mode": "f"}),
    "empty is a value": ({"env_ignore_empty": False}, {"ACME_NAME": ""}, {"name": ""}),
    "empty is nothing": ({}, {"ACME_NAME": ""}, {}),
    "no decoding": ({"enable_decoding": False}, {"ACME_TAGS": "a;b"}, {"tags": ["a", "b"]}),
    "decoding": ({}, {"ACME_TAGS": '["a;b"]'}, {"tags": ["a;b"]}),
    "defaults of a model": (
        {"nested_model_default_partial_update": True},
        {"ACME_LORA__ALPHA": "2"},
        {"lora": {"r": 4, "alpha": 2}},
    ),
    "no defaults of a model": ({}, {"ACME_LORA__ALPHA": "2"}, {"lora": {"alpha": 2}}),
}


@pytest.mark.parametrize(("config", "variables", "said"), OBEYED.values(), ids=OBEYED)
def test_an_option_is_obeyed(config, variables, said) -> None:
    assert from_variables(variables, **config).to_dict() == said


@pytest.mark.parametrize(("config", "variables", "said"), OBEYED.values(), ids=OBEYED)
def test_it_is_obeyed_in_class_arguments_too(config, variables, said, monkeypatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    class Configured(App, **config):
        pass

    assert Configured().to_dict() == said


def test_how_deep_a_name_goes(monkeypatch) -> None:
    class Deep(Settings, env_prefix="DEEP_", env_nested_delimiter="_", env_nested_max_split=1):
        words: dict[str, Any] = Field(default_factory=dict)

    monkeypatch.setenv("DEEP_WORDS_ONE_TWO_THREE", "x")
    assert Deep().words == {"one_two_three": "x"}
    assert Deep(_env_nested_max_split=2).words == {"one": {"two_three": "x"}}


def test_a_typo_is_told_with_the_prefix_and_case_that_hold(monkeypatch) -> None:
    monkeypatch.setenv("ACME_SEDE", "1")
    with pytest.raises(ValidationError, match=r"ACME_SEDE matches no setting(.|\n)*did you mean ACME_SEED"):
        App()
    with pytest.raises(ValidationError, match="did you mean ACME_seed"):
        from_variables({}, case_sensitive=True)
    assert from_variables({"SEDE": "1"}, env_prefix="").to_dict() == {}


def test_dotenv_files(write, monkeypatch) -> None:
    write("a.env", "ACME_SEED=3\nACME_LORA_DROPOUT=0.5\nOTHER=1\n")
    write("b.env", "ACME_SEED=4\nACME_NAME=caf\xe9\n", encoding="latin-1")
    config = {"env_file": ("a.env", Path("b.env"), "absent.env"), "env_file_encoding": "latin-1"}
    made = from_variables({"ACME_LORA_DROPOUT": "0.25"}, **config)
    assert made.to_dict() == {"seed": 4, "name": "café", "lora_dropout": 0.25}
    assert [str(made.provenance[name].source) for name in ("seed", "name")] == ["b.env:1 (dotenv)", "b.env:2 (dotenv)"]
    assert str(made.provenance["seed"].overrode[0].source) == "a.env:1 (dotenv)"
    with pytest.raises(ValidationError, match="SRC106"):
        from_variables({}, env_file="b.env")

    class Named(App, env_file="a.env"):
        pass

    write("c.env", "ACME_SEED=5\n")
    assert (Named().seed, Named(_env_file="c.env").seed, Named(_env_file=None).seed) == (3, 5, 1)
    monkeypatch.setenv("ACME_ENV_FILE", "c.env")
    assert (Named().seed, Named(_env_file="a.env").seed, Named(_env_file=None).seed) == (5, 3, 1)


def test_where_and_what_of_dotenv_files(write, monkeypatch) -> None:
    folder = write("above.env", "ACME_SEED=3\nACME_SEDE=4\n").parent
    (folder / "one/two").mkdir(parents=True)
    monkeypatch.chdir(folder / "one/two")
    assert from_variables({}, env_file="above.env", env_file_depth=1).to_dict() == {}
    with pytest.raises(ValidationError, match="ACME_SEDE matches no setting"):
        from_variables({}, env_file="above.env", env_file_depth=2)
    found = from_variables({}, env_file="above.env", env_file_depth=2, dotenv_filtering="only_existing")
    assert found.to_dict() == {"seed": 3}


def test_secrets_directories(write) -> None:
    one, two = write("one/key", "k1\n").parent, write("two/acme_key", "k2\n").parent
    assert from_variables({}, secrets_dir=str(one)).key.get_secret_value() == "k1"
    both = from_variables({}, secrets_dir=(str(one), two))
    assert both.key.get_secret_value() == "k2" and both.provenance["key"].source.kind is SourceKind.SECRET
    with pytest.warns(SettingsWarning, match="SRC105"):
        assert from_variables({}, secrets_dir="absent").to_dict() == {}
    with pytest.raises(ValidationError, match="SRC105"):
        App(_secrets_dir="absent")
    assert App(_secrets_dir=one).key.get_secret_value() == "k1"


def test_config_files(write, monkeypatch) -> None:
    write("a.json", '{"seed": 2, "lora": {"r": 1}, "name": "j"}')
    write("b.toml", "[tool.app]\nseed = 3\nname = 't'\n")
    write("c.yaml", "app:\n  train:\n    seed: 4\n    lora: {alpha: 5}\n")
    where = {"yaml_config_section": "app.train", "toml_table_header": ("tool", "app")}
    made = from_variables({}, json_file="a.json", toml_file="b.toml", yaml_file=["c.yaml", "no.yaml"], **where)
    assert made.to_dict() == {"seed": 4, "name": "t", "lora": {"r": 1, "alpha": 5}}
    assert str(made.provenance["seed"].source) == "c.yaml:3:5"
    latin = write("latin.yaml", "name: caf\xe9\n", encoding="latin-1")
    assert from_variables({}, yaml_file=latin, yaml_file_encoding="latin-1").to_dict() == {"name": "café"}
    monkeypatch.setenv("ACME_CONFIG", str(write("d.yaml", "seed: 9\n")))
    assert from_variables({}, json_file="a.json").to_dict() == {"seed": 9, "lora": {"r": 1}, "name": "j"}
    with pytest.raises(ValidationError, match="SRC110"):
        from_variables({}, yaml_file="d.yaml", yaml_config_section="app")
    with pytest.raises(ValidationError, match=r"did you mean seed(.|\n)*SRC102"):
        from_variables({}, yaml_file=write("typo.yaml", "sede: 9\n"))


NO_SOURCE = {
    "secrets_dir_missing": "ok",
    "secrets_dir_max_size": 8,
    "secrets_case_sensitive": True,
    "secrets_prefix": "x",
    "secrets_nested_delimiter": "_",
    "secrets_nested_subdir": True,
    "pyproject_toml_depth": 1,
    "pyproject_toml_table_header": ("tool",),
}


@pytest.mark.parametrize("option", NO_SOURCE)
def test_an_option_that_no_source_reads_is_refused(option) -> None:
    with pytest.raises(TypeError, match=f"Configured: {option} has no effect without a .*settings_customise_sources"):
        from_variables({}, **{option: NO_SOURCE[option]})

    class Ordered(App):
        model_config = SettingsConfigDict(**{option: NO_SOURCE[option]})

        @classmethod
        def settings_customise_sources(cls, settings_cls: type[BaseSettings], **sources: Any) -> tuple[Any, ...]:
            return (sources["init_settings"],)

    assert Ordered(seed=2).seed == 2


def test_an_option_that_is_not_known_yet_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(
        "trainspec.settings.sources.customised.options._of_sources", lambda: frozenset({"env_of_tomorrow"})
    )
    with pytest.raises(TypeError, match="does not know the option env_of_tomorrow"):
        from_variables({}, env_of_tomorrow=1)


def test_no_option_is_overlooked() -> None:
    """Each is obeyed, one of pydantic-settings' own command line, or refused without its source."""
    options = SettingsConfigDict.__annotations__.keys() - ConfigDict.__annotations__.keys()
    of_ours = set(SourceOptions._fields)
    assert {one for one in options - of_ours if not one.startswith("cli_")} == NO_SOURCE.keys()


def test_a_configuration_changed_later_holds(monkeypatch) -> None:
    class Late(App):
        pass

    monkeypatch.setenv("LATE_SEED", "3")
    assert Late().seed == 1
    Late.model_config["env_prefix"] = "LATE_"
    assert (Late().seed, Late.env_prefix, Late.env_prefix == "LATE_") == (3, "LATE_", True)


CALLS: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "prefix": ({"_env_prefix": "X_"}, {"X_SEED": "3", "TRAINSPEC_SEED": "4"}, 3),
    "case": ({"_case_sensitive": True}, {"TRAINSPEC_seed": "3"}, 3),
    "null is not said": ({"_env_prefix": None, "_case_sensitive": None}, {"TRAINSPEC_SEED": "3"}, 3),
    "an argument over it": ({"_env_prefix": "X_", "seed": 5}, {"X_SEED": "3"}, 5),
}


@pytest.mark.parametrize(("arguments", "variables", "seed"), CALLS.values(), ids=CALLS)
def test_a_call_says_how_sources_are_read(arguments, variables, seed, monkeypatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert TrainingArguments("out", **arguments).seed == seed


def test_documents_read_nothing_whatever_the_configuration(write, monkeypatch) -> None:
    write("a.env", "ACME_SEED=3\n")
    write("a.yaml", "seed: 4\n")

    class Configured(App):
        model_config = SettingsConfigDict(env_file="a.env", yaml_file="a.yaml", secrets_dir=os.getcwd())

    monkeypatch.setenv("ACME_SEED", "5")
    assert (Configured().seed, Configured.from_dict({}).seed, Configured.model_validate({}).seed) == (5, 1, 1)


def test_what_it_is() -> None:
    assert issubclass(TrainingArguments, BaseSettings) and isinstance(TrainingArguments(), BaseSettings)
    with pytest.raises(ValidationError) as caught:
        TrainingArguments(_nonsense=1)
    assert [item.code for item in diagnostics(caught.value)] == ["SRC102"]
